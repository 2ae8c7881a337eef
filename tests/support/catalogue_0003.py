"""A catalogue as the version before the three levels of identity wrote it (schema 0003): photos are
known by size, time and a sample of their bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xxhash
from photo_bytes import honest_feature
from PIL import Image, ImageOps
from sqlalchemy import create_engine

from lmpt_desktop.catalogue import opening, schema
from lmpt_desktop.catalogue.migrations.run import upgrade

_WHOLE_BYTES, _BLOCK_BYTES = 256 * 1024, 64 * 1024


def sampled_fingerprint(data: bytes) -> str:
    """As that version named a file's content."""
    digest = xxhash.xxh3_128(len(data).to_bytes(8, "little"))
    if len(data) <= _WHOLE_BYTES:
        digest.update(data)
    else:
        for start in (0, (len(data) - _BLOCK_BYTES) // 2, len(data) - _BLOCK_BYTES):
            digest.update(data[start : start + _BLOCK_BYTES])
    return digest.hexdigest()


def write_third_catalogue(
    library: Path, folder: Path, paths: Sequence[Path], *, unencoded: Sequence[Path] = ()
) -> None:
    """A library of one folder with these photos: scanned, encoded (but for ``unencoded``), each
    annotated present on a class of its own, called as the file.

    Images and classes have the numbers 1, 2, ... in this order.
    """
    library.mkdir(parents=True)
    database = library / opening.CATALOGUE_NAME
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        upgrade(connection, "0003")
        connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    engine.dispose()
    db = sqlite3.connect(database)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("INSERT INTO folders VALUES (1, ?, 0, 0)", (str(folder),))
    db.execute(
        "INSERT INTO batches (id, at, action, images, changes) VALUES (1, 1, 'apply', ?, ?)",
        (len(paths), len(paths)),
    )
    prints = {}
    for number, path in enumerate(paths, 1):
        data, status = path.read_bytes(), path.stat()
        prints[path] = sampled_fingerprint(data)
        with Image.open(path) as image:
            width, height = ImageOps.exif_transpose(image).size
        db.execute(
            "INSERT INTO images (id, folder_id, path, size, mtime_ns, fingerprint, width, height, "
            "caption, caption_source, added_at) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, 'user', 0)",
            (
                number,
                path.relative_to(folder).as_posix(),
                status.st_size,
                status.st_mtime_ns,
                prints[path],
                width,
                height,
                f"caption of {path.name}",
            ),
        )
        db.execute(
            "INSERT INTO classes (id, name, name_key, position) VALUES (?, ?, ?, ?)",
            (number, path.name, path.name.lower(), number),
        )
        db.execute("INSERT INTO annotations VALUES (?, ?, 1, 1, 'user')", (number, number))
        db.execute(
            "INSERT INTO journal (batch_id, image_id, class_id, after_verdict, after_at, "
            "after_source) VALUES (1, ?, ?, 1, 1, 'user')",
            (number, number),
        )
    encoded = [path for path in paths if path not in unencoded]
    _add_features(db, [list(paths).index(path) + 1 for path in encoded], encoded, prints)
    db.commit()
    db.close()


def _add_features(
    db: sqlite3.Connection, ids: list[int], paths: list[Path], prints: dict[Path, str]
) -> None:
    features = []
    for path in paths:
        with Image.open(path) as image:
            features.append(honest_feature(ImageOps.exif_transpose(image).convert("RGB")))
    if not features:
        return
    block = np.stack(features).astype("<f2")
    db.execute(
        "INSERT INTO feature_chunks (backbone, count, dim, ids, fingerprints, features) "
        "VALUES ('lite', ?, ?, ?, ?, ?)",
        (
            len(ids),
            block.shape[1],
            np.array(ids, "<i8").tobytes(),
            b"".join(bytes.fromhex(prints[path]) for path in paths),
            block.tobytes(),
        ),
    )
