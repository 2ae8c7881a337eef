"""What we wrote into the side files of photos, so that exactly that can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import delete
from sqlalchemy.dialects.sqlite import insert

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import THESE, Store, as_json, now, rows
from lmpt_desktop.catalogue.stored_paths import from_stored, to_stored

_table = schema.side_files
_SELECT = (
    "SELECT image_id, naming, path, digest, base_digest, back, names, verdicts FROM side_files"
)


class SideFileRecord(NamedTuple):
    """What we wrote into one side file.

    Attributes:
        image_id: the photo beside which it lay then.
        naming: how its side files are called.
        path: where it is.
        digest: of the file as we wrote it.
        base_digest: of the file before; "" if there was none.
        back: JSON, the edits that make it what it was before.
        names: JSON, the keywords that we added, by list.
        verdicts: digest of the verdicts that it says; "" while it is being written.
    """

    image_id: int
    naming: str
    path: Path
    digest: str
    base_digest: str
    back: str
    names: str
    verdicts: str = ""


class SideFilePlace(NamedTuple):
    """Where a side file is that we wrote for a photo."""

    image_id: int
    path: Path


class SideFileRecords:
    """One record per side file.

    A photo can have several: where it was before it was moved, what we wrote may still be.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def at(self, paths: Iterable[Path]) -> dict[Path, SideFileRecord]:
        """The records of those of these side files that have one."""
        with self._store.read() as connection:
            found = rows(connection, f"{_SELECT} WHERE path {THESE}", (_as_json(paths),))
        return {record.path: record for record in map(_record, found)}

    def of(self, image_ids: ImageIds) -> list[SideFileRecord]:
        """The records of these images, by image and path."""
        with self._store.read() as connection:
            found = rows(
                connection,
                f"{_SELECT} WHERE image_id {THESE} ORDER BY image_id, path",
                (as_json(image_ids),),
            )
        return list(map(_record, found))

    def places(self, naming: str | None = None) -> list[SideFilePlace]:
        """All side files that have a record, of one naming or of all, by image and path."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT image_id, path FROM side_files WHERE naming = ? OR ? IS NULL "
                "ORDER BY image_id, path",
                (naming, naming),
            )
        return [SideFilePlace(row[0], Path(from_stored(row[1]))) for row in found]

    def with_digest(self, digest: str) -> SideFileRecord | None:
        """What we wrote into a side file with this content, whatever photo it was of."""
        with self._store.read() as connection:
            found = rows(connection, f"{_SELECT} WHERE digest = ? LIMIT 1", (digest,))
        return _record(found[0]) if found else None

    def put(self, records: Sequence[SideFileRecord]) -> None:
        """Remember these, each in place of the one of its path."""
        if not records:
            return
        at = now()
        statement = insert(_table)
        update = {
            name: statement.excluded[name]
            for name in (
                "image_id",
                "naming",
                "digest",
                "base_digest",
                "back",
                "names",
                "verdicts",
                "at",
            )
        }
        statement = statement.on_conflict_do_update(index_elements=["path"], set_=update)
        values = [
            item._asdict() | {"path": to_stored(str(item.path)), "at": at} for item in records
        ]
        with self._store.write() as connection:
            connection.execute(statement, values)

    def forget(self, paths: Sequence[Path]) -> None:
        """Remember nothing of these side files any more."""
        if not paths:
            return
        with self._store.write() as connection:
            for path in paths:
                connection.execute(delete(_table).where(_table.c.path == to_stored(str(path))))


def _as_json(paths: Iterable[Path]) -> str:
    return json.dumps([to_stored(str(path)) for path in paths])


def _record(row: tuple[Any, ...]) -> SideFileRecord:
    return SideFileRecord(row[0], row[1], Path(from_stored(row[2])), *row[3:])
