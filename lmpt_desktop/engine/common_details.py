"""What several photos say of themselves together (Qt-free)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.photo_details import PhotoDetails
from lmpt_desktop.domain.records import NO_DATE
from lmpt_desktop.domain.snapshot import Snapshot

MOST_READ = 20_000
"""Photos whose keywords are counted."""
_BLOCK = 2048

Counted = tuple[tuple[str, int], ...]
"""Names and of how many photos each is, most frequent first, "" last."""


@dataclass(frozen=True)
class CommonDetails:
    """Of some photos.

    Attributes:
        images: how many they are.
        size: bytes of their files.
        first, last: the days they were taken; None if no date is known.
        undated: how many do not say when they were taken.
        cameras: "" for those that name none.
        read: of how many the following are: the details of very many are not read.
        lenses, keywords, creators, rights: counted.
    """

    images: int
    size: int
    first: date | None
    last: date | None
    undated: int
    cameras: Counted
    read: int
    lenses: Counted
    keywords: Counted
    creators: Counted
    rights: Counted


def common_details(
    snapshot: Snapshot,
    image_ids: NDArray[np.int64],
    read: Callable[[NDArray[np.int64]], Mapping[int, PhotoDetails]],
) -> CommonDetails:
    """Counts over those of these photos that are in the library.

    Args:
        snapshot: of the library.
        image_ids: (n,) int64.
        read: reads details from the catalogue.
    """
    rows = snapshot.rows(image_ids)
    rows = rows[rows >= 0]
    images = snapshot.images
    taken = images.taken[rows]
    known = taken[taken != NO_DATE]
    numbers, counts = np.unique(images.cameras[rows], return_counts=True)
    cameras: Counter[str] = Counter()
    for camera, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        cameras[images.camera_names.get(camera, "")] += count
    lenses, keywords, creators, rights = (Counter[str]() for _ in range(4))
    chosen = snapshot.image_ids[rows[:MOST_READ]]
    for start in range(0, len(chosen), _BLOCK):
        for said in read(chosen[start : start + _BLOCK]).values():
            lenses[said.lens] += 1
            creators[said.creator] += 1
            rights[said.copyright] += 1
            keywords.update({*said.keywords, *said.side_keywords})
    for counted in (lenses, creators, rights):
        del counted[""]
    return CommonDetails(
        images=len(rows),
        size=int(images.sizes[rows].sum()),
        first=_day(int(known.min())) if len(known) else None,
        last=_day(int(known.max())) if len(known) else None,
        undated=len(rows) - len(known),
        cameras=_counted(cameras),
        read=len(chosen),
        lenses=_counted(lenses),
        keywords=_counted(keywords),
        creators=_counted(creators),
        rights=_counted(rights),
    )


def _counted(counter: Counter[str]) -> Counted:
    return tuple(
        sorted(counter.items(), key=lambda item: (not item[0], -item[1], item[0].casefold()))
    )


def _day(seconds: int) -> date:
    # Added, since some systems take no time before 1970.
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)).date()
