"""What is known about one class of an image, and whether its file can be used.

Free of numpy, unlike the records: the window is painted before that is imported.
"""

from __future__ import annotations

from enum import IntEnum


class Verdict(IntEnum):
    """What is known about one class of one image; unknown is the absence of an annotation."""

    UNKNOWN = -1
    ABSENT = 0
    PRESENT = 1


class ImageState(IntEnum):
    """Whether an image's file can be used."""

    OK = 0
    MISSING = 1
    UNREADABLE = 2

    @property
    def key(self) -> str:
        """Its name in the catalogue: "ok", "missing" or "unreadable"."""
        return self.name.lower()
