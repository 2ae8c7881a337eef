"""Why a backbone cannot be loaded (imports no torch)."""

from __future__ import annotations


class BackboneError(Exception):
    """A backbone is not available.

    ``kind`` is one of :class:`trainer.events.EncoderFailed`; the message is a sentence.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
