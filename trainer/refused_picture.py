"""A picture that its own reader refuses, with a sentence for the user (imports no torch)."""

from __future__ import annotations


class RefusedPictureError(Exception):
    """The file is sound, or looks so, but is not decoded; ``reason`` is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
