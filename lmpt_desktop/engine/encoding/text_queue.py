"""Texts waiting to be encoded (pure logic, Qt-free)."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.engine.encoding.encoder_sink import EncoderError
from lmpt_desktop.translation import _

MAX_ATTEMPTS = 2


@dataclass
class TextRequest:
    """Texts and the future of their embeddings, (n, D) float32."""

    texts: list[str]
    ensemble: bool
    future: Future[NDArray[np.float32]] = field(default_factory=Future)
    attempts: int = 0


class TextQueue:
    """Requests waiting and in flight (not thread-safe)."""

    def __init__(self) -> None:
        self._waiting: list[TextRequest] = []
        self._in_flight: dict[str, TextRequest] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    @property
    def in_flight(self) -> bool:
        return bool(self._in_flight)

    def add(self, request: TextRequest) -> None:
        """Append a request."""
        self._waiting.append(request)

    def take(self, name: str) -> TextRequest | None:
        """The next request, in flight under ``name`` from now on."""
        if not self._waiting:
            return None
        request = self._in_flight[name] = self._waiting.pop(0)
        return request

    def answered(self, name: str) -> TextRequest | None:
        """The request was answered, with a result or an error."""
        return self._in_flight.pop(name, None)

    def crashed(self) -> None:
        """The encoder crashed: requests in flight are sent again, up to ``MAX_ATTEMPTS`` times."""
        for request in self._in_flight.values():
            request.attempts += 1
            if request.attempts < MAX_ATTEMPTS:
                self._waiting.append(request)
            else:
                request.future.set_exception(
                    EncoderError("error", _("The model process crashed while reading class names."))
                )
        self._in_flight.clear()

    def fail(self, error: EncoderError) -> None:
        """Fail every request with ``error``."""
        for request in [*self._waiting, *self._in_flight.values()]:
            request.future.set_exception(EncoderError(error.kind, str(error)))
        self._waiting.clear()
        self._in_flight.clear()
