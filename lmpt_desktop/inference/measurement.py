"""Two versions measured on the same held-out images, with how sure the difference is (Qt-free).

See docs/adr/0018-comparison.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.bootstrap import (
    Counts,
    Figures,
    Interval,
    interval,
    resample,
    resampled_average_precision,
    resamples_for,
)
from trainer.average_precision import average_precision
from trainer.bands import Band

MIN_SUPPORT = 5
"""Held-out photos with a class, and as many without it, from which the class is measured.  Below
that one photo moves the figure by more than a training does."""


@dataclass(frozen=True)
class ClassMeasurement:
    """One class on the held-out annotations.

    ``old``, ``new`` and ``change`` are average precision in [0, 1]; None where the class is not
    measurable.
    """

    class_id: int
    name: str
    band: Band
    train_present: int
    """Examples that the new version was learned from."""
    present: int
    absent: int
    old: float | None = None
    new: float | None = None
    change: Interval | None = None

    @property
    def measurable(self) -> bool:
        """Whether there are enough held-out annotations of both kinds."""
        return self.present >= MIN_SUPPORT and self.absent >= MIN_SUPPORT


@dataclass(frozen=True)
class MeanMeasurement:
    """Mean average precision over ``classes`` measurable classes."""

    classes: int
    old: float
    new: float
    change: Interval


@dataclass(frozen=True, eq=False)
class Measurement:
    """Old and new on the same ``images``.

    ``means`` has an entry for each band with a measurable class, and None for all classes.
    ``confirmed`` of the ``present`` annotations only let a prediction stand, which favours the
    version that predicted them.
    """

    images: int
    classes: tuple[ClassMeasurement, ...]
    means: Mapping[Band | None, MeanMeasurement]
    present: int
    confirmed: int
    resamples: int

    @property
    def measurable(self) -> int:
        """How many classes are."""
        return sum(item.measurable for item in self.classes)

    @property
    def change(self) -> Interval | None:
        """Of the mean over all measurable classes; None without any."""
        mean = self.means.get(None)
        return None if mean is None else mean.change


@dataclass(frozen=True)
class MeasuredClass:
    """What is known of a class apart from its scores."""

    class_id: int
    name: str
    band: Band
    train_present: int


def measure(
    old_scores: NDArray[np.float32],
    new_scores: NDArray[np.float32],
    targets: NDArray[np.int8],
    classes: Sequence[MeasuredClass],
    *,
    confirmed: int = 0,
    seed: int = 0,
) -> Measurement:
    """Measure both versions on annotations that neither has learned from.

    Args:
        old_scores, new_scores: (n, C); a cell that is NaN in either is left out of both.
        targets: (n, C): 1 present, 0 absent, -1 unknown.
        classes: C.
        confirmed: how many of the present annotations were only confirmed.
        seed: of the resamples.
    """
    known = (targets >= 0) & ~np.isnan(old_scores) & ~np.isnan(new_scores)
    present, absent = known & (targets == 1), known & (targets == 0)
    found = [
        ClassMeasurement(
            item.class_id,
            item.name,
            item.band,
            item.train_present,
            int(present[:, column].sum()),
            int(absent[:, column].sum()),
        )
        for column, item in enumerate(classes)
    ]
    columns = [column for column, item in enumerate(found) if item.measurable]
    resamples = resamples_for(len(targets), 2 * len(columns))
    counts = resample(len(targets) if columns else 0, resamples, seed)
    differences: dict[int, Figures] = {}
    for column in columns:
        rows = np.flatnonzero(known[:, column])
        found[column], differences[column] = _measured(
            found[column],
            old_scores[rows, column],
            new_scores[rows, column],
            present[rows, column],
            counts[rows],
        )
    bands: tuple[Band | None, ...] = (None, *Band)
    means = {band: _mean(band, [found[c] for c in columns], differences, columns) for band in bands}
    return Measurement(
        len(targets),
        tuple(found),
        {band: mean for band, mean in means.items() if mean is not None},
        int(present.sum()),
        confirmed,
        resamples,
    )


def _measured(
    item: ClassMeasurement,
    old_scores: NDArray[np.float32],
    new_scores: NDArray[np.float32],
    present: NDArray[np.bool_],
    counts: Counts,
) -> tuple[ClassMeasurement, Figures]:
    """A class with its figures, and its change in every resample."""
    old, new = average_precision(old_scores, present), average_precision(new_scores, present)
    assert old is not None and new is not None  # it is measurable
    if np.array_equal(old_scores, new_scores):
        differences = np.zeros(counts.shape[1])
    else:
        differences = resampled_average_precision(
            new_scores, present, counts
        ) - resampled_average_precision(old_scores, present, counts)
    measured = ClassMeasurement(
        item.class_id,
        item.name,
        item.band,
        item.train_present,
        item.present,
        item.absent,
        old,
        new,
        interval(new - old, differences),
    )
    return measured, differences


def _mean(
    band: Band | None,
    measured: Sequence[ClassMeasurement],
    differences: Mapping[int, Figures],
    columns: Sequence[int],
) -> MeanMeasurement | None:
    """The mean over the measured classes of a band, or of all."""
    chosen = [
        (item, differences[column])
        for item, column in zip(measured, columns, strict=True)
        if band in (None, item.band)
    ]
    if not chosen:
        return None
    old = sum(item.old or 0.0 for item, _changes in chosen) / len(chosen)
    new = sum(item.new or 0.0 for item, _changes in chosen) / len(chosen)
    changes = np.stack([changes for _item, changes in chosen])
    known = ~np.isnan(changes)
    total = np.where(known, changes, 0).sum(axis=0)
    resampled = np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
    return MeanMeasurement(len(chosen), old, new, interval(new - old, resampled))
