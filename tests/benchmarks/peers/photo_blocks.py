"""Where photos are on a screen, read from its pixels.

The photos of ``first_sight.make_photos`` are fields of random colours, a dozen across; the windows
around them are grey, or of one colour.  So a point lies in a thumbnail if most points around it
are colourful, and not all of them of one colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

STEP = 4
"""Every fourth pixel of every fourth line is looked at."""
AROUND = 7
"""Points on a side of the square around a point: 28 pixels."""
COLOURFUL = 60
"""Difference between the strongest and the weakest of red, green and blue, of 255."""
MOST, ONE_COLOUR = 0.6, 0.85
"""Shares of the square: of colourful points, and of the most frequent colour among them."""
SMALLEST = 24 * 24 // STEP**2
"""Points of the smallest spot that counts as a thumbnail."""

Mask = NDArray[np.bool_]


def photo_mask(seen: NDArray[np.uint8]) -> Mask:
    """Points that lie in a photo.

    Args:
        seen: (height, width, 3) red, green and blue of every ``STEP``-th point of a screen.
    """
    colourful = (seen.max(axis=2).astype(np.int16) - seen.min(axis=2)) > COLOURFUL
    strongest = seen.argmax(axis=2)
    shares = [
        ndimage.uniform_filter(
            (colourful & (strongest == colour)).astype(np.float32), AROUND, mode="constant"
        )
        for colour in range(3)
    ]
    total = shares[0] + shares[1] + shares[2]
    greatest = np.maximum(np.maximum(shares[0], shares[1]), shares[2])
    return (total > MOST) & (greatest < ONE_COLOUR * total)


def count_photos(mask: Mask) -> int:
    """Separate spots of a mask, the small ones left out."""
    labels = np.zeros(mask.shape, np.int32)
    # A photo of which the middle is of one colour is still one.
    ndimage.label(ndimage.binary_closing(mask), output=labels)
    sizes = np.bincount(labels.ravel())[1:]
    return int(np.count_nonzero(sizes >= SMALLEST))


def moved_region(screens: Sequence[NDArray[np.uint8]]) -> Mask:
    """The rectangle in which photos change between screens that were scrolled, as a mask: the
    grid, without a large view of a photo beside it.

    Raises:
        ValueError: nothing moved.
    """
    region = np.zeros(screens[0][::STEP, ::STEP].shape[:2], np.bool_)
    for before, after in pairwise(screens):
        changed = np.abs(before[::STEP, ::STEP].astype(np.int16) - after[::STEP, ::STEP]) > 30
        region |= changed.any(axis=2) & (
            photo_mask(before[::STEP, ::STEP]) | photo_mask(after[::STEP, ::STEP])
        )
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if not len(rows):
        raise ValueError("the wheel moved no photos")
    region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return region


def scrolled(before: NDArray[np.uint8], after: NDArray[np.uint8], region: Mask) -> int:
    """How many pixels the photos moved up within a region between two screens of
    (height, width, 3)."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    top, bottom = rows[0] * STEP, rows[-1] * STEP + 1
    old = before[top:bottom, columns * STEP].astype(np.int16)
    new = after[top:bottom, columns * STEP].astype(np.int16)
    height = len(old)
    wrong = [np.abs(old[shift:] - new[: height - shift]).mean() for shift in range(height * 3 // 4)]
    # Few pictures come again and again, so the least shift that fits is meant.
    return int(np.flatnonzero(np.array(wrong) <= 1.2 * min(wrong) + 1)[0])


def first_and_full(
    times: Sequence[float], masks: Sequence[Mask], region: Mask, full: float = 0.97
) -> tuple[float, float]:
    """When the first thumbnail was there, and when the share ``full`` of what the last look shows.

    Args:
        times: of the looks, ascending.
        masks: photos in each.
        region: points outside of it do not count: a logo, a large view of a photo.
        full: of the area of photos.

    Raises:
        ValueError: there is no photo in the last look.
    """
    last = masks[-1] & region
    photos = count_photos(last)
    if not photos:
        raise ValueError("no photo was seen")
    areas = np.array([np.count_nonzero(mask & last) for mask in masks])
    first = int(np.argmax(areas >= areas[-1] / photos / 2))
    return times[first], times[int(np.argmax(areas >= full * areas[-1]))]


def filled(scrolling: Sequence[Mask], still: Sequence[Mask], region: Mask) -> float:
    """Photo area in a region while scrolling over that of screens at rest, mean over mean, at
    most 1: what lies at the edges differs from one to the next."""
    moving, whole = (
        np.mean([np.count_nonzero(mask & region) for mask in masks]) for masks in (scrolling, still)
    )
    return min(1.0, float(moving / whole))
