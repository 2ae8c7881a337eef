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
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, select, text, update

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.bulk import image_columns
from lmpt_desktop.catalogue.changed_images import ChangedImages
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import Store, now, rows
from lmpt_desktop.catalogue.stored_paths import displaced as displaced_path
from lmpt_desktop.catalogue.stored_paths import from_stored, is_displaced, to_stored
from lmpt_desktop.domain.records import (
    NO_DATE,
    CaptionSource,
    ImagePlace,
    ImageState,
    ImageTable,
    KnownFile,
    ScannedFile,
)
from trainer.photo import may_pass

_table = schema.images
_STATES = {state.key: int(state) for state in ImageState}
_WHEN = " ".join(f"WHEN '{name}' THEN {number}" for name, number in _STATES.items())
_STATE_NUMBER = f"CASE i.state {_WHEN} END"
_SOME = f"""
    SELECT i.id, i.folder_id, {_STATE_NUMBER}, i.size, i.mtime_ns, i.taken,
        coalesce(i.width, 0), coalesce(i.height, 0), i.path, i.fingerprint
    FROM images AS i JOIN folders AS f ON f.id = i.folder_id
    WHERE f.hidden = 0 AND i.id IN (SELECT value FROM json_each(?)) ORDER BY i.id
"""
_PARKED = "//parked/"
"""Prefix of temporary paths while images swap theirs; ``//`` is in no real path."""


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

    def __init__(self, store: Store) -> None:
        self._store = store

    # ------------------------------------------------------------------------- reading

    def table(self, *, ids: ImageIds | None = None) -> ImageTable:
        """Columns over the images of folders that are not hidden, by ascending id.

        Args:
            ids: only these (unknown or hidden ones are left out).
        """
        with self._store.read() as connection:
            if ids is None:
                columns = image_columns(connection, _seconds)
            else:
                columns = _columns(
                    rows(connection, _SOME, (json.dumps(np.asarray(ids, np.int64).tolist()),))
                )
        return ImageTable(**columns)

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
            taken=_taken(row["taken"]),
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
        requested = np.asarray(image_ids, np.int64).tolist()
        with self._store.read() as connection:
            found = {
                row[0]: (row[1], row[2])
                for row in rows(
                    connection,
                    "SELECT i.id, f.path, i.path FROM images AS i "
                    "JOIN folders AS f ON f.id = i.folder_id "
                    "WHERE i.id IN (SELECT value FROM json_each(?))",
                    (json.dumps(requested),),
                )
            }
        if missing := [image_id for image_id in requested if image_id not in found]:
            raise NotInCatalogue(_no_image(missing[0]))
        return [Path(from_stored(found[i][0])) / from_stored(found[i][1]) for i in requested]

    def captions(self, image_ids: ImageIds) -> dict[int, str]:
        """The captions of those of these images that have one."""
        requested = json.dumps(np.asarray(image_ids, np.int64).tolist())
        with self._store.read() as connection:
            return dict(
                rows(
                    connection,
                    "SELECT id, caption FROM images WHERE caption <> '' "
                    "AND id IN (SELECT value FROM json_each(?))",
                    (requested,),
                )  # type: ignore[arg-type]
            )

    def known(self, folder_id: int) -> dict[str, KnownFile]:
        """What is remembered of every file of a folder, by relative path.

        Images whose place another photo has taken are left out; they can still be found
        :meth:`by_fingerprint`.
        """
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT path, reason, state, id, size, mtime_ns, sidecar_mtime_ns, "
                "fingerprint, taken, state = 'missing' FROM images WHERE folder_id = ?",
                (folder_id,),
            )
        return {
            from_stored(row[0]): KnownFile._make(
                (*row[3:], row[2] == ImageState.UNREADABLE.key and may_pass(row[1]))
            )
            for row in found
            if not is_displaced(row[0])
        }

    def by_fingerprint(self, fingerprints: Iterable[str]) -> dict[str, list[ImagePlace]]:
        """Images of each of these fingerprints, in any folder, by ascending id."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT i.fingerprint, i.id, i.folder_id, f.path, i.path, i.state = 'missing' "
                "FROM images AS i JOIN folders AS f ON f.id = i.folder_id "
                "WHERE i.fingerprint <> '' "
                "AND i.fingerprint IN (SELECT value FROM json_each(?)) ORDER BY i.id",
                (json.dumps(sorted(set(fingerprints))),),
            )
        result: dict[str, list[ImagePlace]] = {}
        for fingerprint, image_id, folder_id, folder, path, missing in found:
            where = Path(from_stored(folder)) / from_stored(path)
            place = ImagePlace(image_id, folder_id, where, bool(missing))
            result.setdefault(fingerprint, []).append(place)
        return result

    # ------------------------------------------------------------------------- writing

    def upsert(
        self,
        folder_id: int,
        files: Sequence[ScannedFile],
        moved: Mapping[str, int] | None = None,
        displaced: Collection[str] = (),
    ) -> list[int]:
        """Record files as found, in one transaction.

        A file whose path is known is that image, with new content; one in ``moved`` is the
        image with that id, now at this path; one in ``displaced`` is a new image.  The image
        that had the path of a moved or displaced file becomes missing.

        Args:
            folder_id: the folder the paths are relative to.
            files: what was found; a ``reason`` makes an image unreadable.
            moved: image ids by relative path.
            displaced: relative paths.

        Returns:
            The id of each file, in order.
        """
        with self._store.write() as connection:
            if moved or displaced:
                self._store.mark_changed(
                    _vacate_paths(connection, folder_id, moved or {}, displaced)
                )
            requested = json.dumps([to_stored(file.path) for file in files])
            ids = dict(
                rows(
                    connection,
                    "SELECT path, id FROM images WHERE folder_id = ? "
                    "AND path IN (SELECT value FROM json_each(?))",
                    (folder_id, requested),
                )  # type: ignore[arg-type]
            )
            for file in files:
                _check(file)
            new = [file for file in files if to_stored(file.path) not in ids]
            old = [(ids[to_stored(f.path)], f) for f in files if to_stored(f.path) in ids]
            at = now()
            if new:
                values = [_values(file) for file in new]
                for item, file in zip(values, new, strict=True):
                    item |= {
                        "folder_id": folder_id,
                        "path": to_stored(file.path),
                        "caption": file.caption,
                        "caption_source": file.caption_source,
                        "added_at": at,
                    }
                connection.execute(insert(_table), values)
            if old:
                connection.execute(
                    _UPDATE,
                    [
                        {
                            "id": image_id,
                            "caption": file.caption,
                            "caption_source": file.caption_source,
                            **_values(file),
                        }
                        for image_id, file in old
                    ],
                )
            found = dict(
                rows(
                    connection,
                    "SELECT path, id FROM images WHERE folder_id = ? "
                    "AND path IN (SELECT value FROM json_each(?))",
                    (folder_id, requested),
                )  # type: ignore[arg-type]
            )
            result = [int(found[to_stored(file.path)]) for file in files]
            self._store.mark_changed(result)
            return result

    def mark_missing(self, image_ids: ImageIds) -> None:
        """These files are gone; everything known of the images stays."""
        self._set_state(image_ids, "'missing'")

    def mark_found(self, image_ids: ImageIds) -> None:
        """These files are back unchanged: ok, or unreadable for the same reason.

        A reason that may have passed (the disk was unplugged) is forgotten.
        """
        requested = json.dumps(np.asarray(image_ids, np.int64).tolist())
        with self._store.write() as connection:
            reasons = rows(
                connection,
                "SELECT DISTINCT reason FROM images WHERE reason <> '' "
                "AND id IN (SELECT value FROM json_each(?))",
                (requested,),
            )
            passed = json.dumps([row[0] for row in reasons if may_pass(row[0])])
            connection.execute(_FOUND, {"ids": requested, "passed": passed})
            self._store.mark_changed(np.asarray(image_ids, np.int64).tolist())

    def mark_unreadable(self, image_id: int, reason: str) -> None:
        """The file cannot be decoded; ``reason`` is a sentence for the user.

        Raises:
            NotInCatalogue: if there is no such image.
            ValueError: if the reason is empty.
        """
        if not reason:
            raise ValueError("an unreadable image needs a reason")
        with self._store.write() as connection:
            _set(connection, image_id, state=ImageState.UNREADABLE.key, reason=reason)
            self._store.mark_changed([int(image_id)])

    def set_caption(
        self, image_id: int, caption: str, source: CaptionSource = CaptionSource.USER
    ) -> None:
        """Set a caption; the user's own survives every scan, "" lets the file's own return
        with the next change of the file.

        Raises:
            NotInCatalogue: if there is no such image.
        """
        clean = caption.strip()
        kept = source if clean else CaptionSource.NONE
        with self._store.write() as connection:
            _set(connection, image_id, caption=clean, caption_source=kept.value)

    def fill_captions(self, captions: Mapping[int, str]) -> list[int]:
        """Keep what a captioner wrote, where there is no other caption.

        One from the file, a sidecar or the user comes before it, now and later.

        Returns:
            the images whose caption it is now.
        """
        clean = {image_id: text.strip() for image_id, text in captions.items()}
        filled: list[int] = []
        with self._store.write() as connection:
            for image_id, caption in clean.items():
                if (
                    caption
                    and connection.execute(_FILL, {"id": image_id, "caption": caption}).rowcount
                ):
                    filled.append(image_id)
        return filled

    def _set_state(self, image_ids: ImageIds, expression: str) -> None:
        requested = json.dumps(np.asarray(image_ids, np.int64).tolist())
        with self._store.write() as connection:
            connection.execute(
                text(
                    f"UPDATE images SET state = {expression} "
                    "WHERE id IN (SELECT value FROM json_each(:ids))"
                ),
                {"ids": requested},
            )
            self._store.mark_changed(np.asarray(image_ids, np.int64).tolist())


_UPDATE = text(
    """
    UPDATE images SET
        size = :size, mtime_ns = :mtime_ns, sidecar_mtime_ns = :sidecar_mtime_ns,
        fingerprint = :fingerprint, width = :width, height = :height, taken = :taken,
        state = :state, reason = :reason,
        caption = CASE WHEN {kept} THEN caption ELSE :caption END,
        caption_source = CASE WHEN {kept} THEN caption_source ELSE :caption_source END
    WHERE id = :id
""".replace(
        "{kept}",
        # The user's caption stays; a captioner's stays while the photo is the same and has no
        # caption of its own.
        "caption_source = 'user' OR "
        "(caption_source = 'captioner' AND :caption = '' AND fingerprint = :fingerprint)",
    )
)

_FILL = text("""
    UPDATE images SET caption = :caption, caption_source = 'captioner'
    WHERE id = :id AND (caption = '' OR caption_source = 'captioner')
""")

_FOUND = text("""
    UPDATE images SET
        reason = CASE WHEN reason IN (SELECT value FROM json_each(:passed))
                      THEN '' ELSE reason END,
        state = CASE WHEN reason = '' OR reason IN (SELECT value FROM json_each(:passed))
                     THEN 'ok' ELSE 'unreadable' END
    WHERE id IN (SELECT value FROM json_each(:ids))
""")


def _no_image(image_id: int) -> str:
    return f"There is no image with the number {image_id} in this library; nothing was changed."


def _check(file: ScannedFile) -> None:
    CaptionSource(file.caption_source)
    if file.path.startswith("/") or "//" in file.path:
        raise ValueError(f"not a normalised relative path: {file.path!r}")


def _values(file: ScannedFile) -> dict[str, Any]:
    return {
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "sidecar_mtime_ns": file.sidecar_mtime_ns,
        "fingerprint": file.fingerprint,
        "width": file.width,
        "height": file.height,
        "taken": file.taken,
        "state": (ImageState.UNREADABLE if file.reason else ImageState.OK).key,
        "reason": file.reason,
    }


def _set(connection: Connection, image_id: int, **values: object) -> None:
    done = connection.execute(update(_table).where(_table.c.id == image_id).values(**values))
    if done.rowcount == 0:
        raise NotInCatalogue(_no_image(image_id))


def _vacate_paths(
    connection: Connection, folder_id: int, moved: Mapping[str, int], displaced: Collection[str]
) -> list[int]:
    """Give moved images their new paths, displacing others; returns the ids of both.

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
            text("UPDATE images SET path = :path, state = 'missing' WHERE id = :id"),
            [{"path": displaced_path(path, i), "id": i} for i, path in displaced_rows],
        )
    if targets:
        connection.execute(
            text("UPDATE images SET folder_id = :folder, path = :path WHERE id = :id"),
            [{"folder": folder_id, "path": p, "id": i} for p, i in targets.items()],
        )
    return [*targets.values(), *(int(row[0]) for row in displaced_rows)]


def _taken(stored: str | None) -> datetime | None:
    if not stored:
        return None
    try:
        return datetime.fromisoformat(stored)
    except ValueError:
        return None


def _seconds(stored: Sequence[str | None]) -> NDArray[np.int64]:
    """Seconds since the epoch; numpy's "not a time" is NO_DATE."""
    if not any(stored):
        return np.full(len(stored), NO_DATE, np.int64)
    try:
        dates = np.array([text or "NaT" for text in stored], "datetime64[s]")
    except ValueError:
        known = [_taken(text) for text in stored]
        dates = np.array([date.isoformat() if date else "NaT" for date in known], "datetime64[s]")
    return dates.astype(np.int64)


def _columns(found: list[tuple[Any, ...]]) -> dict[str, Any]:
    """What :func:`image_columns` gives, of the rows that ``_SOME`` finds."""
    columns = list(zip(*found, strict=True)) if found else [()] * 10
    return {
        "ids": np.array(columns[0], np.int64),
        "folder_ids": np.array(columns[1], np.int64),
        "states": np.array(columns[2], np.int8),
        "sizes": np.array(columns[3], np.int64),
        "mtime": np.array(columns[4], np.int64),
        "taken": _seconds(columns[5]),
        "widths": np.array(columns[6], np.int32),
        "heights": np.array(columns[7], np.int32),
        "names": [from_stored(path) for path in columns[8]],
        "fingerprints": list(columns[9]),
    }
