"""Bands of the library's classes: how many of its photos have each class, as far as is known.

A class is rare when few photos of *this library* have it, whatever was annotated so far.  The
estimate of their number is made from verdicts and predictions together at every moment:

    estimate =  photos annotated present
              + predicted photos without a verdict x precision
              + other photos without a verdict x miss rate
              + photos that are not encoded yet x share among those that are

*Precision* and *miss rate* are proportions of the class's own verdicts, with pseudo counts in front
that stand for "predictions are right": without a verdict the estimate is the number of predicted
photos.

Verdicts are no random sample, so each proportion counts only what is fair to it.  Precision counts
verdicts on predicted photos, those outside reviewed photos by half: people seek out wrong
predictions to correct them, and the review queue asks for the likeliest ones first.  The miss rate
counts reviewed photos only, since elsewhere a present class that is not predicted was found by
looking for it.

The pseudo counts grow with the number of photos that a proportion speaks for, so that no single
verdict moves an estimate by more than about :data:`REACH` photos, in a library of any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.class_tally import ClassTally
from trainer.bands import Band, BandLimits

FEW_EXAMPLES = 5
"""A class with fewer present annotations needs examples, however common it is: a retraining learns
little of it, and its AP cannot be measured."""
PSEUDO_COUNT = 2.0
"""Verdicts that the assumption "predictions are right" counts for, at least."""
REACH = 10.0
"""Photos that one verdict speaks for, at most: each this many more count as another pseudo one."""
CHOSEN_WEIGHT = 0.5
"""What a verdict on a predicted photo counts for where the photo is not reviewed."""


@dataclass(frozen=True, eq=False)
class ClassBands:
    """The band of every class.

    Attributes:
        bands: C, those of ``numbers``.
        estimates: (C,) float64, about how many photos of the library have the class: at least
            ``present``, at most the photos in which it is not annotated absent.
        present: (C,) int64, the present annotations.
        needs_examples: (C,) bool, fewer than :data:`FEW_EXAMPLES` present annotations.
        known: whether there is anything to tell the bands from, a verdict or an encoded photo.
        limits: the numbers of photos from which a class is medium and head.
    """

    bands: tuple[Band, ...]
    estimates: NDArray[np.float64]
    present: NDArray[np.int64]
    needs_examples: NDArray[np.bool_]
    known: bool
    limits: BandLimits

    @property
    def numbers(self) -> NDArray[np.int64]:
        """(C,) int64, the estimates as they are shown and compared with the limits."""
        return rounded(self.estimates)

    def is_tail(self) -> NDArray[np.bool_]:
        """(C,) bool."""
        return np.array([band is Band.TAIL for band in self.bands], dtype=np.bool_)


def class_bands(tally: ClassTally, limits: BandLimits) -> ClassBands:
    """Bands from what was counted in a library."""
    estimates = estimated_photos(tally)
    return ClassBands(
        bands=tuple(limits.bands(rounded(estimates))),
        estimates=estimates,
        present=tally.present,
        needs_examples=tally.present < FEW_EXAMPLES,
        known=bool(tally.scored.any() or tally.present.any() or tally.absent.any()),
        limits=limits,
    )


def estimated_photos(tally: ClassTally) -> NDArray[np.float64]:
    """(C,) float64: about how many photos have each class, see the module's text."""
    right, wrong = tally.predictions
    reviewed_right, reviewed_wrong = tally.reviewed_predictions
    right = CHOSEN_WEIGHT * right + (1 - CHOSEN_WEIGHT) * reviewed_right
    wrong = CHOSEN_WEIGHT * wrong + (1 - CHOSEN_WEIGHT) * reviewed_wrong
    unknown = tally.predicted_unknown
    found = unknown * (1 - _share(wrong, right, unknown))
    unknown = tally.others_unknown
    found += unknown * _share(*tally.reviewed_others, unknown)
    # Photos that are not encoded yet are like those that are, but these speak for at most as many
    # again: the first ten of a hundred thousand say little.
    scored = tally.scored
    share = (found + tally.scored_present) / (scored + 2 * PSEUDO_COUNT)
    found += share * np.minimum(tally.unscored_unknown, scored)
    return tally.present + found


def rounded(estimates: NDArray[np.float64]) -> NDArray[np.int64]:
    """(C,) int64, the nearest whole numbers."""
    return np.rint(estimates).astype(np.int64)


def _share(
    of: NDArray[np.floating | np.integer],
    others: NDArray[np.floating | np.integer],
    unknown: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(C,) the proportion ``of`` has in both, shrunk to 0, to be used for ``unknown`` photos."""
    return of / (of + others + PSEUDO_COUNT + unknown / REACH)
