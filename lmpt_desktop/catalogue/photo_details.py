"""What photos say of themselves: camera, exposure, place, keywords and rights.

All of it is one JSON value a photo, as it is only shown.  The camera is also a number in the table
of images, since whole libraries are sorted and filtered by it.  A photo without a row was scanned
by an earlier version, which did not read this.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, text

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import THESE, Store, as_json, rows, write_rows
from lmpt_desktop.catalogue.stored_json import from_json, to_json
from lmpt_desktop.catalogue.stored_paths import IS_DISPLACED, from_stored
from lmpt_desktop.domain.photo_details import NO_DETAILS, PhotoDetails, Place
from lmpt_desktop.domain.records import UndescribedFile

_PUT = f"INSERT OR REPLACE INTO {schema.photo_details.name} VALUES (?, ?)"
_SET_CAMERA = "UPDATE images SET camera_id = :camera WHERE id = :id AND camera_id <> :camera"
_FIELDS = tuple((item.name, item.default) for item in fields(PhotoDetails))
_VALUES = attrgetter(*(name for name, _default in _FIELDS))


class StoredDetails:
    """The details of photos that were read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, image_ids: ImageIds) -> dict[int, PhotoDetails]:
        """The details of those of these images that were read; of a damaged row none."""
        with self._store.read() as connection:
            found = rows(
                connection,
                f"SELECT image_id, details FROM photo_details WHERE image_id {THESE}",
                (as_json(image_ids),),
            )
        return {image_id: _from_stored(stored, image_id) for image_id, stored in found}

    def unread(self, folder_id: int, after: int = 0, limit: int = 128) -> list[UndescribedFile]:
        """Files of a folder that can be read, and whose details were not; by ascending id, those
        behind ``after``."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT id, path, size, mtime_ns FROM images AS i WHERE folder_id = ? AND id > ? "
                f"AND state = 'ok' AND superseded = 0 AND NOT {IS_DISPLACED.format(path='path')} "
                "AND NOT EXISTS (SELECT 1 FROM photo_details AS d WHERE d.image_id = i.id) "
                "ORDER BY id LIMIT ?",
                (folder_id, after, limit),
            )
        return [UndescribedFile(row[0], from_stored(row[1]), *row[2:]) for row in found]

    def put(self, details: Mapping[int, PhotoDetails]) -> None:
        """Record what was read, by image id."""
        with self._store.write() as connection:
            record(connection, details)
            self._store.mark_changed([i for i, said in details.items() if said.camera])


def record(
    connection: Connection,
    details: Mapping[int, PhotoDetails],
    *,
    with_camera: Collection[int] = (),
) -> None:
    """Write the details of these images, within a transaction; ``with_camera`` are those of which
    the camera is written already."""
    if not details:
        return
    write_rows(connection, _PUT, [(i, _to_stored(said)) for i, said in details.items()])
    lacking = {i: said for i, said in details.items() if i not in with_camera}
    cameras = camera_numbers(connection, lacking.values())
    write_rows(
        connection,
        _SET_CAMERA,
        [{"id": i, "camera": cameras.get(said.camera, 0)} for i, said in lacking.items()],
    )


def camera_names(connection: Connection, *, numbers: ImageIds | None = None) -> dict[int, str]:
    """The names of cameras by their numbers, of all or of these."""
    if numbers is None:
        found = rows(connection, "SELECT id, name FROM cameras")
    else:
        query = f"SELECT id, name FROM cameras WHERE id {THESE}"
        found = rows(connection, query, (as_json(numbers),))
    return {int(number): str(name) for number, name in found}


def camera_numbers(
    connection: Connection, details: Iterable[PhotoDetails | None]
) -> dict[str, int]:
    """The numbers of the cameras of photos, by name; cameras that are new get one."""
    names = {said.camera for said in details if said is not None and said.camera}
    if not names:
        return {}
    requested = json.dumps(sorted(names))
    connection.execute(
        text("INSERT OR IGNORE INTO cameras (name) SELECT value FROM json_each(:names)"),
        {"names": requested},
    )
    found = rows(connection, f"SELECT name, id FROM cameras WHERE name {THESE}", (requested,))
    return {str(name): int(number) for name, number in found}


def _to_stored(details: PhotoDetails) -> str:
    """As JSON, without what is not said; "" if nothing is."""
    said: dict[str, Any] = {
        name: value
        for (name, default), value in zip(_FIELDS, _VALUES(details), strict=True)
        if value != default
    }
    if isinstance(place := said.get("place"), Place):
        said["place"] = {item.name: getattr(place, item.name) for item in fields(place)}
    return to_json(said) if said else ""


def _from_stored(stored: object, image_id: int) -> PhotoDetails:
    if stored == "":
        return NO_DETAILS
    where = f"what image {image_id} says of itself"
    return from_json(stored, PhotoDetails, NO_DETAILS, where=where)
