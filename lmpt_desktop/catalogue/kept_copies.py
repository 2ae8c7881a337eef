"""Which copies of the catalogue are kept: by their age, by what they hold, and by the space that
all of them may take (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

KEEP = 5
"""The newest copies of each kind, which are kept whatever their dates."""
PERIODS: tuple[tuple[str, int, Callable[[datetime], object]], ...] = (
    ("day", 7, lambda made: made.date()),
    ("week", 8, lambda made: made.isocalendar()[:2]),
    ("month", 12, lambda made: (made.year, made.month)),
)
"""Of how many days, weeks and months the newest copy is kept, and which of them a date is in."""
CLEARLY_FEWER = 0.9
"""A copy with less than this share of another's annotations does not stand for it."""
ALWAYS = 2
"""The newest copies of all kinds that stay whatever space they take: were there but one, it could
be the one that the disk has damaged since."""


@dataclass(frozen=True)
class BackupCopy:
    """A copy that we made, by its name.

    ``number`` rises from copy to copy; copies of earlier versions of the app have none (0).
    """

    path: Path
    kind: str
    made: datetime
    number: int


@dataclass(frozen=True)
class SoundCopy:
    """A copy that can be read, its bytes, and how many annotations it has."""

    copy: BackupCopy
    size: int
    annotations: int


def kept(found: Sequence[BackupCopy], annotations: Sequence[int]) -> set[BackupCopy]:
    """Which copies of one kind are kept.

    Those are the newest :data:`KEEP`; the newest of each of the last days, weeks and months that
    have one (:data:`PERIODS`); the newest of those with the most annotations; and every copy that
    all newer ones have clearly fewer annotations than.  Nothing depends on what time it is now.

    Args:
        found: the copies, oldest first.
        annotations: how many annotations each of them has.
    """
    keep = set(_density(found))
    newest = list(zip(found, annotations, strict=True))[::-1]
    most_since = 0
    for copy, count in newest:
        if most_since < CLEARLY_FEWER * count:
            keep.add(copy)
        most_since = max(most_since, count)
    # By itself, since many small steps down are never one that is clear.
    return keep | {max(newest, key=lambda item: item[1])[0]} if newest else keep


def _density(found: Sequence[BackupCopy]) -> dict[BackupCopy, int]:
    """The densest rule that keeps each copy of one kind for its age: 0 for the newest
    :data:`KEEP`, then 1 and so on for :data:`PERIODS`."""
    newest = found[::-1]
    density = dict.fromkeys(newest[:KEEP], 0)
    for place, (_name, most, period) in enumerate(PERIODS, 1):
        seen: set[object] = set()
        for copy in newest:
            if len(seen) < most and (at := period(copy.made)) not in seen:
                seen.add(at)
                density.setdefault(copy, place)
    return density


def needed(found: Sequence[SoundCopy]) -> set[BackupCopy]:
    """The copies that stay whatever space they take.

    Those are the newest :data:`ALWAYS`, and the newest of each kind; the newest of those with the
    most annotations; and every copy that no newer one of these stands for.

    Args:
        found: the copies of all kinds, oldest first.
    """
    newest = found[::-1]
    keep = {item.copy for item in newest[:ALWAYS]}
    for kind in {item.copy.kind for item in found}:
        keep.add(next(item.copy for item in newest if item.copy.kind == kind))
    if newest:
        keep.add(max(newest, key=lambda item: item.annotations).copy)
    most_since = 0
    for item in newest:
        if item.copy in keep or most_since < CLEARLY_FEWER * item.annotations:
            keep.add(item.copy)
            most_since = max(most_since, item.annotations)
    return keep


def beyond(found: Sequence[SoundCopy], limit: int) -> list[SoundCopy]:
    """The copies to delete so that all of them together take no more than ``limit`` bytes, in that
    order: those of months first, then of weeks, of days and the newest, the oldest of each first.

    Those that are :func:`needed` are not among them, even if more than ``limit`` is left then.

    Args:
        found: the copies of all kinds, oldest first.
    """
    keep = needed(found)
    density: dict[BackupCopy, int] = {}
    for kind in {item.copy.kind for item in found}:
        density |= _density([item.copy for item in found if item.copy.kind == kind])
    rest = [item for item in found if item.copy not in keep]
    # Sorting keeps the order of age.
    rest.sort(key=lambda item: -density.get(item.copy, len(PERIODS) + 1))
    total = sum(item.size for item in found)
    deleted: list[SoundCopy] = []
    for item in rest:
        if total <= limit:
            break
        deleted.append(item)
        total -= item.size
    return deleted
