"""The folders that make up the library."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, text, update

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.errors import FolderOverlaps, NotInCatalogue
from lmpt_desktop.catalogue.store import Store, now
from lmpt_desktop.catalogue.stored_paths import (
    DISPLACED,
    folder_to_stored,
    from_stored,
    readable,
    to_stored,
)
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.real_paths import canonical
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
        takes over its part.  Folders are compared by where they really are, so that a link or
        another spelling is no other folder; the path is kept as it was given.  Reads the disk,
        before anything is written.
        """
        stored = folder_to_stored(path)
        here = Path(from_stored(stored))
        places = self._places(here)
        with self._store.write() as connection:
            others = [_folder(row) for row in connection.execute(select(_table))]
            same = [item for item in others if places.same(here, item.path)]
            if same:
                # One that is shown, rather than a removed one at the same place.
                found = min(same, key=lambda item: (item.hidden, item.path != here))
                self._store.mark_all_changed()
                _set(connection, found.id, hidden=0)
                return _get(connection, found.id)
            around = [item for item in others if places.prefix(here, item.path) is not None]
            for other in around:
                if not other.hidden:
                    return other
            done = connection.execute(insert(_table).values(path=stored, added_at=now()))
            assert done.inserted_primary_key is not None
            folder_id = int(done.inserted_primary_key[0])
            self._store.mark_all_changed()
            # Those that are shown first: where two list the same photo, theirs keeps its place.
            for other in sorted(others, key=lambda item: (item.hidden, item.id)):
                if (prefix := places.prefix(other.path, here)) is not None:
                    _take_over_whole(connection, other.id, folder_id, to_stored(prefix))
                elif (prefix := places.prefix(here, other.path)) is not None:
                    _take_over_part(connection, other.id, folder_id, to_stored(prefix))
            return _get(connection, folder_id)

    def relocate(self, folder_id: int, new_path: Path) -> Folder:
        """The folder is at ``new_path`` now; its images keep everything.  Scan it next.

        Reads the disk, as :meth:`add` does.

        Raises:
            NotInCatalogue: if there is no such folder.
            FolderOverlaps: if another folder of the library is there, around or inside it.
        """
        stored = folder_to_stored(new_path)
        here = Path(from_stored(stored))
        places = self._places(here)
        with self._store.write() as connection:
            _get(connection, folder_id)
            for row in connection.execute(select(_table).where(_table.c.id != folder_id)):
                other = _folder(row)
                if (
                    places.same(here, other.path)
                    or places.prefix(here, other.path) is not None
                    or places.prefix(other.path, here) is not None
                ):
                    raise FolderOverlaps(
                        _(
                            "{place} overlaps with {other}, another folder of this library, so "
                            "nothing was changed. Choose the folder that the photos were moved to."
                        ).format(place=readable(str(here)), other=readable(str(other.path)))
                    )
            _set(connection, folder_id, path=stored, device=None)
            self._store.mark_all_changed()
            return _get(connection, folder_id)

    def set_device(self, folder_id: int, device: int) -> None:
        """Remember which file system the folder is on.

        Raises:
            NotInCatalogue: if there is no such folder.
        """
        with self._store.write() as connection:
            _set(connection, folder_id, device=device)

    def _places(self, path: Path) -> _Places:
        """Where ``path`` and the folders of the library really are."""
        paths = [path, *(item.path for item in self.all(hidden=True))]
        return _Places({item: canonical(item) for item in paths})

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
        id=fields["id"],
        path=Path(from_stored(fields["path"])),
        hidden=bool(fields["hidden"]),
        device=fields["device"],
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


class _Places:
    """Compares folders by where they really are, and else by how they are spelled.

    Made before a transaction, which must not wait for a disk; a folder that another process has
    added since is compared by its spelling.
    """

    def __init__(self, real: Mapping[Path, Path]) -> None:
        self._real = real

    def same(self, one: Path, other: Path) -> bool:
        return one == other or self._of(one) == self._of(other)

    def prefix(self, inner: Path, outer: Path) -> str | None:
        """What precedes the paths of images of ``inner`` in ``outer``; None unless it is inside.

        By spelling, too: what a link in ``outer`` leads to is part of it.
        """
        for within, around in ((self._of(inner), self._of(outer)), (inner, outer)):
            if within != around and within.is_relative_to(around):
                return within.relative_to(around).as_posix() + "/"
        return None

    def _of(self, path: Path) -> Path:
        return self._real.get(path, path)


def _take_over_whole(connection: Connection, old: int, new: int, prefix: str) -> None:
    values = {"new": new, "old": old, "prefix": prefix}
    _take_over(connection, values, ":prefix || images.path")
    connection.execute(delete(_table).where(_table.c.id == old))


def _take_over_part(connection: Connection, old: int, new: int, prefix: str) -> None:
    values = {"new": new, "old": old, "prefix": prefix, "length": len(prefix)}
    inside = "substr(images.path, 1, :length) = :prefix"
    _take_over(connection, values, "substr(images.path, :length + 1)", inside)


def _take_over(
    connection: Connection, values: Mapping[str, object], path: str, condition: str = "1"
) -> None:
    """Give images to another folder, where their path is the SQL expression ``path``.

    Earlier versions may have listed one photo in two folders: the second image of a path is
    missing, as any whose place another image has taken.
    """
    connection.execute(
        text(
            f"UPDATE images SET folder_id = :new, path = {path} || :displaced || id, "
            f"state = 'missing' WHERE folder_id = :old AND {condition} AND EXISTS "
            f"(SELECT 1 FROM images AS other WHERE other.folder_id = :new AND other.path = {path})"
        ),
        {**values, "displaced": DISPLACED},
    )
    connection.execute(
        text(
            f"UPDATE images SET folder_id = :new, path = {path} "
            f"WHERE folder_id = :old AND {condition}"
        ),
        values,
    )
