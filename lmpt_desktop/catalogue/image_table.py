"""Reading the images as columns: all of them, from the file of a large library or row by row, or
some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.bulk import image_columns
from lmpt_desktop.catalogue.companions import raw_numbers
from lmpt_desktop.catalogue.photo_details import camera_names
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import Store, as_json, rows
from lmpt_desktop.catalogue.stored_paths import from_stored
from lmpt_desktop.catalogue.table_file import TableFile, key_of
from lmpt_desktop.domain.records import NO_DATE, ImageState, ImageTable
from lmpt_desktop.domain.texts import Texts

_WHEN = " ".join(f"WHEN '{state.key}' THEN {int(state)}" for state in ImageState)
_STATE_NUMBER = f"CASE i.state {_WHEN} END"
_SOME = f"""
    SELECT i.id, i.folder_id, {_STATE_NUMBER}, i.size, i.mtime_ns, i.taken,
        coalesce(i.width, 0), coalesce(i.height, 0), i.path, i.fingerprint, i.edited, i.damaged,
        i.camera_id
    FROM images AS i JOIN folders AS f ON f.id = i.folder_id
    WHERE f.hidden = 0 AND i.superseded = 0 AND i.id IN (SELECT value FROM json_each(?))
    ORDER BY i.id
"""
_LOCAL = 19
"""Characters of a stored date without its offset from UTC."""


class ImageTableReader:
    """Reads them; see :meth:`lmpt_desktop.catalogue.images.Images.table`."""

    def __init__(self, store: Store, file: TableFile | None) -> None:
        """``file`` None: the images are always read row by row."""
        self._store = store
        self._file = file
        self._unwritten: tuple[bytes, ImageTable] | None = None
        """What was read of all images and is not in the file."""

    def read(self, ids: ImageIds | None = None) -> ImageTable:
        """All images that are shown, or those of ``ids`` that are."""
        with self._store.read() as connection:
            if ids is not None:
                columns = _columns(rows(connection, _SOME, (as_json(ids),)))
                names = camera_names(connection, numbers=np.unique(columns["cameras"]))
                raws = raw_numbers(connection, columns["ids"])
                return ImageTable(**columns, camera_names=names, raws=raws)
            key = key_of(connection) if self._file is not None else None
            table = self._file.known(key) if self._file is not None and key is not None else None
            self._unwritten = None
            if table is None:
                table = ImageTable(**image_columns(connection, _seconds))
                if key is not None:
                    self._unwritten = key, table
            return replace(
                table,
                camera_names=camera_names(connection),
                raws=raw_numbers(connection, table.ids),
            )

    def keep(self, images: int) -> bool:
        """Write the file, if that is worth while and not done yet; returns whether it was written.

        ``images``: about how many there are.
        """
        if self._file is None or not self._file.suits(images):
            return False
        with self._store.read() as connection:
            key = key_of(connection)
        unwritten, self._unwritten = self._unwritten, None
        if key is None or self._file.known(key) is not None:
            return False
        if unwritten is None or unwritten[0] != key:
            self.read()
            unwritten, self._unwritten = self._unwritten, None
        return unwritten is not None and self._file.write(*unwritten)


def taken_at(stored: str | None) -> datetime | None:
    """A stored date of taking, None if there is none that can be read."""
    if not stored:
        return None
    try:
        return datetime.fromisoformat(stored)
    except ValueError:
        return None


def _seconds(stored: Sequence[str | None]) -> NDArray[np.int64]:
    """Seconds since the epoch by the camera's clock, whatever its offset from UTC; numpy's "not a
    time" is NO_DATE."""
    if not any(stored):
        return np.full(len(stored), NO_DATE, np.int64)
    local = [text[:_LOCAL] if text else "" for text in stored]
    try:
        dates = np.array([text or "NaT" for text in local], "datetime64[s]")
    except ValueError:
        known = [taken_at(text) for text in local]
        dates = np.array([date.isoformat() if date else "NaT" for date in known], "datetime64[s]")
    return dates.astype(np.int64)


def _columns(found: list[tuple[Any, ...]]) -> dict[str, Any]:
    """What :func:`image_columns` gives, of the rows that ``_SOME`` finds."""
    columns = list(zip(*found, strict=True)) if found else [()] * 13
    return {
        "ids": np.array(columns[0], np.int64),
        "folder_ids": np.array(columns[1], np.int64),
        "states": np.array(columns[2], np.int8),
        "sizes": np.array(columns[3], np.int64),
        "mtime": np.array(columns[4], np.int64),
        "taken": _seconds(columns[5]),
        "widths": np.array(columns[6], np.int32),
        "heights": np.array(columns[7], np.int32),
        "names": Texts.of(map(from_stored, columns[8])),
        "fingerprints": Texts.of(columns[9]),
        "edited": np.array(columns[10], np.bool_),
        "damaged": np.array(columns[11], np.bool_),
        "cameras": np.array(columns[12], np.int32),
    }
