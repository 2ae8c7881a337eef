"""The images: what was found on disk, and what is known of it.

An image is a file that the library has seen.  It is never deleted: when its file is gone the image
is missing, and its annotations return with the file.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, case, select, text, update

from lmpt_desktop.catalogue import schema, successors
from lmpt_desktop.catalogue.changed_images import ChangedImages
from lmpt_desktop.catalogue.companions import (
    COMPANION,
    STAYS_COMPANION,
    shown_with,
)
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.image_table import ImageTableReader, taken_at
from lmpt_desktop.catalogue.known_files import KnownFiles
from lmpt_desktop.catalogue.photo_details import camera_numbers
from lmpt_desktop.catalogue.photo_details import record as record_details
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import THESE, Store, as_json, each_row, now, rows, write_rows
from lmpt_desktop.catalogue.stored_paths import IS_DISPLACED, from_stored, is_displaced, to_stored
from lmpt_desktop.catalogue.stored_paths import displaced as displaced_path
from lmpt_desktop.catalogue.table_file import TableFile
from lmpt_desktop.catalogue.user_data import HAS_USER_DATA
from lmpt_desktop.domain.records import (
    CaptionSource,
    ImagePlace,
    ImageState,
    ImageTable,
    KnownFile,
    ScannedFile,
    UnhashedFile,
)
from trainer.checked_json import readable_text
from trainer.photo import may_pass

_table = schema.images
_STATES = {state.key: int(state) for state in ImageState}
_PLACES = f"""
    SELECT i.{{column}}, i.id, i.folder_id, f.path, i.path, i.state = 'missing', i.file_hash,
           f.hidden, i.superseded, {HAS_USER_DATA.format(image="i")}
    FROM images AS i JOIN folders AS f ON f.id = i.folder_id
    WHERE i.{{column}} <> '' AND {{only}} AND i.id <= ?
    AND i.{{column}} IN (SELECT value FROM json_each(?)) ORDER BY i.id
"""
_MOST_ID = (1 << 63) - 1
LEFT_OUT = 2
"""``superseded`` of images that the ignore list leaves out."""
_KNOWN = (
    "id, size, mtime_ns, sidecar_mtime_ns, fingerprint, taken, state = 'missing', ctime_ns, "
    f"file_hash, picture_hash, width IS NOT NULL, superseded = {LEFT_OUT}"
)
"""Columns of a :class:`KnownFile`, without whether to try it again."""
# By way of their pictures: joining images with images would look at all pairs of copies.
_SAME_PHOTOS = """
    WITH RECURSIVE same (id, picture_hash) AS (
        SELECT id, NULL FROM images WHERE id IN (SELECT value FROM json_each(?))
        UNION
        SELECT NULL, a.picture_hash FROM same CROSS JOIN images AS a ON a.id = same.id
        WHERE a.picture_hash <> ''
        UNION
        SELECT b.id, NULL FROM same CROSS JOIN images AS b ON b.picture_hash = same.picture_hash
        UNION
        SELECT b.id, NULL FROM same
        CROSS JOIN successors AS s ON s.image_id = same.id AND s.state = 'followed'
        CROSS JOIN images AS b ON b.id = s.successor_id)
    SELECT id FROM same WHERE id IS NOT NULL
"""
_PARKED = "//parked/"
"""Prefix of temporary paths while images swap theirs; ``//`` is in no real path."""


class ImageFile(NamedTuple):
    """An image's file as it was scanned; ``size`` in bytes, ``modified`` in nanoseconds."""

    path: Path
    size: int
    modified: int
    fingerprint: str


class ImageHashes(NamedTuple):
    """By which an image is recognised; fields as of
    :class:`~lmpt_desktop.domain.records.ScannedFile`."""

    fingerprint: str = ""
    file_hash: str = ""
    picture_hash: str = ""


@dataclass(frozen=True)
class Image:
    """Everything the catalogue knows of one image.

    ``width`` and ``height`` are pixels as shown (EXIF orientation applied).
    """

    id: int
    folder_id: int
    path: Path
    relative_path: str
    size: int
    mtime_ns: int
    fingerprint: str
    width: int | None
    height: int | None
    taken: datetime | None
    state: ImageState
    reason: str
    caption: str
    caption_source: CaptionSource
    reviewed: bool


class Images:
    """Images of the library's folders."""

    def __init__(self, store: Store, file: TableFile | None = None) -> None:
        """``file`` None: the images are always read row by row."""
        self._store = store
        self._reader = ImageTableReader(store, file)

    # ------------------------------------------------------------------------- reading

    def table(self, *, ids: ImageIds | None = None) -> ImageTable:
        """Columns over the images of folders that are not hidden, by ascending id.

        Args:
            ids: only these (unknown or hidden ones are left out).
        """
        return self._reader.read(ids)

    def keep_table(self, images: int) -> bool:
        """Write the images into a file from which the next :meth:`table` has them at once, where
        that is worth while and not done yet; returns whether they were written.

        Takes seconds, most of them for the natural order of names.

        Args:
            images: about how many there are.
        """
        return self._reader.keep(images)

    @property
    def changed(self) -> ChangedImages:
        """Images whose columns this process has changed."""
        return self._store.changed

    def details(self, image_id: int) -> Image:
        """Everything about one image.

        Raises:
            NotInCatalogue: if there is none with this id.
        """
        query = (
            select(_table, schema.folders.c.path.label("folder_path"), schema.reviewed.c.at)
            .join(schema.folders, schema.folders.c.id == _table.c.folder_id)
            .outerjoin(schema.reviewed, schema.reviewed.c.image_id == _table.c.id)
            .where(_table.c.id == image_id)
        )
        with self._store.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotInCatalogue(_no_image(image_id))
        relative = from_stored(row["path"])
        return Image(
            id=row["id"],
            folder_id=row["folder_id"],
            path=Path(from_stored(row["folder_path"])) / relative,
            relative_path=relative,
            size=row["size"],
            mtime_ns=row["mtime_ns"],
            fingerprint=row["fingerprint"],
            width=row["width"],
            height=row["height"],
            taken=taken_at(row["taken"]),
            state=ImageState(_STATES[row["state"]]),
            reason=row["reason"],
            caption=row["caption"],
            caption_source=CaptionSource(row["caption_source"]),
            reviewed=row["at"] is not None,
        )

    def paths(self, image_ids: ImageIds) -> list[Path]:
        """Where these images' files are, in this order.

        Raises:
            NotInCatalogue: if one is not in the library.
        """
        return [file.path for file in self.files(image_ids)]

    def files(self, image_ids: ImageIds) -> list[ImageFile]:
        """These images' files as they were scanned, in this order.

        Raises:
            NotInCatalogue: if one is not in the library.
        """
        requested = np.asarray(image_ids, np.int64).tolist()
        with self._store.read() as connection:
            found = {
                row[0]: row[1:]
                for row in rows(
                    connection,
                    "SELECT i.id, f.path, i.path, i.size, i.mtime_ns, i.fingerprint "
                    "FROM images AS i JOIN folders AS f ON f.id = i.folder_id "
                    f"WHERE i.id {THESE}",
                    (as_json(requested),),
                )
            }
        if missing := [image_id for image_id in requested if image_id not in found]:
            raise NotInCatalogue(_no_image(missing[0]))
        return [
            ImageFile(Path(from_stored(folder)) / from_stored(path), *facts)
            for folder, path, *facts in (found[i] for i in requested)
        ]

    def captions(self, image_ids: ImageIds) -> dict[int, str]:
        """The captions of those of these images that have one."""
        requested = as_json(image_ids)
        with self._store.read() as connection:
            return dict(
                rows(
                    connection,
                    "SELECT id, caption FROM images WHERE caption <> '' "
                    "AND id IN (SELECT value FROM json_each(?))",
                    (requested,),
                )  # type: ignore[arg-type]
            )

    def hashes(self, image_ids: ImageIds) -> dict[int, ImageHashes]:
        """By which each of these images is recognised."""
        with self._store.read() as connection:
            found = rows(
                connection,
                f"SELECT id, fingerprint, file_hash, picture_hash FROM images WHERE id {THESE}",
                (as_json(image_ids),),
            )
        return {row[0]: ImageHashes._make(row[1:]) for row in found}

    def shown_as(self, fingerprints: Iterable[str]) -> dict[str, list[int]]:
        """Ids of the readable images with each of these fingerprints, ascending; hidden folders
        included."""
        with self._store.read() as connection:
            found = rows(
                connection,
                f"SELECT fingerprint, id FROM images WHERE state = 'ok' AND fingerprint {THESE} "
                "ORDER BY id",
                (json.dumps(sorted(set(fingerprints))),),
            )
        result: dict[str, list[int]] = {}
        for fingerprint, image_id in found:
            result.setdefault(fingerprint, []).append(image_id)
        return result

    def known(self, folder_id: int) -> Mapping[str, KnownFile]:
        """What is remembered of every file of a folder, by relative path.

        Images whose place another photo has taken are left out; they can still be found
        :meth:`by_fingerprint`.
        """
        with self._store.read() as connection:
            found = each_row(
                connection,
                f"SELECT path, reason, state, {_KNOWN} FROM images WHERE folder_id = ?",
                (folder_id,),
            )
            return KnownFiles(
                (from_stored(row[0]), _known_file(row)) for row in found if not is_displaced(row[0])
            )

    def last_id(self) -> int:
        """The highest id of an image, of which none that is added later has a lower one; 0 if there
        is none."""
        with self._store.read() as connection:
            return int(rows(connection, "SELECT coalesce(max(id), 0) FROM images")[0][0])

    def with_picture(
        self, hashes: Iterable[str], *, up_to: int | None = None
    ) -> dict[str, list[ImagePlace]]:
        """Images with each of these picture hashes, in any folder, by ascending id; those up to
        this id."""
        return self._places("picture_hash", hashes, "1", up_to)

    def by_fingerprint(
        self, fingerprints: Iterable[str], *, up_to: int | None = None
    ) -> dict[str, list[ImagePlace]]:
        """Images whose picture hash is not known yet, with each of these fingerprints, in any
        folder, by ascending id; those up to this id."""
        return self._places("fingerprint", fingerprints, "+i.picture_hash = ''", up_to)

    def with_hashes(self, hashes: Iterable[str]) -> dict[str, list[int]]:
        """Ids of the images of folders that are not hidden, ascending, for each of these file
        hashes, picture hashes and fingerprints that one has, or a file that is shown as part of
        it."""
        requested = json.dumps(sorted(set(hashes)))
        found: dict[str, set[int]] = {}
        with self._store.read() as connection:
            for column in ("file_hash", "picture_hash", "fingerprint"):
                for value, image_id in rows(
                    connection,
                    f"SELECT i.{column}, coalesce(c.shown_id, i.id) FROM images AS i "
                    "JOIN folders AS f ON f.id = i.folder_id "
                    "LEFT JOIN companions AS c ON c.image_id = i.id "
                    f"WHERE f.hidden = 0 AND i.superseded IN (0, {COMPANION}) "
                    f"AND i.{column} <> '' AND i.{column} {THESE}",
                    (requested,),
                ):
                    found.setdefault(value, set()).add(image_id)
        return {value: sorted(ids) for value, ids in found.items()}

    def by_picture(self) -> dict[str, list[int]]:
        """Ids of the images of folders that are not hidden, ascending, by picture hash; that of a
        file that is shown as part of an image is one of it, too."""
        found: dict[str, list[int]] = {}
        with self._store.read() as connection:
            for value, image_id in rows(
                connection,
                "SELECT i.picture_hash, coalesce(c.shown_id, i.id) AS shown FROM images AS i "
                "JOIN folders AS f ON f.id = i.folder_id "
                "LEFT JOIN companions AS c ON c.image_id = i.id "
                f"WHERE f.hidden = 0 AND i.superseded IN (0, {COMPANION}) "
                "AND i.picture_hash <> '' ORDER BY shown",
            ):
                found.setdefault(value, []).append(image_id)
        return found

    def _places(
        self, column: str, values: Iterable[str], only: str, up_to: int | None
    ) -> dict[str, list[ImagePlace]]:
        with self._store.read() as connection:
            found = rows(
                connection,
                _PLACES.format(column=column, only=only),
                (_MOST_ID if up_to is None else up_to, json.dumps(sorted(set(values)))),
            )
        result: dict[str, list[ImagePlace]] = {}
        for value, image_id, folder_id, folder, path, missing, file_hash, *flags in found:
            hidden, superseded, has_user_data = flags
            place = ImagePlace(
                image_id,
                folder_id,
                Path(from_stored(folder)) / from_stored(path),
                bool(missing),
                name=from_stored(path),
                file_hash=file_hash,
                hidden=bool(hidden),
                displaced=is_displaced(path),
                superseded=superseded == 1,
                has_user_data=bool(has_user_data),
                left_out=superseded == LEFT_OUT,
            )
            result.setdefault(value, []).append(place)
        return result

    def with_user_data(self, image_ids: ImageIds) -> set[int]:
        """Those of these images that have data of the user's: annotations, a reviewed mark, or a
        caption."""
        requested = as_json(image_ids)
        with self._store.read() as connection:
            found = rows(
                connection,
                f"SELECT i.id FROM images AS i WHERE i.id {THESE} "
                f"AND {HAS_USER_DATA.format(image='i')}",
                (requested,),
            )
        return {row[0] for row in found}

    def ever_annotated(self, image_ids: ImageIds) -> set[int]:
        """Those of these images that had user data at any time: undo or redo may bring it back.
        Reads the whole journal, which has no index for this."""
        with self._store.read() as connection:
            found = rows(
                connection,
                f"SELECT DISTINCT image_id FROM journal WHERE image_id {THESE}",
                (as_json(image_ids),),
            )
        return {row[0] for row in found}

    def of_same_photos(self, image_ids: ImageIds) -> set[int]:
        """These images (unknown ones left out), all that have the same picture as one of them, and
        those to which their annotations followed."""
        with self._store.read() as connection:
            return {row[0] for row in rows(connection, _SAME_PHOTOS, (as_json(image_ids),))}

    def unhashed(
        self, folder_id: int, after: int = 0, limit: int = 128, *, only: ImageIds | None = None
    ) -> list[UnhashedFile]:
        """Files of a folder that were never read completely: found by an earlier version of the
        app.  By ascending id, those behind ``after``; ``only`` these."""
        requested = None if only is None else as_json(only)
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT id, path, size, mtime_ns, ctime_ns, sidecar_mtime_ns, fingerprint "
                "FROM images WHERE folder_id = ? AND id > ? AND file_hash = '' AND size > 0 "
                f"AND state <> 'missing' AND NOT {IS_DISPLACED.format(path='path')} "
                f"AND (? IS NULL OR id {THESE}) ORDER BY id LIMIT ?",
                (folder_id, after, requested, requested, limit),
            )
        return [UnhashedFile(row[0], from_stored(row[1]), *row[2:]) for row in found]

    def existing(
        self, folder_id: int, after: str = "", limit: int = 256
    ) -> list[tuple[str, KnownFile]]:
        """What is remembered of the files of a folder that are neither missing nor left out, by
        ascending relative path (as stored): those behind ``after``."""
        with self._store.read() as connection:
            found = rows(
                connection,
                f"SELECT path, reason, state, {_KNOWN} FROM images WHERE folder_id = ? "
                f"AND path > ? AND state <> 'missing' AND superseded <> {LEFT_OUT} "
                "ORDER BY path LIMIT ?",
                (folder_id, to_stored(after), limit),
            )
        return [(from_stored(row[0]), _known_file(row)) for row in found]

    def existing_size(self, folder_ids: ImageIds) -> tuple[int, int]:
        """How many files that are neither missing nor left out these folders have, and their
        bytes."""
        requested = as_json(folder_ids)
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT count(*), coalesce(sum(size), 0) FROM images WHERE state <> 'missing' "
                f"AND superseded <> {LEFT_OUT} AND folder_id {THESE}",
                (requested,),
            )
        return int(found[0][0]), int(found[0][1])

    def left_out(self) -> list[tuple[int, str]]:
        """Folder id and relative path of every image that the ignore list leaves out, of folders
        that are not hidden."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT folder_id, path FROM images "
                f"WHERE superseded = {LEFT_OUT} AND NOT {IS_DISPLACED.format(path='path')} "
                "AND folder_id IN (SELECT id FROM folders WHERE hidden = 0) ORDER BY 1, 2",
            )
        return [(folder_id, from_stored(path)) for folder_id, path in found]

    def shared_fingerprints(self, fingerprints: Iterable[str]) -> set[str]:
        """Those of these fingerprints that several images have."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT fingerprint FROM images WHERE fingerprint <> '' AND fingerprint IN "
                "(SELECT value FROM json_each(?)) GROUP BY fingerprint HAVING count(*) > 1",
                (json.dumps(sorted(set(fingerprints))),),
            )
        return {row[0] for row in found}

    # ------------------------------------------------------------------------- writing

    def upsert(
        self,
        folder_id: int,
        files: Sequence[ScannedFile],
        moved: Mapping[str, int] | None = None,
        displaced: Collection[str] = (),
        companions: Collection[str] = (),
    ) -> list[int]:
        """Record files as found, in one transaction.

        A file whose path is known is that image, with new content; one in ``moved`` is the
        image with that id, now at this path; one in ``displaced`` is a new image.  The image
        that had the path of a moved or displaced file becomes missing, and is no longer shown if
        it has no data of the user's.  Of a file that cannot be read, what is known of its
        picture stays, so that it is recognised when it is restored.

        Args:
            folder_id: the folder the paths are relative to.
            files: what was found; a ``reason`` makes an image unreadable.
            moved: image ids by relative path.
            displaced: relative paths.
            companions: relative paths of files that are to be shown as part of another image: new
                ones are not shown until :meth:`.Pairs.refresh` has decided.

        Returns:
            The id of each file, in order.
        """
        with self._store.write() as connection:
            if moved or displaced:
                touched, ousted = _vacate_paths(connection, folder_id, moved or {}, displaced)
                self._store.mark_changed(touched)
                successors.supersede(connection, ousted)
            for file in files:
                _check(file)
            places = [to_stored(file.path) for file in files]
            ids = _ids_at(connection, folder_id, places)
            new = [
                (place, file) for place, file in zip(places, files, strict=True) if place not in ids
            ]
            old = [
                (ids[place], file)
                for place, file in zip(places, files, strict=True)
                if place in ids
            ]
            if new:
                cameras = camera_numbers(connection, (file.details for _, file in new))
                at = now()
                columns = (*_values(new[0][1]), *_OF_NEW)
                marks = ", ".join("?" * len(columns))
                write_rows(
                    connection,
                    f"INSERT INTO {_table.name} ({', '.join(columns)}) VALUES ({marks})",
                    [
                        (
                            *_values(file).values(),
                            folder_id,
                            place,
                            file.caption,
                            file.caption_source,
                            at,
                            COMPANION if file.path in companions else 0,
                            cameras.get(file.details.camera, 0) if file.details else 0,
                        )
                        for place, file in new
                    ],
                )
            if old:
                _forget_successions(
                    connection, {i: file.picture_hash for i, file in old if not file.reason}
                )
            for statement, failed in ((_UPDATE, False), (_UPDATE_UNREADABLE, True)):
                part = [
                    {
                        "id": image_id,
                        "caption": file.caption,
                        "caption_source": file.caption_source,
                        **_values(file),
                    }
                    for image_id, file in old
                    if bool(file.reason) is failed
                ]
                if part:
                    connection.execute(statement, part)
            found = _ids_at(connection, folder_id, places) if new else ids
            result = [found[place] for place in places]
            known = {image_id for image_id, _ in old}
            read = zip(result, files, strict=True)
            record_details(
                connection,
                {i: f.details for i, f in read if f.details is not None},
                with_camera=set(result) - known,
            )
            self._store.mark_changed(result)
            if old:
                self._store.mark_changed(shown_with(connection, known))
            return result

    def set_hashes(self, files: Mapping[int, ScannedFile]) -> None:
        """Record hashes of known files that have not changed; ``fingerprint`` where it is not
        "" replaces the old one, and with it thumbnail and feature."""
        with self._store.write() as connection:
            connection.execute(
                _SET_HASHES,
                [
                    {
                        "id": image_id,
                        "ctime_ns": file.ctime_ns,
                        "file_hash": file.file_hash,
                        "picture_hash": file.picture_hash,
                        "fingerprint": file.fingerprint,
                    }
                    for image_id, file in files.items()
                ],
            )
            self._store.mark_changed([i for i, file in files.items() if file.fingerprint])

    def expect_change(self, image_ids: ImageIds) -> None:
        """The next scan reads these files again, as if their time had changed."""
        self._change(image_ids, "mtime_ns = mtime_ns - 1")

    def mark_missing(self, image_ids: ImageIds) -> None:
        """These files are gone; everything known of the images stays."""
        self._change(
            image_ids,
            "state = 'missing', "
            f"superseded = CASE superseded WHEN {LEFT_OUT} THEN 0 ELSE superseded END",
        )

    def leave_out(self, image_ids: ImageIds) -> None:
        """No longer show these images, which the ignore list leaves out; everything known of them
        stays.  Those whose files are found again are shown (:meth:`mark_found`, :meth:`upsert`)."""
        self._change(
            image_ids,
            f"superseded = CASE WHEN superseded IN (0, {COMPANION}) THEN {LEFT_OUT} "
            "ELSE superseded END",
        )

    def mark_found(self, image_ids: ImageIds) -> None:
        """These files are back unchanged: ok, or unreadable for the same reason.

        A reason that may have passed (the disk was unplugged) is forgotten.
        """
        requested = as_json(image_ids)
        with self._store.write() as connection:
            reasons = rows(
                connection,
                "SELECT DISTINCT reason FROM images WHERE reason <> '' "
                "AND id IN (SELECT value FROM json_each(?))",
                (requested,),
            )
            passed = json.dumps([row[0] for row in reasons if may_pass(row[0])])
            connection.execute(_FOUND, {"ids": requested, "passed": passed})
            self._mark_changed(connection, image_ids)

    def mark_unreadable(self, image_id: int, reason: str) -> None:
        """The file cannot be decoded; ``reason`` is a sentence for the user.

        An image that is missing stays so: what could not be decoded is not its file.

        Raises:
            NotInCatalogue: if there is no such image.
            ValueError: if the reason is empty.
        """
        if not reason:
            raise ValueError("an unreadable image needs a reason")
        with self._store.write() as connection:
            here = _table.c.state != ImageState.MISSING.key
            _set(
                connection,
                image_id,
                state=case((here, ImageState.UNREADABLE.key), else_=_table.c.state),
                reason=case((here, reason), else_=_table.c.reason),
            )
            self._store.mark_changed([int(image_id)])

    def set_caption(
        self, image_id: int, caption: str, source: CaptionSource = CaptionSource.USER
    ) -> None:
        """Set a caption; the user's own survives every scan, "" lets the file's own return
        with the next change of the file.

        Raises:
            NotInCatalogue: if there is no such image.
        """
        clean = readable_text(caption).strip()
        kept = source if clean else CaptionSource.NONE
        with self._store.write() as connection:
            _set(connection, image_id, caption=clean, caption_source=kept.value)

    def fill_captions(self, captions: Mapping[int, str]) -> list[int]:
        """Keep what a captioner wrote, where there is no other caption.

        One from the file, a sidecar or the user comes before it, now and later.

        Returns:
            the images whose caption it is now.
        """
        clean = {image_id: readable_text(text).strip() for image_id, text in captions.items()}
        filled: list[int] = []
        with self._store.write() as connection:
            for image_id, caption in clean.items():
                if (
                    caption
                    and connection.execute(_FILL, {"id": image_id, "caption": caption}).rowcount
                ):
                    filled.append(image_id)
        return filled

    def _change(self, image_ids: ImageIds, change: str) -> None:
        requested = as_json(image_ids)
        with self._store.write() as connection:
            connection.execute(
                text(f"UPDATE images SET {change} WHERE id IN (SELECT value FROM json_each(:ids))"),
                {"ids": requested},
            )
            self._mark_changed(connection, image_ids)

    def _mark_changed(self, connection: Connection, image_ids: ImageIds) -> None:
        """Of an image, it is seen which file is shown as part of it."""
        self._store.mark_changed(np.asarray(image_ids, np.int64).tolist())
        self._store.mark_changed(shown_with(connection, image_ids))


_OK, _UNREADABLE = ImageState.OK.key, ImageState.UNREADABLE.key
_OF_NEW = (
    "folder_id", "path", "caption", "caption_source", "added_at", "superseded", "camera_id",
)  # fmt: skip
"""Columns of a new image beside those of :func:`_values`."""

# The user's caption stays; a captioner's stays while the photo is the same and has no caption of
# its own.
_CAPTION_STAYS = (
    "caption_source = 'user' OR "
    "(caption_source = 'captioner' AND :caption = '' AND fingerprint = :fingerprint)"
)
_UPDATE = text(f"""
    UPDATE images SET
        size = :size, mtime_ns = :mtime_ns, ctime_ns = :ctime_ns,
        sidecar_mtime_ns = :sidecar_mtime_ns,
        fingerprint = :fingerprint, file_hash = :file_hash, picture_hash = :picture_hash,
        width = :width, height = :height, taken = :taken,
        state = :state, reason = :reason, superseded = {STAYS_COMPANION}, damaged = :damaged,
        caption = CASE WHEN {_CAPTION_STAYS} THEN caption ELSE :caption END,
        caption_source = CASE WHEN {_CAPTION_STAYS} THEN caption_source ELSE :caption_source END
    WHERE id = :id
""")
# A picture that was readable once is remembered, for when the file is restored.
_UPDATE_UNREADABLE = text(f"""
    UPDATE images SET
        size = :size, mtime_ns = :mtime_ns, ctime_ns = :ctime_ns,
        sidecar_mtime_ns = :sidecar_mtime_ns,
        fingerprint = CASE WHEN width IS NULL THEN :fingerprint ELSE fingerprint END,
        file_hash = CASE WHEN width IS NULL THEN :file_hash ELSE file_hash END,
        picture_hash = CASE WHEN width IS NULL THEN :picture_hash ELSE picture_hash END,
        state = :state, reason = :reason, superseded = {STAYS_COMPANION}, damaged = :damaged
    WHERE id = :id
""")
_SET_HASHES = text("""
    UPDATE images SET
        ctime_ns = :ctime_ns, file_hash = :file_hash, picture_hash = :picture_hash,
        fingerprint = CASE WHEN :fingerprint = '' THEN fingerprint ELSE :fingerprint END
    WHERE id = :id
""")

_FILL = text("""
    UPDATE images SET caption = :caption, caption_source = 'captioner'
    WHERE id = :id AND (caption = '' OR caption_source = 'captioner')
""")

_FOUND = text(f"""
    UPDATE images SET superseded = {STAYS_COMPANION},
        reason = CASE WHEN reason IN (SELECT value FROM json_each(:passed))
                      THEN '' ELSE reason END,
        state = CASE WHEN reason = '' OR reason IN (SELECT value FROM json_each(:passed))
                     THEN 'ok' ELSE 'unreadable' END
    WHERE id IN (SELECT value FROM json_each(:ids))
""")


def _no_image(image_id: int) -> str:
    return f"There is no image with the number {image_id} in this library; nothing was changed."


def _known_file(row: Sequence[Any]) -> KnownFile:
    """Of path, reason, state and the columns ``_KNOWN``."""
    unreadable = row[2] == ImageState.UNREADABLE.key
    retry = unreadable and may_pass(row[1])
    *facts, readable, left_out = row[10:]
    return KnownFile._make((*row[3:9], bool(row[9]), retry, *facts, bool(readable), bool(left_out)))


def _ids_at(connection: Connection, folder_id: int, places: Sequence[str]) -> dict[str, int]:
    """Ids of the images of a folder that have these paths, as stored."""
    found = rows(
        connection,
        "SELECT path, id FROM images WHERE folder_id = ? "
        "AND path IN (SELECT value FROM json_each(?))",
        (folder_id, json.dumps(places)),
    )
    return dict(found)  # pyright: ignore[reportArgumentType]


def _check(file: ScannedFile) -> None:
    if file.caption_source:
        CaptionSource(file.caption_source)
    if file.path.startswith("/") or "//" in file.path:
        raise ValueError(f"not a normalised relative path: {file.path!r}")


def _values(file: ScannedFile) -> dict[str, Any]:
    return {
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "ctime_ns": file.ctime_ns,
        "sidecar_mtime_ns": file.sidecar_mtime_ns,
        "fingerprint": file.fingerprint,
        "file_hash": file.file_hash,
        "picture_hash": file.picture_hash,
        "width": file.width,
        "height": file.height,
        "taken": file.taken,
        "state": _UNREADABLE if file.reason else _OK,
        "reason": file.reason,
        "damaged": int(file.damaged),
    }


def _set(connection: Connection, image_id: int, **values: object) -> None:
    done = connection.execute(update(_table).where(_table.c.id == image_id).values(**values))
    if done.rowcount == 0:
        raise NotInCatalogue(_no_image(image_id))


def _forget_successions(connection: Connection, pictures: Mapping[int, str]) -> None:
    """What was found out about an image and another one is about the picture it had: forget it
    where that is another one now."""
    found = rows(
        connection,
        f"SELECT id, picture_hash FROM images WHERE id {THESE}",
        (as_json(pictures),),
    )
    successors.forget(connection, [row[0] for row in found if row[1] != pictures[row[0]]])


def _vacate_paths(
    connection: Connection, folder_id: int, moved: Mapping[str, int], displaced: Collection[str]
) -> tuple[list[int], list[int]]:
    """Give moved images their new paths, displacing others; returns the ids of all that were
    changed, and of those displaced.

    Moved images may swap paths with each other, so all of them get temporary paths first.
    """
    targets = {to_stored(path): image_id for path, image_id in moved.items()}
    set_path = text("UPDATE images SET path = :path WHERE id = :id")
    if targets:
        parked = [{"path": f"{_PARKED}{i}", "id": i} for i in targets.values()]
        connection.execute(set_path, parked)
    requested = [*targets, *(to_stored(path) for path in displaced)]
    displaced_rows = rows(
        connection,
        "SELECT id, path FROM images WHERE folder_id = ? "
        "AND path IN (SELECT value FROM json_each(?))",
        (folder_id, json.dumps(requested)),
    )
    if displaced_rows:
        connection.execute(
            # A scan that finds another file at its place leaves nothing out there.
            text(
                "UPDATE images SET path = :path, state = 'missing', superseded = "
                f"CASE superseded WHEN {LEFT_OUT} THEN 0 ELSE superseded END WHERE id = :id"
            ),
            [{"path": displaced_path(path, i), "id": i} for i, path in displaced_rows],
        )
    if targets:
        connection.execute(
            text(
                "UPDATE images SET folder_id = :folder, path = :path, "
                f"superseded = {STAYS_COMPANION} WHERE id = :id"
            ),
            [{"folder": folder_id, "path": p, "id": i} for p, i in targets.items()],
        )
    ousted = [int(row[0]) for row in displaced_rows]
    return [*targets.values(), *ousted], ousted
