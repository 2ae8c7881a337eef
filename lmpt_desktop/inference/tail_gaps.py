"""What a long tail lacks: the classes that need examples, most important first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.long_tail import LongTail
from trainer.bands import Band


class GapKind(StrEnum):
    NO_EXAMPLE = "no example"
    NEAR_MEDIUM = "near medium"
    NEAR_HEAD = "near head"
    UNJUDGED = "unjudged"
    """Tail classes with predictions that are not annotated: the quickest way to examples."""
    NOT_MEASURED = "not measured"
    """Classes with examples whose AP the last evaluation could not measure."""
    NOT_PREDICTED = "not predicted"
    """While nothing is annotated: classes whose threshold no image reaches."""


@dataclass(frozen=True, eq=False)
class Gap:
    """One thing that is missing.

    Attributes:
        columns: (k,) int64, the k > 0 classes with this gap, nearest to closing it first.
        amount: examples that the first of them lacks (near), predictions of all of them
            (unjudged), else 0.
    """

    kind: GapKind
    columns: NDArray[np.int64]
    amount: int = 0


def gaps(tail: LongTail) -> list[Gap]:
    """What is missing; empty where nothing is."""
    if tail.estimated:
        return _kept(Gap(GapKind.NOT_PREDICTED, _where(tail, tail.predicted == 0)))
    limits = tail.bands.limits
    # Counted in examples even while the bands shown are estimated: examples are what is missing.
    counted = limits.bands(tail.present)
    bands = np.array([list(Band).index(band) for band in counted], np.int64)
    in_tail = bands == list(Band).index(Band.TAIL)
    in_medium = bands == list(Band).index(Band.MEDIUM)
    waiting = _where(tail, in_tail & (tail.unjudged > 0), -tail.unjudged)
    unmeasured = np.isnan(tail.average_precision) & (tail.present > 0) & tail.evaluated
    return _kept(
        Gap(GapKind.NO_EXAMPLE, _where(tail, tail.present == 0, -tail.predicted)),
        _near(tail, GapKind.NEAR_MEDIUM, in_tail & (tail.present > 0), limits.medium),
        _near(tail, GapKind.NEAR_HEAD, in_medium, limits.head),
        Gap(GapKind.UNJUDGED, waiting, int(tail.unjudged[waiting].sum())),
        Gap(GapKind.NOT_MEASURED, _where(tail, unmeasured, -tail.present)),
    )


def _near(tail: LongTail, kind: GapKind, mask: NDArray[np.bool_], limit: int) -> Gap:
    columns = _where(tail, mask, -tail.present)
    return Gap(kind, columns, limit - int(tail.present[columns[0]]) if len(columns) else 0)


def _where(
    tail: LongTail, mask: NDArray[np.bool_], key: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Columns where ``mask`` holds, by ascending ``key`` (then name)."""
    columns = np.flatnonzero(mask)
    ranks = tail.name_ranks[columns]
    if key is None:
        return columns[np.argsort(ranks)]
    return columns[np.lexsort((ranks, key[columns]))]


def _kept(*found: Gap) -> list[Gap]:
    return [gap for gap in found if len(gap.columns)]
