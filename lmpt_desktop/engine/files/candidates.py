"""Which photos of the library could be the missing ones (Qt-free numpy)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np

from lmpt_desktop.catalogue.missing import MissingImage
from lmpt_desktop.domain.records import ImageState, ImageTable
from lmpt_desktop.inference.likeness import USUAL_SAMPLE, Likeness
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.search import nearest_neighbours

MOST = 4
"""Candidates named for each missing photo."""
MOST_OF_NAME = 2
"""Candidates that only have its file name."""
MOST_ALIKE = 3
"""Candidates that only look like it."""
LEAST_LIKENESS = 0.4
"""Photos less alike are no candidates, and come last if something else speaks for them.  Edits are
recognised from 0.5 on (:mod:`lmpt_desktop.inference.likeness`); here the user looks at both."""


class CandidateKind(StrEnum):
    """Why a photo could be the missing one; the likeliest reason first."""

    PICTURE = "picture"
    """It has the same picture."""
    PLACE = "place"
    """It has taken its place."""
    FOLDER = "folder"
    """It has its place in the folder that the user says the photos were moved to."""
    NAME = "name"
    """It has the same file name."""
    ALIKE = "alike"
    """It looks alike."""


_RANKS = {kind: rank for rank, kind in enumerate(CandidateKind)}


class Candidate(NamedTuple):
    """A photo that could be the missing one."""

    image_id: int
    kind: CandidateKind
    likeness: float | None
    """In [0, 1]; None while one of the two has no feature."""
    declined: bool = False
    """The user has said that it is another photo."""


Pairs = Sequence[tuple[int, int]]


class MissingImages(Protocol):
    """The part of :class:`lmpt_desktop.catalogue.missing.MissingImages` that is used here."""

    def same_picture(self, image_ids: Iterable[int]) -> Pairs: ...
    def at_its_place(self, image_ids: Iterable[int]) -> Pairs: ...
    def declined(self, image_ids: Iterable[int]) -> set[tuple[int, int]]: ...


class CandidateSearch:
    """Prepares once what many searches share, then answers for some missing photos at a time."""

    def __init__(
        self,
        catalogue: MissingImages,
        images: ImageTable,
        features: Features,
        photos: Sequence[MissingImage],
        moved: Mapping[int, int],
    ) -> None:
        """
        Args:
            catalogue: knows pictures and places.
            images: the photos of the library, among which candidates are looked for.
            features: taken before ``images``.
            photos: all that will be asked for.
            moved: by missing image id, the image that is where the photo should be now if its
                folder was moved.
        """
        self._catalogue = catalogue
        self._images = images
        self._features = features
        self._moved = moved
        self._usable = images.states == ImageState.OK
        self._named = self._rows_by_name({_file_name(photo.name) for photo in photos})
        at = features.places(images.ids)
        self._rows = np.flatnonzero(self._usable & (at >= 0))
        """(k,) rows of images that can be compared."""
        self._at = at[self._rows]
        """(k,) where their features are."""
        self._measure = Likeness(features.matrix, USUAL_SAMPLE)

    def find(
        self, photos: Sequence[MissingImage], *, declined: bool = False
    ) -> dict[int, tuple[Candidate, ...]]:
        """Candidates by missing image id, the likeliest first, at most ``MOST`` each.

        Args:
            photos: a few hundred at a time; the memory grows with them.
            declined: whether those that the user has declined are included.

        Raises:
            CatalogueError: if it cannot be read.
        """
        ids = [photo.id for photo in photos]
        refused = self._catalogue.declined(ids)
        found: dict[int, dict[int, CandidateKind]] = {image_id: {} for image_id in ids}
        for image_id, other in self._catalogue.same_picture(ids):
            found[image_id][other] = CandidateKind.PICTURE
        for image_id, other in self._catalogue.at_its_place(ids):
            found[image_id].setdefault(other, CandidateKind.PLACE)
        for photo in photos:
            if (other := self._moved.get(photo.id)) is not None:
                found[photo.id].setdefault(other, CandidateKind.FOLDER)
            for other in self._same_name(photo):
                found[photo.id].setdefault(other, CandidateKind.NAME)
        # Where the very picture is there, nothing that only looks alike is of interest.
        looking = [
            image_id
            for image_id, others in found.items()
            if not any(
                kind is CandidateKind.PICTURE and (declined or (image_id, other) not in refused)
                for other, kind in others.items()
            )
        ]
        for image_id, other in self._alike(looking):
            found[image_id].setdefault(other, CandidateKind.ALIKE)
        pairs = [(image_id, other) for image_id, others in found.items() for other in others]
        likeness = self._likeness(pairs)
        result: dict[int, tuple[Candidate, ...]] = {}
        for image_id, others in found.items():
            candidates = (
                Candidate(
                    other,
                    kind,
                    1.0 if kind is CandidateKind.PICTURE else likeness[image_id, other],
                    (image_id, other) in refused,
                )
                for other, kind in others.items()
                if declined or (image_id, other) not in refused
            )
            shown = [
                item
                for item in candidates
                if item.kind is not CandidateKind.ALIKE or not _unlike(item)
            ]
            result[image_id] = tuple(sorted(shown, key=_order)[:MOST])
        return result

    def _rows_by_name(self, names: set[str]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row, path in enumerate(self._images.names):
            name = _file_name(path)
            if name in names and self._usable[row]:
                found.setdefault(name, []).append(row)
        return found

    def _same_name(self, photo: MissingImage) -> list[int]:
        """Images with its file name: of the same size first, then in folders of the same names."""
        rows = [
            row
            for row in self._named.get(_file_name(photo.name), ())
            if self._images.ids[row] != photo.id
        ]
        if len(rows) > MOST_OF_NAME:
            parts = photo.name.split("/")[::-1]
            rows = sorted(
                rows,
                key=lambda row: (
                    int(self._images.sizes[row]) != photo.size,
                    -_common(parts, self._images.names[row].split("/")[::-1]),
                    row,
                ),
            )[:MOST_OF_NAME]
        return [int(self._images.ids[row]) for row in rows]

    def _alike(self, image_ids: Sequence[int]) -> list[tuple[int, int]]:
        """The images most like each of these, most alike first."""
        places = self._features.places(np.array(image_ids, np.int64))
        known = np.flatnonzero(places >= 0)
        if not len(known) or not len(self._rows):
            return []
        columns = nearest_neighbours(
            self._features.matrix, places[known], self._at, min(MOST_ALIKE + 1, len(self._at))
        )
        pairs: list[tuple[int, int]] = []
        for row, place in enumerate(known.tolist()):
            others = self._images.ids[self._rows[columns[row]]].tolist()
            pairs += [(image_ids[place], other) for other in others if other != image_ids[place]][
                :MOST_ALIKE
            ]
        return pairs

    def _likeness(self, pairs: Pairs) -> dict[tuple[int, int], float | None]:
        table = np.array(pairs, np.int64).reshape(-1, 2)
        first, second = self._features.places(table[:, 0]), self._features.places(table[:, 1])
        known = np.flatnonzero((first >= 0) & (second >= 0))
        result: dict[tuple[int, int], float | None] = dict.fromkeys(pairs)
        if len(known):
            matrix = self._features.matrix
            likeness = self._measure.of_pairs(matrix[first[known]], matrix[second[known]])
            for place, value in zip(known.tolist(), likeness.tolist(), strict=True):
                if np.isfinite(value):
                    result[pairs[place]] = min(max(value, 0.0), 1.0)
        return result


def _unlike(candidate: Candidate) -> bool:
    return candidate.likeness is not None and candidate.likeness < LEAST_LIKENESS


def _order(candidate: Candidate) -> tuple[bool, int, float, int]:
    likeness = candidate.likeness or 0.0
    return _unlike(candidate), _RANKS[candidate.kind], -likeness, candidate.image_id


def _file_name(path: str) -> str:
    return path.rpartition("/")[2].casefold()


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """How many parts are equal before the first that differs."""
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count
