"""The images of a large library as columns in a file of their own, which is mapped instead of made
of rows.

It is a cache of what the catalogue holds, and may be deleted at any time.  Which state of the
catalogue it is of says a number that the catalogue changes with every change of an image
(docs/adr/0046-mapped-images.md).
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.cache_file import new_cache
from lmpt_desktop.catalogue.store import rows
from lmpt_desktop.domain.natural_order import natural_ranks
from lmpt_desktop.domain.records import ImageTable
from lmpt_desktop.domain.texts import Texts

log = logging.getLogger(__name__)

NAME = "images.cache"
LEAST_IMAGES = 1 << 16
"""Fewer are read as quickly as they are needed."""

_MAGIC = b"LMPT images 3\n\0\0"
_COLUMNS = (
    ("ids", "<i8"),
    ("folder_ids", "<i8"),
    ("sizes", "<i8"),
    ("mtime", "<i8"),
    ("taken", "<i8"),
    ("name_ranks", "<i8"),
    ("widths", "<i4"),
    ("heights", "<i4"),
    ("cameras", "<i4"),
    ("states", "|i1"),
    ("edited", "|b1"),
    ("damaged", "|b1"),
)
_TEXTS = ("names", "fingerprints")
_HEADER = struct.Struct("<16s16s8sq" + "q" * len(_TEXTS))
"""Magic, key, hash of these numbers and of what follows: of images, and of bytes of each kind of
text."""
_ALIGNED = 64
_TOKEN_BYTES = 16


class TableFile:
    """The file of one library."""

    def __init__(self, folder: Path, least: int = LEAST_IMAGES) -> None:
        self._path = folder / NAME
        self._least = least

    def suits(self, images: int) -> bool:
        """Whether a library of this size is worth a file."""
        return images >= self._least

    def known(self, key: bytes) -> ImageTable | None:
        """What was written with this ``key``, mapped; None if it is not there."""
        try:
            with self._path.open("rb") as file:
                header = file.read(_HEADER.size)
                if len(header) < _HEADER.size:
                    return None
                magic, written, digest, *counts = _HEADER.unpack(header)
                size = os.fstat(file.fileno()).st_size
                if (magic, written) != (_MAGIC, key) or size != _places(*counts)[-1]:
                    return None
                return _mapped(file.fileno(), digest, *counts)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.info("the file of images is not used: %s", error)
            return None

    def write(self, key: bytes, table: ImageTable) -> bool:
        """Write the images with their natural order; returns whether that was possible.

        Args:
            key: of :func:`key_of`, read in the transaction in which ``table`` was.
            table: all images that are shown.
        """
        ranks = natural_ranks(table.names)
        texts = [Texts.of(getattr(table, name)) for name in _TEXTS]
        counts = len(table), *(len(text.data) for text in texts)
        places = _places(*counts)
        parts = [
            (ranks if name == "name_ranks" else getattr(table, name), kind)
            for name, kind in _COLUMNS
        ]
        for text in texts:
            parts += [(text.ends, "<i8"), (text.data, "|u1")]
        try:
            with new_cache(self._path) as file:
                for (column, kind), place in zip(parts, places, strict=False):
                    file.seek(place)
                    file.write(np.ascontiguousarray(column, np.dtype(kind)).data)
                file.truncate(places[-1])
                file.flush()
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
                    digest = _digest(memory, places[0], counts)
                file.seek(0)
                file.write(_HEADER.pack(_MAGIC, key, digest, *counts))
        except (OSError, ValueError) as error:
            log.info("the images are read again the next time: %s", error)
            return False
        return True


def key_of(connection: Connection) -> bytes | None:
    """16 bytes that differ where the images that are shown do; None where that is not known."""
    found = rows(connection, f"SELECT token FROM {schema.image_state.name}")
    if len(found) != 1 or len(found[0][0]) != _TOKEN_BYTES:
        return None
    digest = xxhash.xxh3_128(found[0][0])
    shown = rows(connection, "SELECT id FROM folders WHERE hidden = 0 ORDER BY id")
    digest.update(np.array(shown, np.int64).tobytes())
    return digest.digest()


def _places(images: int, *text_bytes: int) -> list[int]:
    """Where each part begins in the file; the last one is its size."""
    sizes = [images * np.dtype(kind).itemsize for _name, kind in _COLUMNS]
    for size in text_bytes:
        sizes += [8 * images, size]
    places = [-(-_HEADER.size // _ALIGNED) * _ALIGNED]
    for size in sizes:
        places.append(places[-1] + -(-size // _ALIGNED) * _ALIGNED)
    return places


def _digest(memory: mmap.mmap, start: int, counts: Sequence[int]) -> bytes:
    digest = xxhash.xxh3_64(np.array(counts, "<i8").tobytes())
    with memoryview(memory) as whole, whole[start:] as part:
        digest.update(part)
    return digest.digest()


def _mapped(descriptor: int, digest: bytes, images: int, *text_bytes: int) -> ImageTable:
    """
    Raises:
        OSError, ValueError: if it cannot be mapped, or is not what was written.
    """
    places = iter(_places(images, *text_bytes))
    memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    with contextlib.suppress(AttributeError, OSError):
        memory.madvise(mmap.MADV_WILLNEED)
    # A disk that fails must not put a wrong name beside an image's id.
    if _digest(memory, _places(images, *text_bytes)[0], (images, *text_bytes)) != digest:
        raise ValueError("it is damaged")

    def part(kind: str, count: int) -> NDArray[Any]:
        return np.frombuffer(memory, np.dtype(kind), count, next(places))

    columns: dict[str, Any] = {name: part(kind, images) for name, kind in _COLUMNS}
    texts = [(part("<i8", images), part("|u1", size)) for size in text_bytes]
    made: dict[str, Any] = {
        name: Texts(data, ends) for name, (ends, data) in zip(_TEXTS, texts, strict=True)
    }
    return ImageTable(**columns, **made)
