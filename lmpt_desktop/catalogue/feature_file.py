"""The features of a large library in a file of their own, which is mapped instead of read.

It is a cache of what the catalogue holds, in the order in which it is asked for, and may be deleted
at any time.  Its pages belong to the system's cache: they need not be in this process's memory, and
are taken away where memory is short (docs/adr/0044-mapped-features.md).
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.cache_file import new_cache

log = logging.getLogger(__name__)

NAME = "features.cache"
LEAST_BYTES = 256 << 20
"""Fewer bytes of features are read into memory: a quarter of a million photos with 512 values."""
SPARE_ROWS = 1 << 16
"""Room for photos that come later, which takes no place on the disk until then, nor after."""

_HEADER = struct.Struct("<16s16sqq")
_MAGIC = b"LMPT features 1\n"
_START = 4096
"""Where the features begin in the file; a multiple of a page."""
_PAGE = mmap.ALLOCATIONGRANULARITY

Float16Array = NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class MappedFeatures:
    """Features in a mapped file.

    Attributes:
        room: (m, D) of which the first ``count`` rows are the file's and must not be changed.  The
            others may be written; that is never seen in the file.
        count: how many rows the file has.
    """

    room: Float16Array
    count: int
    _memory: mmap.mmap

    @property
    def matrix(self) -> Float16Array:
        """(count, D), read-only."""
        rows = self.room[: self.count]
        rows.flags.writeable = False
        return rows

    def let_go(self) -> None:
        """Take the file's pages out of this process's memory; reading brings them back from the
        system's.  Does nothing where the system has no such call."""
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        row = self.room.shape[1] * self.room.itemsize
        # Not the page in which rows begin that may have been written: they would be lost.
        length = (_START + self.count * row) // _PAGE * _PAGE
        if length:
            with contextlib.suppress(OSError, ValueError):
                self._memory.madvise(mmap.MADV_DONTNEED, 0, length)


class FeatureFile:
    """The file of one library."""

    def __init__(self, folder: Path, least_bytes: int = LEAST_BYTES) -> None:
        self._path = folder / NAME
        self._least = least_bytes

    def suits(self, shape: tuple[int, int]) -> bool:
        """Whether so many features, (n, D), are worth a file."""
        return shape[0] * shape[1] * 2 >= self._least

    def known(self, key: bytes, shape: tuple[int, int]) -> MappedFeatures | None:
        """What was written with this ``key``, (n, D); None if it is not there."""
        try:
            with self._path.open("rb") as file:
                header = file.read(_HEADER.size)
                size = os.fstat(file.fileno()).st_size
                if header != _HEADER.pack(_MAGIC, key, *shape) or size != _size(shape):
                    return None
                return _mapped(file.fileno(), shape)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.info("the file of features is not used: %s", error)
            return None

    def write(
        self,
        key: bytes,
        shape: tuple[int, int],
        blocks: Iterable[tuple[NDArray[np.int64], Float16Array]],
    ) -> MappedFeatures | None:
        """Write these features and map them; None where that is not possible.

        Args:
            key: 16 bytes that differ whenever the features do.
            shape: (n, D) of all.
            blocks: ascending rows (m,), at least one, and their features (m, D); every row once.
        """
        row = 2 * shape[1]
        try:
            with new_cache(self._path) as file:
                for rows, features in blocks:
                    ends = np.flatnonzero(np.diff(rows) != 1) + 1
                    for run in np.split(np.arange(len(rows)), ends):
                        file.seek(_START + int(rows[run[0]]) * row)
                        file.write(np.ascontiguousarray(features[run], np.dtype("<f2")).tobytes())
                file.truncate(_size(shape))
                file.seek(0)
                file.write(_HEADER.pack(_MAGIC, key, *shape))
                file.flush()
                mapped = _mapped(file.fileno(), shape)
        except (OSError, ValueError) as error:
            log.info("features are kept in memory: %s", error)
            return None
        return mapped


def _size(shape: tuple[int, int]) -> int:
    return _START + (shape[0] + SPARE_ROWS) * shape[1] * 2


def _mapped(descriptor: int, shape: tuple[int, int]) -> MappedFeatures:
    """
    Raises:
        OSError, ValueError: if it cannot be mapped.
    """
    memory = mmap.mmap(descriptor, _size(shape), access=mmap.ACCESS_COPY)
    values = np.frombuffer(memory, np.dtype("<f2"), offset=_START)
    return MappedFeatures(values.reshape(-1, shape[1]), shape[0], memory)
