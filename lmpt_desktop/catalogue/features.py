"""Features by backbone, and the cache of text embeddings.

Features are kept as they come from the encoder: a chunk of some hundred rows, half precision,
in one BLOB.  A chunk also holds the fingerprint each photo had; a feature counts only while
the photo still has it, so nothing has to be deleted when a file changes.  Many small chunks are
merged into few large ones along the way.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, text

from lmpt_desktop.catalogue import bulk, schema
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import Store, rows
from lmpt_desktop.translation import _

MERGED_ROWS = 4096
"""Rows of a chunk that is not merged any further."""
SMALL_CHUNKS = 64
"""Smaller chunks are merged once there are this many."""
_FINGERPRINT_BYTES = 16
_NO_FINGERPRINT = "00" * _FINGERPRINT_BYTES
_USABLE = """
    SELECT id FROM images WHERE id IN (SELECT value FROM json_each(?)) AND state = 'ok'
    AND folder_id IN (SELECT id FROM folders WHERE hidden = 0) ORDER BY id
"""
_PRINTS = """
    SELECT id, fingerprint FROM images WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id
"""

Float16Array = NDArray[np.float16]
FloatArray = NDArray[np.float32]


class Features:
    """Unit-norm image embeddings and cached text embeddings."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, backbone: str, ids: ImageIds, features: NDArray[np.floating]) -> None:
        """Store features, replacing older ones of the same images; committed on return.

        Args:
            backbone: its name.
            ids: (n,) image ids.
            features: (n, D), any float type; kept as float16.

        Raises:
            NotInCatalogue: if an image does not exist.
            ValueError: if the shapes disagree, with each other or with what the backbone
                has, or a value is not finite.
        """
        requested = np.ascontiguousarray(ids, np.dtype("<i8"))
        rows_in = np.ascontiguousarray(features, np.dtype("<f2"))
        if rows_in.ndim != 2 or len(rows_in) != len(requested):
            raise ValueError(f"{rows_in.shape} features for {len(requested)} ids")
        if not np.isfinite(rows_in).all():
            raise ValueError("features must be finite numbers")
        if not len(requested):
            return
        with self._store.write() as connection:
            dim = connection.scalar(
                text("SELECT dim FROM feature_chunks WHERE backbone = :backbone LIMIT 1"),
                {"backbone": backbone},
            )
            if dim is not None and dim != rows_in.shape[1]:
                raise ValueError(f"{backbone} has features of {dim} values, not {rows_in.shape[1]}")
            current = dict(
                rows(
                    connection,
                    "SELECT id, fingerprint FROM images "
                    "WHERE id IN (SELECT value FROM json_each(?))",
                    (json.dumps(requested.tolist()),),
                )  # type: ignore[arg-type]
            )
            if len(current) != len(set(requested.tolist())):
                raise NotInCatalogue(
                    _("Features were computed for a photo that is not in this library.")
                )
            fingerprints = b"".join(_as_bytes(current[image_id]) for image_id in requested.tolist())
            _insert(connection, backbone, _Chunk(requested, fingerprints, rows_in))
            _merge_small(connection, backbone)

    def load(
        self, backbone: str, image_ids: ImageIds | None = None
    ) -> tuple[NDArray[np.int64], Float16Array]:
        """The current features of a backbone, of all images or of these.

        Returns:
            ``(ids, features)``: (n,) int64 by ascending id, and (n, D) float16.  (0,) and
            (0, 0) when there is none.
        """
        with self._store.read() as connection:
            requested = None if image_ids is None else np.unique(np.asarray(image_ids, np.int64))
            index = _index(connection, backbone, requested)
            if not len(index.ids):
                return np.empty(0, np.int64), np.empty((0, 0), np.float16)
            result = np.empty((len(index.ids), index.dim), np.float16)
            for chunk_id in np.unique(index.chunks):
                inside = index.chunks == chunk_id
                (blob,) = rows(
                    connection,
                    "SELECT features FROM feature_chunks WHERE id = ?",
                    (int(chunk_id),),
                )[0]
                block = np.frombuffer(blob, np.dtype("<f2")).reshape(-1, index.dim)
                result[inside] = block[index.positions[inside]]
        return index.ids, result

    def ids(self, backbone: str) -> set[int]:
        """Images that have a current feature."""
        with self._store.read() as connection:
            return set(encoded_ids(connection, backbone).tolist())

    def missing(self, backbone: str, image_ids: ImageIds | None = None) -> NDArray[np.int64]:
        """(n,) int64 ascending ids of usable images (ok, folder not hidden) without a current
        feature, of all or of these."""
        requested = None if image_ids is None else np.unique(np.asarray(image_ids, np.int64))
        with self._store.read() as connection:
            if requested is None:
                usable = bulk.usable_ids(connection)
            else:
                found = rows(connection, _USABLE, (json.dumps(requested.tolist()),))
                usable = np.array([row[0] for row in found], np.int64)
            have = _index(connection, backbone, requested).ids
        return np.setdiff1d(usable, have, assume_unique=True)

    def backbones(self) -> dict[str, int]:
        """Backbones that have features, with the number of rows kept for each."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT backbone, sum(count) FROM feature_chunks GROUP BY backbone",
            )
        return {name: int(count) for name, count in found}

    def forget(self, backbone: str) -> None:
        """Delete a backbone's features and text embeddings; they can be encoded again."""
        with self._store.write() as connection:
            for table in (schema.feature_chunks, schema.text_embeddings):
                connection.execute(delete(table).where(table.c.backbone == backbone))

    # --------------------------------------------------------------------------- texts

    def texts(
        self, backbone: str, texts: Sequence[str], variant: str = ""
    ) -> dict[str, FloatArray]:
        """Cached embeddings of those of ``texts`` that are known: (D,) float32 each.

        Args:
            backbone: its name.
            texts: any number.
            variant: distinguishes embeddings of one text made in different ways (such as with
                and without prompt templates).
        """
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT text, embedding FROM text_embeddings WHERE backbone = ? AND variant = ? "
                "AND text IN (SELECT value FROM json_each(?))",
                (backbone, variant, json.dumps(list(texts))),
            )
        return {
            name: np.frombuffer(blob, np.dtype("<f4")).astype(np.float32) for name, blob in found
        }

    def put_texts(
        self, backbone: str, embeddings: Mapping[str, FloatArray], variant: str = ""
    ) -> None:
        """Store embeddings, (D,) each; older ones of the same texts are replaced."""
        values = [
            {
                "backbone": backbone,
                "variant": variant,
                "text": name,
                "embedding": np.ascontiguousarray(vector, np.dtype("<f4")).tobytes(),
            }
            for name, vector in embeddings.items()
        ]
        if values:
            statement = insert(schema.text_embeddings).prefix_with("OR REPLACE")
            with self._store.write() as connection:
                connection.execute(statement, values)


@dataclass(frozen=True, eq=False)
class _Chunk:
    """``ids`` (n,), ``fingerprints`` n x 16 bytes, ``features`` (n, D) float16."""

    ids: NDArray[np.int64]
    fingerprints: bytes
    features: Float16Array


@dataclass(frozen=True, eq=False)
class _Index:
    """Where the current features are: row i of image ``ids[i]`` is row ``positions[i]`` of
    chunk ``chunks[i]``."""

    ids: NDArray[np.int64]
    chunks: NDArray[np.int64]
    positions: NDArray[np.int64]
    dim: int


def encoded_ids(connection: Connection, backbone: str) -> NDArray[np.int64]:
    """(n,) int64 ascending ids of images with a current feature of ``backbone``."""
    return _index(connection, backbone).ids


def _as_bytes(fingerprint: str) -> bytes:
    """Sixteen bytes of a hexadecimal fingerprint; any other string gives its own bytes."""
    try:
        raw = bytes.fromhex(fingerprint)
    except ValueError:
        raw = fingerprint.encode()
    return raw[:_FINGERPRINT_BYTES].ljust(_FINGERPRINT_BYTES, b"\0")


def _all_as_bytes(fingerprints: list[str]) -> bytes:
    """:func:`_as_bytes` of each, joined; ten times faster for fingerprints as we make them."""
    text = "".join(name or _NO_FINGERPRINT for name in fingerprints)
    if len(text) == len(_NO_FINGERPRINT) * len(fingerprints):
        with contextlib.suppress(ValueError):
            return bytes.fromhex(text)
    return b"".join(_as_bytes(name) for name in fingerprints)


def _index(
    connection: Connection, backbone: str, requested: NDArray[np.int64] | None = None
) -> _Index:
    """The newest feature of each image, as far as the photo is still the one encoded; of all
    images, or of those ``requested``: it is the images' fingerprints that take long to read."""
    chunks = rows(
        connection,
        "SELECT id, ids, fingerprints, dim FROM feature_chunks WHERE backbone = ? ORDER BY id",
        (backbone,),
    )
    none = np.empty(0, np.int64)
    if not chunks:
        return _Index(none, none, none, 0)
    blocks = [np.frombuffer(row[1], np.dtype("<i8")) for row in chunks]
    ids = np.concatenate(blocks)
    chunk_of = np.repeat([row[0] for row in chunks], [len(block) for block in blocks])
    positions = np.concatenate([np.arange(len(block)) for block in blocks])
    prints = np.frombuffer(b"".join(row[2] for row in chunks), f"V{_FINGERPRINT_BYTES}")
    if requested is not None:
        these = np.isin(ids, requested)
        ids, chunk_of, positions, prints = (
            part[these] for part in (ids, chunk_of, positions, prints)
        )
    # np.unique takes the first of equals: reversed, that is the newest.
    kept, newest = np.unique(ids[::-1], return_index=True)
    at = len(ids) - 1 - newest
    if requested is None:
        found = bulk.fingerprints(connection)
    else:
        some = rows(connection, _PRINTS, (json.dumps(kept.tolist()),))
        found = [(np.array([row[0] for row in some], np.int64), [row[1] for row in some])]
    parts = [(part, _all_as_bytes(texts)) for part, texts in found]
    image_ids = np.concatenate([none, *(part for part, _prints in parts)])
    current = np.frombuffer(b"".join(part for _ids, part in parts), f"V{_FINGERPRINT_BYTES}")
    where = np.minimum(np.searchsorted(image_ids, kept), max(len(image_ids) - 1, 0))
    if not len(image_ids):
        return _Index(none, none, none, int(chunks[0][3]))
    same = (image_ids[where] == kept) & (current[where] == prints[at])
    return _Index(kept[same], chunk_of[at][same], positions[at][same], int(chunks[0][3]))


def _insert(connection: Connection, backbone: str, chunk: _Chunk) -> None:
    connection.execute(
        insert(schema.feature_chunks).values(
            backbone=backbone,
            count=len(chunk.ids),
            dim=chunk.features.shape[1],
            ids=chunk.ids.tobytes(),
            fingerprints=chunk.fingerprints,
            features=chunk.features.tobytes(),
        )
    )


def _merge_small(connection: Connection, backbone: str) -> None:
    """Merge small chunks once there are many, dropping outdated rows.

    The merged rows are the newest of their images, so their chunk may be newer than others.
    """
    small = [
        row[0]
        for row in rows(
            connection,
            "SELECT id FROM feature_chunks WHERE backbone = ? AND count < ? ORDER BY id",
            (backbone, MERGED_ROWS),
        )
    ]
    if len(small) < SMALL_CHUNKS:
        return
    marks = ", ".join("?" * len(small))
    held = rows(connection, f"SELECT ids FROM feature_chunks WHERE id IN ({marks})", small)
    index = _index(
        connection,
        backbone,
        np.unique(np.concatenate([np.frombuffer(row[0], np.dtype("<i8")) for row in held])),
    )
    ids: list[NDArray[np.int64]] = []
    prints: list[NDArray[np.void]] = []
    features: list[Float16Array] = []
    for chunk_id in small:
        at = index.positions[index.chunks == chunk_id]
        ids_blob, prints_blob, features_blob = rows(
            connection,
            "SELECT ids, fingerprints, features FROM feature_chunks WHERE id = ?",
            (chunk_id,),
        )[0]
        ids.append(np.frombuffer(ids_blob, np.dtype("<i8"))[at])
        prints.append(np.frombuffer(prints_blob, f"V{_FINGERPRINT_BYTES}")[at])
        block = np.frombuffer(features_blob, np.dtype("<f2")).reshape(-1, index.dim)
        features.append(block[at])
    all_ids, all_prints = np.concatenate(ids), np.concatenate(prints)
    all_features = np.concatenate(features)
    table = schema.feature_chunks
    connection.execute(delete(table).where(table.c.id.in_(small)))
    for start in range(0, len(all_ids), MERGED_ROWS):
        part = slice(start, start + MERGED_ROWS)
        _insert(
            connection,
            backbone,
            _Chunk(all_ids[part], all_prints[part].tobytes(), all_features[part]),
        )
