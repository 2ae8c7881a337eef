"""Requests to the encoder whose answers somebody waits for (pure logic, Qt-free)."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.engine.encoding.encoder_sink import EncoderError
from lmpt_desktop.translation import N_, _

MAX_ATTEMPTS = 2

CRASH_REASON = N_("The model process crashed twice while reading this photo.")


@dataclass
class Request:
    """Something to encode, and the future of its features, float32."""

    crash_error: ClassVar[tuple[str, str]]
    """Kind and message of the error after ``MAX_ATTEMPTS`` crashes."""

    future: Future[NDArray[np.float32]] = field(default_factory=Future, init=False)
    attempts: int = field(default=0, init=False)


@dataclass
class TextRequest(Request):
    """Texts; the future is of (n, D)."""

    crash_error = ("error", N_("The model process crashed while reading class names."))

    texts: list[str]
    ensemble: bool


@dataclass
class TurnedRequest(Request):
    """A photo to encode as if it were turned; the future is of (3, D)."""

    crash_error = ("unreadable", CRASH_REASON)

    path: Path


RequestT = TypeVar("RequestT", bound=Request)


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
        """The encoder crashed: requests in flight are sent again, up to ``MAX_ATTEMPTS`` times."""
        for request in self._in_flight.values():
            request.attempts += 1
            if request.attempts < MAX_ATTEMPTS:
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
