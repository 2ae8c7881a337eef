"""The features of a folder without reading them into memory (imports no torch).

Of every shard only the place of its features is kept.  Blocks are mapped into memory one after
the other, so that a folder of ten million features takes no more than one of ten thousand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.feature_folder import FeatureFolderError, shard_paths
from trainer.regular_file import open_regular

_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 100_000_000
"""As safetensors has it."""
_ITEM = np.dtype(np.float16)


class _Tensor(msgspec.Struct):
    dtype: str
    shape: tuple[int, int]
    data_offsets: tuple[int, int]


class _Layout(msgspec.Struct):
    """Of a safetensors header, what is needed; what photos there are is passed over."""

    features: _Tensor


@dataclass(frozen=True)
class MappedShard:
    """``features`` (rows, dim) float16 begin at ``offset`` of the file; ``start`` is the number of
    the first one in the folder."""

    path: Path
    start: int
    rows: int
    dim: int
    offset: int

    def read(self) -> NDArray[np.float16]:
        """(rows, dim), mapped: the system reads what is looked at, and may forget it again.

        Raises:
            FeatureFolderError: if the file is gone or shorter than it was.
        """
        if not self.rows:
            return np.zeros((0, self.dim), np.float16)
        try:
            return np.memmap(self.path, _ITEM, "r", self.offset, (self.rows, self.dim))
        except (OSError, ValueError) as error:
            raise FeatureFolderError(f"{self.path} cannot be read: {error}") from error


class MappedFeatures:
    """All features of a folder, in the order of its shards."""

    def __init__(self, shards: Sequence[MappedShard]) -> None:
        self.shards = list(shards)
        self.count = sum(shard.rows for shard in shards)
        self.dim = shards[0].dim if shards else 0
        self._named = {shard.path.name: shard for shard in shards}
        self._starts = np.array([shard.start for shard in shards], np.int64)

    @classmethod
    def open(cls, folder: Path) -> MappedFeatures:
        """Look where the features are.

        Raises:
            FeatureFolderError: if there are none, or a shard is damaged.
        """
        shards: list[MappedShard] = []
        start = 0
        for path in shard_paths(folder):
            try:
                with open_regular(path) as file:
                    shard = _shard(path, file, start)
            except (OSError, ValueError, RecursionError) as error:
                raise FeatureFolderError(
                    f"{path} cannot be read as a shard of features: {error}"
                ) from error
            if shards and shard.dim != shards[0].dim:
                raise FeatureFolderError(f"{folder} has shards of different backbones.")
            shards.append(shard)
            start += shard.rows
        if not shards:
            raise FeatureFolderError(f"{folder} has no features.")
        return cls(shards)

    def shard(self, name: str) -> MappedShard:
        """The one whose file has this name.

        Raises:
            KeyError: if there is none.
        """
        return self._named[name]

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float16]]]:
        """The number of the first feature and the features (n, dim) of each shard.

        Raises:
            FeatureFolderError: if a file is gone.
        """
        for shard in self.shards:
            if shard.rows:
                yield shard.start, shard.read()

    def take(self, numbers: NDArray[np.int64]) -> NDArray[np.float16]:
        """The features of these numbers (m,) in this order, (m, dim); read, not mapped.

        Raises:
            IndexError: if there is no such feature.
            FeatureFolderError: if a file is gone.
        """
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < self.count:
            raise IndexError("there is no such feature")
        found = np.empty((len(numbers), self.dim), np.float16)
        if not len(numbers):
            return found
        order = np.argsort(numbers, kind="stable")
        # Shards without features begin where the next one does: the last of them has the row.
        places = np.searchsorted(self._starts, numbers[order], side="right") - 1
        bounds = np.flatnonzero(np.diff(places, prepend=-1))
        for begin, end in zip(bounds, [*bounds[1:], len(order)], strict=True):
            shard = self.shards[places[begin]]
            try:
                with shard.path.open("rb", buffering=0) as file:
                    for place in order[begin:end]:
                        file.seek(
                            shard.offset
                            + int(numbers[place] - shard.start) * self.dim * _ITEM.itemsize
                        )
                        found[place] = np.frombuffer(
                            file.read(self.dim * _ITEM.itemsize), _ITEM, self.dim
                        )
            except (OSError, ValueError) as error:
                raise FeatureFolderError(f"{shard.path} cannot be read: {error}") from error
        return found


def _shard(path: Path, file: BinaryIO, start: int) -> MappedShard:
    """Raises ValueError if it is not one."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if length > min(_MOST_HEADER_BYTES, size):
        raise ValueError("its header is longer than the file")
    tensor = msgspec.json.decode(file.read(length), type=_Layout).features
    (rows, dim), (begin, end) = tensor.shape, tensor.data_offsets
    offset = _LENGTH_BYTES + length + begin
    if (
        tensor.dtype != "F16"
        or min(rows, begin) < 0
        or dim < 1
        or end - begin != rows * dim * _ITEM.itemsize
        or offset + end - begin > size
    ):
        raise ValueError("its features are not where they should be")
    return MappedShard(path, start, rows, dim, offset)
