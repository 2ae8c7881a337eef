"""Reads of the files that are shown as part of another image; see :mod:`.pairs`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue.store import THESE, as_json, rows
from trainer.file_formats import RAW_SUFFIXES

COMPANION = 3
"""``superseded`` of images that are shown as part of another one."""
STAYS_COMPANION = f"CASE superseded WHEN {COMPANION} THEN {COMPANION} ELSE 0 END"
"""SQL for ``superseded`` of an image whose file is found: pairs are looked at after a scan."""
_NUMBERS = {suffix: number for number, suffix in enumerate(RAW_SUFFIXES, 1)}


def raw_numbers(connection: Connection, image_ids: NDArray[np.int64]) -> NDArray[np.int8]:
    """(n,) which kind of raw file is shown as part of each image: 1 + its place in
    ``RAW_SUFFIXES``, or 0.

    Args:
        connection: in the transaction in which the images were read.
        image_ids: (n,) ascending.
    """
    result = np.zeros(len(image_ids), np.int8)
    found = rows(
        connection,
        "SELECT group_concat(c.shown_id), group_concat(lower(substr(i.path, -4))) "
        "FROM companions AS c CROSS JOIN images AS i ON i.id = c.image_id "
        "WHERE i.state <> 'missing'",
    )
    ids, suffixes = found[0]
    if ids is None or not len(image_ids):
        return result
    shown = np.fromstring(ids, np.int64, sep=",")
    numbers = np.array([_NUMBERS.get(suffix, 0) for suffix in suffixes.split(",")], np.int8)
    place = np.minimum(np.searchsorted(image_ids, shown), len(image_ids) - 1)
    same = image_ids[place] == shown
    result[place[same]] = numbers[same]
    return result


def shown_with(connection: Connection, image_ids: Iterable[int]) -> list[int]:
    """The images as part of which these are shown."""
    found = rows(
        connection,
        f"SELECT DISTINCT shown_id FROM companions WHERE image_id {THESE}",
        (as_json(image_ids),),
    )
    return [row[0] for row in found]
