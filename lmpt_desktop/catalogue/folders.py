"""The folders that make up the library."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, text, update

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.errors import FolderOverlaps, NotInCatalogue
from lmpt_desktop.catalogue.store import Store, now
from lmpt_desktop.catalogue.stored_paths import folder_to_stored, from_stored, readable, to_stored
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.translation import _

_table = schema.folders


class Folders:
    """Folders of photos.  No two overlap: a photo is in the library once per file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, *, hidden: bool = False) -> list[Folder]:
        """The folders, by path; with ``hidden`` also those the user removed."""
        query = select(_table).order_by(_table.c.path)
        if not hidden:
            query = query.where(_table.c.hidden == 0)
        with self._store.read() as connection:
            return [_folder(row) for row in connection.execute(query)]

    def get(self, folder_id: int) -> Folder:
        """One folder, hidden or not.

        Raises:
            NotInCatalogue: if there is none with this id.
        """
        with self._store.read() as connection:
            return _get(connection, folder_id)

    def add(self, path: Path) -> Folder:
        """Add a folder, or bring back one that was removed.

        If the library has a folder around it, that one is returned.  A folder around others
        takes over their images with everything known of them; a folder inside a hidden one
        takes over its part.
        """
        stored = folder_to_stored(path)
        with self._store.write() as connection:
            others = [_folder(row) for row in connection.execute(select(_table))]
            for other in others:
                if folder_to_stored(other.path) == stored:
                    self._store.mark_all_changed()
                    _set(connection, other.id, hidden=0)
                    return _get(connection, other.id)
            native = Path(from_stored(stored))
            for other in others:
                if not other.hidden and native.is_relative_to(other.path):
                    return other
            done = connection.execute(insert(_table).values(path=stored, added_at=now()))
            assert done.inserted_primary_key is not None
            folder_id = int(done.inserted_primary_key[0])
            self._store.mark_all_changed()
            for other in others:
                if other.path.is_relative_to(native):
                    prefix = to_stored(_relative(other.path, native))
                    _take_over_whole(connection, other.id, folder_id, prefix)
                elif native.is_relative_to(other.path):
                    prefix = to_stored(_relative(native, other.path))
                    _take_over_part(connection, other.id, folder_id, prefix)
            return _get(connection, folder_id)

    def relocate(self, folder_id: int, new_path: Path) -> Folder:
        """The folder is at ``new_path`` now; its images keep everything.  Scan it next.

        Raises:
            NotInCatalogue: if there is no such folder.
            FolderOverlaps: if another folder of the library is there, around or inside it.
        """
        stored = folder_to_stored(new_path)
        native = Path(from_stored(stored))
        with self._store.write() as connection:
            _get(connection, folder_id)
            for row in connection.execute(select(_table).where(_table.c.id != folder_id)):
                other = _folder(row)
                if native.is_relative_to(other.path) or other.path.is_relative_to(native):
                    raise FolderOverlaps(
                        _(
                            "{place} overlaps with {other}, another folder of this library, so "
                            "nothing was changed. Choose the folder that the photos were moved to."
                        ).format(place=readable(str(native)), other=readable(str(other.path)))
                    )
            _set(connection, folder_id, path=stored)
            self._store.mark_all_changed()
            return _get(connection, folder_id)

    def remove(self, folder_id: int) -> None:
        """Hide the folder and its images; annotations are kept and return with it.

        Raises:
            NotInCatalogue: if there is no such folder.
        """
        with self._store.write() as connection:
            _set(connection, folder_id, hidden=1)
            self._store.mark_all_changed()


def _folder(row: object) -> Folder:
    fields = row._mapping  # type: ignore[attr-defined]
    return Folder(
        id=fields["id"], path=Path(from_stored(fields["path"])), hidden=bool(fields["hidden"])
    )


def _get(connection: Connection, folder_id: int) -> Folder:
    row = connection.execute(select(_table).where(_table.c.id == folder_id)).first()
    if row is None:
        raise NotInCatalogue(
            _(
                "There is no folder with the number {folder_id} in this library; nothing "
                "was changed."
            ).format(folder_id=folder_id)
        )
    return _folder(row)


def _set(connection: Connection, folder_id: int, **values: object) -> None:
    _get(connection, folder_id)
    connection.execute(update(_table).where(_table.c.id == folder_id).values(**values))


def _relative(inner: Path, outer: Path) -> str:
    return os.fspath(inner.relative_to(outer)).replace(os.sep, "/") + "/"


def _take_over_whole(connection: Connection, old: int, new: int, prefix: str) -> None:
    connection.execute(
        text("UPDATE images SET folder_id = :new, path = :prefix || path WHERE folder_id = :old"),
        {"new": new, "old": old, "prefix": prefix},
    )
    connection.execute(delete(_table).where(_table.c.id == old))


def _take_over_part(connection: Connection, old: int, new: int, prefix: str) -> None:
    connection.execute(
        text(
            "UPDATE images SET folder_id = :new, path = substr(path, :length + 1) "
            "WHERE folder_id = :old AND substr(path, 1, :length) = :prefix"
        ),
        {"new": new, "old": old, "prefix": prefix, "length": len(prefix)},
    )
