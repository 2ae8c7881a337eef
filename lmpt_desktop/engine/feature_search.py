"""Search in a folder of features, without a catalogue of its photos (Qt-free).

The answer is exact: every feature is multiplied, in one pass over the folder.  Of memory that takes
four bytes for each photo and direction, and a block of features at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.engine.feature_tags import photo_lines, whole_path
from lmpt_desktop.inference.search import Nearness, first_pass, rank, similarities
from trainer.feature_folder import FeatureFolderError, read_manifest
from trainer.mapped_features import MappedFeatures

_FEATURES_AT_ONCE = 100_000_000
"""Photos times directions that are compared in one pass: 400 MB."""

Place = tuple[str, int]
"""The name of a shard and a row in it."""


@dataclass(frozen=True)
class FoundPhoto:
    """A photo and its cosine with the direction, in [-1, 1]."""

    path: str
    similarity: float


class _PlaceOf(msgspec.Struct):
    """The end of a line of ``photos.jsonl``: what tells whether it is asked for."""

    shard: str
    row: int


def nearness(
    features: MappedFeatures,
    directions: NDArray[np.float32],
    done: Callable[[int], None] = lambda compared: None,
) -> list[Nearness]:
    """How near all features are to each of the directions (q, D), for
    :func:`lmpt_desktop.inference.search.rank`.

    Args:
        done: called with the number of features compared.

    Raises:
        FeatureFolderError: if a file is gone.
    """
    values = [np.empty(features.count, np.float32) for _ in directions]
    margins = [0.0 for _ in directions]
    for start, block in features.blocks():
        end = start + len(block)
        for place, direction in enumerate(directions):
            values[place][start:end], margins[place] = first_pass(block, direction, threads=1)
        done(end)
    return [
        Nearness(
            cosines,
            margin,
            lambda numbers, direction=direction: similarities(features.take(numbers), direction, 1),
        )
        for cosines, margin, direction in zip(values, margins, directions, strict=True)
    ]


class FeatureSearch:
    """Searches one folder."""

    def __init__(self, folder: Path) -> None:
        """Raises:
        FeatureFolderError: if there are no features, or something is damaged.
        """
        self._folder = folder
        self._base = read_manifest(folder).source
        self._features = MappedFeatures.open(folder)
        self.count = self._features.count

    def passes(self, directions: int) -> int:
        """How many passes over the folder this number of directions takes."""
        return -(-directions // self._at_once())

    def nearest(
        self,
        directions: NDArray[np.float32],
        count: int,
        done: Callable[[int], None] = lambda compared: None,
    ) -> list[list[FoundPhoto]]:
        """The photos nearest to each direction, most similar first.

        Files with the same picture are photos of their own, in the order of their paths.

        Args:
            directions: (q, D) float32 of unit norm.
            count: how many photos for each, at most.
            done: called with the number of features compared, over all passes.

        Raises:
            FeatureFolderError: if something is damaged or missing, or D is another one.
        """
        if directions.shape[1] != self._features.dim:
            raise FeatureFolderError(
                f"{self._folder} has features of {self._features.dim} values, and the search has "
                f"{directions.shape[1]}."
            )
        found: list[list[FoundPhoto]] = []
        step = self._at_once()
        for start in range(0, len(directions), step):
            some = directions[start : start + step]
            before = start // step * self.count
            near = nearness(
                self._features, some, lambda compared, before=before: done(before + compared)
            )
            found += self._photos(near, count)
        return found

    def _at_once(self) -> int:
        return max(1, _FEATURES_AT_ONCE // max(1, self.count))

    def _photos(self, near: Sequence[Nearness], count: int) -> list[list[FoundPhoto]]:
        """What has a feature that no photo has any more, since its file has changed, gives its
        place to the next ones."""
        asked = count
        while True:
            ranked = [rank(item, limit=asked) for item in near]
            places = [self._places(item.rows) for item in ranked]
            paths = self._paths(place for some in places for place in some)
            found = [
                [
                    FoundPhoto(path, float(cosine))
                    for place, cosine in zip(some, item.similarities, strict=True)
                    for path in paths.get(place, ())
                ][:count]
                for some, item in zip(places, ranked, strict=True)
            ]
            if asked >= self.count or all(len(photos) == count for photos in found):
                return found
            asked *= 4

    def _places(self, numbers: NDArray[np.int64]) -> list[Place]:
        shards = self._features.shards
        starts = np.array([shard.start for shard in shards])
        owners = np.searchsorted(starts, numbers, side="right") - 1
        return [
            (shards[owner].path.name, number - shards[owner].start)
            for owner, number in zip(owners.tolist(), numbers.tolist(), strict=True)
        ]

    def _paths(self, places: Iterable[Place]) -> dict[Place, list[str]]:
        wanted = set(places)
        decode = msgspec.json.Decoder(_PlaceOf).decode

        def is_wanted(text: bytes) -> bool:
            # Whole lines would take ten times as long.  In a path the quotes are escaped.
            begin = text.rfind(b'"shard": ')
            if begin < 0:
                return False
            line = decode(b"{" + text[begin:])
            return (line.shard, line.row) in wanted

        found: dict[Place, list[str]] = defaultdict(list)
        for line in photo_lines(self._folder, is_wanted):
            found[line.shard, line.row].append(whole_path(self._base, line.path))
        for paths in found.values():
            paths.sort()
        return found
