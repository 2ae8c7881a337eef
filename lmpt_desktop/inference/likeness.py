"""Whether two features are of one photo, edited, or of two photos (Qt-free).

A cosine means something else with every backbone, and in every library: two different photos of
garments on white are nearer than a photo and its crop on holiday.  So it is measured against this
library: *likeness* is 0 for a pair as far apart as the photo's others usually are, and 1 for equal
features.  docs/adr/0014 has the rule, docs/likeness.md the figures behind every constant.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SAMPLE = 4096
"""Photos that stand for the library: a stranger is nearer than all of them once in 4,097 times."""
USUAL_SAMPLE = 512
"""Of these, how many say how far apart photos usually are: a median needs no more."""
PAIR_BLOCK = 512
"""Pairs compared with the sample at a time: 8 MB a matrix."""

FEW, MANY = 50, 1000
LIMIT_FEW, LIMIT_MANY = 0.7, 0.5
"""The likeness asked for in libraries of up to ``FEW`` and from ``MANY`` photos; between them it
falls with the logarithm.  The more photos, the more says that the new one is nearer than all."""
LIMIT_SAME_DATE = 0.4
"""If both pictures were taken in the same second."""
LIMIT_OTHER_DATE = 0.9
"""If the dates differ: the next frame of a series, or an edit by a program that writes today's."""
LIMIT_TURNED = 0.8
"""For the best of three turns, unless the dates differ: turned back, a photo is nearly the old one,
and another photo has three chances."""
COPY = 0.9
"""Others as like the old picture as this are copies or frames of one series; that one of them is
nearer than the new picture says nothing."""
CANDIDATE_LIMIT = 0.95
"""Likeness from which candidates of missing photos can be ticked all at once, by default."""

DATE_DIFFERS, DATE_SAME = -1, 1
"""What is known of the dates of a pair; 0 if that is nothing."""

_UNKNOWN_USUAL = 0.5
"""Cosine of different photos, as long as there are no others: about CLIP's."""
_USUAL_AT_MOST = 0.95
"""Among copies only, nothing can be measured."""
_ITSELF = 0.9999
"""Above this a feature of the library is that of the picture itself."""


class Likeness:
    """Compares pictures by their features, measured against the photos of one library.

    Makes one copy of a sample (at most ``SAMPLE`` x D float32); not changed afterwards, so safe
    from any thread.
    """

    def __init__(self, features: NDArray[np.floating], sample: int = SAMPLE) -> None:
        """Draw the sample.

        Args:
            features: (n, D) float16 or float32, of the library's photos by one backbone; n may be
                0.  The compared pictures may be among them.  Rows that are not finite are ignored.
            sample: how many to draw at most; the same ones every time.
        """
        rows = np.random.default_rng(0).permutation(len(features))[:sample]
        others = unit(features[rows])
        self._others = others[np.isfinite(others).all(axis=1)]

    def of_pairs(self, old: NDArray[np.floating], new: NDArray[np.floating]) -> NDArray[np.float32]:
        """Likeness of each pair.

        Args:
            old, new: (m, D) float16 or float32.

        Returns:
            (m,) float32 up to 1: about 0 for different photos (it may be negative), 1 for equal
            features, NaN where a feature is not finite or zero.
        """
        return self._compare(old, new)[0]

    def is_same_photo(
        self,
        old: NDArray[np.floating],
        new: NDArray[np.floating],
        dates: NDArray[np.int8] | None = None,
    ) -> NDArray[np.bool_]:
        """Whether the new picture is the old one, edited.

        It is if it is like enough, and nearer to the old picture than any other photo of the sample
        (copies aside) is to either.  In doubt it is not: annotations then wait with the missing
        photo, and never are on another picture.

        Args:
            old, new: (m, D) float16 or float32.
            dates: (m,) int8, ``DATE_SAME``, ``DATE_DIFFERS`` or 0 (unknown, also if only one
                of the pictures has a date); None if no date is known.

        Returns:
            (m,) bool; False where a feature is not finite or zero.
        """
        likeness, nearest = self._compare(old, new)
        limits = np.full(len(likeness), self._limit(), np.float32)
        if dates is not None:
            limits[dates == DATE_SAME] = LIMIT_SAME_DATE
            limits[dates == DATE_DIFFERS] = LIMIT_OTHER_DATE
        return (likeness >= limits) & nearest  # NaN is not

    def is_turned_photo(
        self, old: NDArray[np.floating], turned: NDArray[np.floating], date: int = 0
    ) -> bool:
        """Whether a new picture is the old one with its pixels turned.

        Args:
            old: (D,) float16 or float32.
            turned: (k, D), of the new picture turned in k ways; k may be 0.
            date: as in :meth:`is_same_photo`.
        """
        limit = LIMIT_OTHER_DATE if date == DATE_DIFFERS else LIMIT_TURNED
        likeness, nearest = self._compare(np.broadcast_to(old, turned.shape), turned)
        return bool((nearest & (likeness >= limit)).any())

    def _compare(
        self, old: NDArray[np.floating], new: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Likeness (m,) and whether the two are nearer than all others are to either, (m,)."""
        if old.shape != new.shape or (
            len(self._others) and old.shape[1:] != self._others.shape[1:]
        ):
            raise ValueError(
                f"features {old.shape}, {new.shape} and {self._others.shape} cannot be compared"
            )
        likeness = np.empty(len(old), np.float32)
        nearest = np.ones(len(old), np.bool_)
        for start in range(0, len(old), PAIR_BLOCK):
            part = slice(start, start + PAIR_BLOCK)
            before, after = unit(old[part]), unit(new[part])
            cosine = np.einsum("ij,ij->i", before, after)
            to_old, to_new = before @ self._others.T, after @ self._others.T
            # The two pictures themselves are no others; each may be in the library.
            themselves = (to_old > _ITSELF) | (to_new > _ITSELF)
            to_old[themselves] = to_new[themselves] = np.nan
            usual = np.fmax(_median(to_old[:, :USUAL_SAMPLE]), _median(to_new[:, :USUAL_SAMPLE]))
            usual = np.minimum(np.where(np.isnan(usual), _UNKNOWN_USUAL, usual), _USUAL_AT_MOST)
            likeness[part] = 1 - (1 - cosine) / (1 - usual)
            is_copy = to_old >= (1 - (1 - COPY) * (1 - usual))[:, None]
            nearer = np.fmax(to_old, to_new) >= cosine[:, None]
            nearest[part] = ~(nearer & ~is_copy).any(axis=1)
        return likeness, nearest

    def _limit(self) -> float:
        """The likeness asked for in a library of this size when no dates are known."""
        size = min(max(len(self._others), FEW), MANY)
        share = math.log(size / FEW) / math.log(MANY / FEW)
        return LIMIT_FEW + (LIMIT_MANY - LIMIT_FEW) * share


def unit(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, D) float32 of unit norm, a copy; NaN in rows that are zero or not finite."""
    single = features.astype(np.float32)
    norms = np.linalg.norm(single, axis=1, keepdims=True)
    usable = np.isfinite(norms) & (norms > 0)
    return np.divide(single, norms, out=np.full_like(single, np.nan), where=usable)


def _median(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """(m,) median of every row of (m, s), NaN aside; NaN where nothing else is there.

    numpy's ``nanmedian`` sorts row by row in Python where there are NaN, and warns of empty rows.
    """
    ordered = np.sort(cosines, axis=1)  # NaN come last
    counts = (~np.isnan(ordered)).sum(axis=1)
    padded = np.concatenate([ordered, np.full((len(ordered), 1), np.nan, np.float32)], axis=1)
    rows, last = np.arange(len(ordered)), padded.shape[1] - 1
    low = np.where(counts > 0, (counts - 1) // 2, last)
    high = np.where(counts > 0, counts // 2, last)
    return (padded[rows, low] + padded[rows, high]) * np.float32(0.5)
