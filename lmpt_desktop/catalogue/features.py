"""Features by backbone, and the cache of text embeddings.

Features are kept as they come from the encoder: a chunk of some hundred rows, half precision,
in one BLOB; the photos' windows (:mod:`trainer.windows`) are in another one, which only
:meth:`Features.windows` reads.  A chunk also holds the fingerprint each photo had; a feature
counts only while the photo still has it, so nothing has to be deleted when a file changes.  Many
small chunks are merged into few large ones along the way.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, text

from lmpt_desktop.catalogue import bulk, schema
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.feature_file import FeatureFile, MappedFeatures
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
    AND superseded = 0 AND folder_id IN (SELECT id FROM folders WHERE hidden = 0) ORDER BY id
"""
_PRINTS = """
    SELECT id, fingerprint FROM images WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id
"""

Float16Array = NDArray[np.float16]
FloatArray = NDArray[np.float32]


class Features:
    """Unit-norm image embeddings, windows, and cached text embeddings."""

    def __init__(self, store: Store, file: FeatureFile | None = None) -> None:
        """``file`` None: features are always read into memory."""
        self._store = store
        self._file = file

    def append(
        self,
        backbone: str,
        ids: ImageIds,
        features: NDArray[np.floating],
        windows: NDArray[np.int8] | None = None,
        *,
        made_of: Sequence[str] | None = None,
    ) -> int:
        """Store features, replacing older ones of the same images and their windows; committed on
        return.

        Args:
            backbone: its name.
            ids: (n,) image ids.
            features: (n, D), any float type; kept as float16.
            windows: (n, W, D), if the backbone makes them.
            made_of: (n,) fingerprints of what was encoded; an image that is another one by now, or
                gone, is left out.  None: of what the images are now.

        Returns:
            How many were stored.

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
        if windows is not None and (
            windows.dtype != np.int8
            or windows.ndim != 3
            or not windows.shape[1]
            or windows.shape[::2] != rows_in.shape
        ):
            raise ValueError(f"{windows.shape} {windows.dtype} windows, {rows_in.shape} features")
        if not len(requested):
            return 0
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
            if made_of is not None:
                now = [current.get(image_id) for image_id in requested.tolist()]
                same = np.array([one == then for one, then in zip(now, made_of, strict=True)])
                requested, rows_in = requested[same], rows_in[same]
                windows = windows[same] if windows is not None else None
                if not len(requested):
                    return 0
            elif len(current) != len(set(requested.tolist())):
                raise NotInCatalogue(
                    _("Features were computed for a photo that is not in this library.")
                )
            fingerprints = b"".join(_as_bytes(current[image_id]) for image_id in requested.tolist())
            _insert(connection, backbone, _Chunk(requested, fingerprints, rows_in, windows))
            _merge_small(connection, backbone)
        return len(requested)

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
            return index.ids, _in_memory(connection, index)

    def load_all(
        self, backbone: str
    ) -> tuple[NDArray[np.int64], Float16Array, MappedFeatures | None]:
        """As :meth:`load`, of all images; the features of a large library are in a mapped file,
        which is then the third."""
        with self._store.read() as connection:
            index = _index(connection, backbone)
            shape = len(index.ids), index.dim
            if not len(index.ids):
                return np.empty(0, np.int64), np.empty((0, 0), np.float16), None
            mapped = None
            if self._file is not None and self._file.suits(shape):
                key = _key(backbone, index)
                mapped = self._file.known(key, shape)
                if mapped is None:
                    mapped = self._file.write(key, shape, _blocks(connection, index))
            if mapped is not None:
                return index.ids, mapped.matrix, mapped
            return index.ids, _in_memory(connection, index), None

    def windows(
        self, backbone: str, image_ids: ImageIds | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int8]]]:
        """The windows of the current features, of all images or of these, chunk by chunk: for a
        whole library they are too large to be held at once.

        Each chunk is read in a transaction of its own, so that nothing waits for the caller.

        Yields:
            ``(ids, windows)``: (n,) int64 and (n, W, D) int8; images without windows are left out.
        """
        wanted = None if image_ids is None else np.unique(np.asarray(image_ids, np.int64))
        while wanted is None or len(wanted):
            with self._store.read() as connection:
                index = _index(connection, backbone, wanted).with_windows()
            wanted = index.ids
            for chunk_id in np.unique(index.chunks).tolist():
                inside = index.chunks == chunk_id
                with self._store.read() as connection:
                    found = rows(
                        connection,
                        "SELECT count, windows FROM feature_chunks WHERE id = ?",
                        (chunk_id,),
                    )
                if not found:
                    break  # it was merged with others a moment ago
                count, blob = found[0]
                block = np.frombuffer(blob, np.int8).reshape(count, -1, index.dim)
                at = index.positions[inside]
                # A whole chunk needs no copy.
                yield (
                    index.ids[inside],
                    block if np.array_equal(at, np.arange(count)) else block[at],
                )
                wanted = np.setdiff1d(wanted, index.ids[inside], assume_unique=True)

    def ids(self, backbone: str) -> set[int]:
        """Images that have a current feature."""
        with self._store.read() as connection:
            return set(encoded_ids(connection, backbone).tolist())

    def missing(self, backbone: str, image_ids: ImageIds | None = None) -> NDArray[np.int64]:
        """(n,) int64 ascending ids of usable images (ok, folder not hidden) without a current
        feature, of all or of these."""
        requested = None if image_ids is None else np.unique(np.asarray(image_ids, np.int64))
        with self._store.read() as connection:
            usable = _usable(connection, requested)
            have = _index(connection, backbone, requested).ids
        return np.setdiff1d(usable, have, assume_unique=True)

    def without_windows(
        self, backbone: str, each: int, image_ids: ImageIds | None = None
    ) -> NDArray[np.int64]:
        """(n,) int64 ascending ids of usable images that have a current feature, but not ``each``
        windows; of all or of these."""
        requested = None if image_ids is None else np.unique(np.asarray(image_ids, np.int64))
        with self._store.read() as connection:
            index = _index(connection, backbone, requested)
            lacking = index.ids[index.windows != each]
            usable = _usable(connection, requested) if len(lacking) else lacking
        return np.intersect1d(lacking, usable, assume_unique=True)

    def with_windows(self, backbone: str) -> NDArray[np.int64]:
        """(n,) int64 ascending ids of images whose current feature has windows."""
        with self._store.read() as connection:
            return _index(connection, backbone).with_windows().ids

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
    """``ids`` (n,), ``fingerprints`` n x 16 bytes, ``features`` (n, D) float16, ``windows``
    (n, W, D) int8 or None."""

    ids: NDArray[np.int64]
    fingerprints: bytes
    features: Float16Array
    windows: NDArray[np.int8] | None = None


@dataclass(frozen=True, eq=False)
class _Index:
    """Where the current features are: row i of image ``ids[i]`` is row ``positions[i]`` of
    chunk ``chunks[i]``, has ``windows[i]`` windows, and is of a photo with the fingerprint
    ``prints[i]``."""

    ids: NDArray[np.int64]
    chunks: NDArray[np.int64]
    positions: NDArray[np.int64]
    windows: NDArray[np.int64]
    prints: NDArray[Any]
    dim: int

    def with_windows(self) -> _Index:
        """Those of them that have windows."""
        has = self.windows > 0
        return _Index(
            self.ids[has],
            self.chunks[has],
            self.positions[has],
            self.windows[has],
            self.prints[has],
            self.dim,
        )


def _blocks(
    connection: Connection, index: _Index
) -> Iterator[tuple[NDArray[np.int64], Float16Array]]:
    """Ascending rows (m,) of the index and their features (m, D), chunk by chunk."""
    order = np.argsort(index.chunks, kind="stable")
    numbers, starts = np.unique(index.chunks[order], return_index=True)
    for number, places in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        (blob,) = rows(connection, "SELECT features FROM feature_chunks WHERE id = ?", (number,))[0]
        block = np.frombuffer(blob, np.dtype("<f2")).reshape(-1, index.dim)
        yield places, block[index.positions[places]]


def _in_memory(connection: Connection, index: _Index) -> Float16Array:
    result = np.empty((len(index.ids), index.dim), np.float16)
    for places, block in _blocks(connection, index):
        result[places] = block
    return result


def _key(backbone: str, index: _Index) -> bytes:
    """16 bytes that differ where the features do: numbers of chunks are never used again."""
    digest = xxhash.xxh3_128(backbone.encode())
    for part in (index.ids, index.chunks, index.positions, index.prints):
        digest.update(np.ascontiguousarray(part).view(np.uint8).data)
    return digest.digest()


def encoded_ids(connection: Connection, backbone: str) -> NDArray[np.int64]:
    """(n,) int64 ascending ids of images with a current feature of ``backbone``."""
    return _index(connection, backbone).ids


def _usable(connection: Connection, requested: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """(n,) ascending ids of usable images, of all or of those ``requested``."""
    if requested is None:
        return bulk.usable_ids(connection)
    found = rows(connection, _USABLE, (json.dumps(requested.tolist()),))
    return np.array([row[0] for row in found], np.int64)


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
        "SELECT id, ids, fingerprints, dim, coalesce(length(windows), 0) / (count * dim) "
        "FROM feature_chunks WHERE backbone = ? ORDER BY id",
        (backbone,),
    )
    none, no_prints = np.empty(0, np.int64), np.empty(0, f"V{_FINGERPRINT_BYTES}")
    if not chunks:
        return _Index(none, none, none, none, no_prints, 0)
    blocks = [np.frombuffer(row[1], np.dtype("<i8")) for row in chunks]
    ids = np.concatenate(blocks)
    chunk_of = np.repeat([row[0] for row in chunks], [len(block) for block in blocks])
    positions = np.concatenate([np.arange(len(block)) for block in blocks])
    windows = np.repeat([row[4] for row in chunks], [len(block) for block in blocks])
    prints: NDArray[Any] = np.frombuffer(
        b"".join(row[2] for row in chunks), f"V{_FINGERPRINT_BYTES}"
    )
    if requested is not None:
        these = np.isin(ids, requested)
        ids, chunk_of, positions, windows, prints = (
            part[these] for part in (ids, chunk_of, positions, windows, prints)
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
        return _Index(none, none, none, none, no_prints, int(chunks[0][3]))
    same = (image_ids[where] == kept) & (current[where] == prints[at])
    at = at[same]
    return _Index(
        kept[same], chunk_of[at], positions[at], windows[at], prints[at], int(chunks[0][3])
    )


def _insert(connection: Connection, backbone: str, chunk: _Chunk) -> None:
    connection.execute(
        insert(schema.feature_chunks).values(
            backbone=backbone,
            count=len(chunk.ids),
            dim=chunk.features.shape[1],
            ids=chunk.ids.tobytes(),
            fingerprints=chunk.fingerprints,
            features=chunk.features.tobytes(),
            windows=None if chunk.windows is None else chunk.windows.tobytes(),
        )
    )


def _merge_small(connection: Connection, backbone: str) -> None:
    """Merge small chunks once there are many, dropping outdated rows.

    The merged rows are the newest of their images, so their chunk may be newer than others.
    Chunks are merged with those that have as many windows of each photo.
    """
    found = rows(
        connection,
        "SELECT id, coalesce(length(windows), 0) / (count * dim) FROM feature_chunks "
        "WHERE backbone = ? AND count < ? ORDER BY id",
        (backbone, MERGED_ROWS),
    )
    if len(found) < SMALL_CHUNKS:
        return
    for each in sorted({row[1] for row in found}):
        small = [row[0] for row in found if row[1] == each]
        if len(small) > 1:
            _merge(connection, backbone, small)


def _merge(connection: Connection, backbone: str, small: Sequence[int]) -> None:
    """Merge these chunks, which have as many windows of each photo."""
    marks = ", ".join("?" * len(small))
    held = rows(connection, f"SELECT ids FROM feature_chunks WHERE id IN ({marks})", tuple(small))
    index = _index(
        connection,
        backbone,
        np.unique(np.concatenate([np.frombuffer(row[0], np.dtype("<i8")) for row in held])),
    )
    parts: list[_Chunk] = []
    for chunk_id in small:
        at = index.positions[index.chunks == chunk_id]
        ids, prints, features, windows = rows(
            connection,
            "SELECT ids, fingerprints, features, windows FROM feature_chunks WHERE id = ?",
            (chunk_id,),
        )[0]
        ids = np.frombuffer(ids, np.dtype("<i8"))
        parts.append(
            _Chunk(
                ids[at],
                np.frombuffer(prints, f"V{_FINGERPRINT_BYTES}")[at].tobytes(),
                np.frombuffer(features, np.dtype("<f2")).reshape(-1, index.dim)[at],
                None
                if windows is None
                else np.frombuffer(windows, np.int8).reshape(len(ids), -1, index.dim)[at],
            )
        )
    connection.execute(delete(schema.feature_chunks).where(schema.feature_chunks.c.id.in_(small)))
    merged = _Chunk(
        np.concatenate([part.ids for part in parts]),
        b"".join(part.fingerprints for part in parts),
        np.concatenate([part.features for part in parts]),
        _joined([part.windows for part in parts]),
    )
    for start in range(0, len(merged.ids), MERGED_ROWS):
        part = slice(start, start + MERGED_ROWS)
        _insert(
            connection,
            backbone,
            _Chunk(
                merged.ids[part],
                merged.fingerprints[_FINGERPRINT_BYTES * start :][
                    : _FINGERPRINT_BYTES * MERGED_ROWS
                ],
                merged.features[part],
                None if merged.windows is None else merged.windows[part],
            ),
        )


def _joined(parts: Sequence[NDArray[np.int8] | None]) -> NDArray[np.int8] | None:
    """All of them, or None where there are none."""
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None
