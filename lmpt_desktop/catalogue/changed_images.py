"""Which images this process has written since they were last read.

A library of a hundred thousand images takes a good part of a second to read, much of it with
Python's lock held; what a scan changed in half a second is a few hundred of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ImageTable
from lmpt_desktop.domain.texts import Texts

_NO_COLUMNS = ("names", "fingerprints", "camera_names", "name_ranks")


@dataclass(frozen=True, eq=False)
class ChangedIds:
    """``ids`` (n,) int64, ascending; or ``everything``, after a folder was added, removed or
    moved."""

    everything: bool
    ids: NDArray[np.int64]

    def __bool__(self) -> bool:
        return self.everything or len(self.ids) > 0


class ChangedImages:
    """Collects ids until they are taken (thread-safe)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: set[int] = set()
        self._everything = False

    def note(self, ids: Iterable[int], *, everything: bool = False) -> None:
        """These have been written and are on disk."""
        with self._lock:
            self._ids.update(ids)
            self._everything |= everything

    def take(self) -> ChangedIds:
        """What was noted since the last call: read these images now, or :meth:`put_back`."""
        with self._lock:
            found = ChangedIds(self._everything, np.array(sorted(self._ids), np.int64))
            self._ids.clear()
            self._everything = False
            return found

    def put_back(self, unread: ChangedIds) -> None:
        """They could not be read: return them at the next :meth:`take`."""
        self.note(unread.ids.tolist(), everything=unread.everything)


def updated(table: ImageTable, read: NDArray[np.int64], part: ImageTable) -> ImageTable:
    """``table`` after the images ``read`` (m,) were read again as ``part``: those missing from
    ``part`` are removed, the others replaced or added."""
    if not len(read):
        return table
    place = np.searchsorted(table.ids, part.ids)
    at = np.minimum(place, max(len(table) - 1, 0))
    known = table.ids[at] == part.ids if len(table) else np.zeros(len(part), np.bool_)
    old, source, new = at[known], np.flatnonzero(known), np.flatnonzero(~known)
    kept = ~np.isin(table.ids, np.setdiff1d(read, part.ids))
    all_kept = bool(kept.all())
    ids = np.concatenate([table.ids if all_kept else table.ids[kept], part.ids[new]])
    # New images have the highest ids, so that nearly always they are simply appended.
    order = None if bool(np.all(ids[1:] > ids[:-1])) else np.argsort(ids)

    def column(name: str) -> NDArray[Any]:
        mine, fresh = getattr(table, name), getattr(part, name)
        if len(old):
            mine = mine.copy()
            mine[old] = fresh[source]
        both = np.concatenate([mine if all_kept else mine[kept], fresh[new]])
        return both if order is None else both[order]

    def texts(name: str) -> Texts:
        mine, fresh = getattr(table, name), getattr(part, name)
        # Where in both, one after the other, each text of the result is.
        rows = np.arange(len(table))
        rows[old] = len(table) + source
        rows = np.append(rows if all_kept else rows[kept], len(table) + new)
        both = Texts.concatenated([mine, fresh])
        if len(rows) == len(both) and not len(old) and order is None:
            return both
        return both.taken(rows if order is None else rows[order])

    return ImageTable(
        **{item.name: column(item.name) for item in fields(table) if item.name not in _NO_COLUMNS},
        names=texts("names"),
        fingerprints=texts("fingerprints"),
        camera_names={**table.camera_names, **part.camera_names},
    )
