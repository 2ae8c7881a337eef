"""Requests to the encoder whose answers somebody waits for (pure logic, Qt-free)."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.engine.encoding.encoder_sink import EncoderError
from lmpt_desktop.translation import N_, _
from trainer.box import Box

MAX_ATTEMPTS = 2

CRASH_REASON = N_("The model process crashed twice while reading this photo.")


AnswerT = TypeVar("AnswerT")
FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PhotoMap:
    """What a backbone sees where: ``cells`` (g, g, D) float16, unit norm, rows from the top.

    ``box`` is what they cover, in fractions of the upright photo, see
    :class:`trainer.events.MapEncoded`.
    """

    cells: NDArray[np.float16]
    box: Box


@dataclass
class Request(Generic[AnswerT]):
    """Something to encode, and the future of what the encoder answers."""

    crash_error: ClassVar[tuple[str, str]]
    """Kind and message of the error after ``max_attempts`` crashes."""
    max_attempts: ClassVar[int] = MAX_ATTEMPTS

    future: Future[AnswerT] = field(default_factory=Future, init=False)
    attempts: int = field(default=0, init=False)


@dataclass
class TextRequest(Request[FloatArray]):
    """Texts; the future is of features (n, D)."""

    crash_error = ("error", N_("The model process crashed while reading class names."))

    texts: list[str]
    ensemble: bool


@dataclass
class TurnedRequest(Request[FloatArray]):
    """A photo to encode as if it were turned; the future is of features (3, D)."""

    crash_error = ("unreadable", CRASH_REASON)

    path: Path


@dataclass
class MapRequest(Request[PhotoMap]):
    """A photo whose cells to encode.

    It is sent while photos are in flight, so it is not tried twice: a crash must not be blamed on
    them again.
    """

    crash_error = ("unreadable", N_("The model process crashed while reading this photo."))
    max_attempts = 1

    path: Path


RequestT = TypeVar("RequestT", bound=Request[Any])


class RequestQueue(Generic[RequestT]):
    """Requests waiting and in flight (not thread-safe)."""

    def __init__(self) -> None:
        self._waiting: list[RequestT] = []
        self._in_flight: dict[str, RequestT] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    @property
    def in_flight(self) -> bool:
        return bool(self._in_flight)

    def add(self, request: RequestT) -> None:
        """Append a request."""
        self._waiting.append(request)

    def take(self, name: str) -> RequestT | None:
        """The next request, in flight under ``name`` from now on."""
        if not self._waiting:
            return None
        request = self._in_flight[name] = self._waiting.pop(0)
        return request

    def answered(self, name: str) -> RequestT | None:
        """The request was answered, with a result or an error."""
        return self._in_flight.pop(name, None)

    def crashed(self) -> None:
        """The encoder crashed: requests in flight are sent again, as often as they may be."""
        for request in self._in_flight.values():
            request.attempts += 1
            if request.attempts < request.max_attempts:
                self._waiting.append(request)
            else:
                kind, message = request.crash_error
                request.future.set_exception(EncoderError(kind, _(message)))
        self._in_flight.clear()

    def fail(self, error: EncoderError) -> None:
        """Fail every request with ``error``."""
        for request in [*self._waiting, *self._in_flight.values()]:
            request.future.set_exception(EncoderError(error.kind, str(error)))
        self._waiting.clear()
        self._in_flight.clear()
