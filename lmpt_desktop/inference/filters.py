"""Which images the grid shows, and in what order, evaluated over arrays (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trainer.bands import Band


class Status(StrEnum):
    """A condition on a class of an image (with ``Filter.class_id``) or on any class of it."""

    PREDICTED = "predicted"
    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    CORRECTED = "corrected"


@dataclass(frozen=True)
class Filter:
    """All conditions must hold; the default lets every image through.

    Attributes:
        class_id: look at this class only; alone, it keeps images where the class is present,
            or predicted and not said to be absent.
        band: look at the classes of this band only (same rule).
        status: the condition on those classes; an image passes if any of them meets it.
        unreviewed: images not yet reviewed.
        state: "ok", "missing" or "unreadable"; None for all.
        folder_id: images of this folder.
        below: with ``folder_id``, images in this sub-folder (relative to it) and deeper.
        text: part of the file name, ignoring case.
        image_ids: these images only.
    """

    class_id: int | None = None
    band: Band | None = None
    status: Status | None = None
    unreviewed: bool = False
    state: str | None = None
    folder_id: int | None = None
    below: Path | None = None
    text: str = ""
    image_ids: frozenset[int] | None = None


class SortKey(StrEnum):
    """What the grid is ordered by."""

    ADDED = "added"
    NAME = "name"
    DATE = "date"
    SCORE = "score"
    """Of ``Sort.class_id``; without one, of each image's highest-scoring class."""
    UNCERTAINTY = "uncertainty"
    """Closest to a threshold first."""
    TAIL_FIRST = "tail first"
    """Images with a present or predicted tail class first, surest first."""


@dataclass(frozen=True)
class Sort:
    """``descending`` turns the key's natural order around (dates: oldest first; scores:
    highest first; names: A to Z)."""

    key: SortKey = SortKey.ADDED
    class_id: int | None = None
    descending: bool = False
