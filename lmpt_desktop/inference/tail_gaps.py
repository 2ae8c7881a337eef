"""What a long tail lacks: the classes that need examples, most important first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.bands import FEW_EXAMPLES
from lmpt_desktop.inference.long_tail import LongTail


class GapKind(StrEnum):
    """What classes can lack."""

    NO_EXAMPLE = "no example"
    FEW_EXAMPLES = "few examples"
    """Classes with examples that still need some."""
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
        amount: examples that the first of them lacks (few), predictions of all of them
            (unjudged), else 0.
    """

    kind: GapKind
    columns: NDArray[np.int64]
    amount: int = 0


def gaps(tail: LongTail) -> list[Gap]:
    """What is missing; empty where nothing is."""
    waiting = _where(tail, tail.bands.is_tail() & (tail.unjudged > 0), -tail.unjudged)
    unjudged = Gap(GapKind.UNJUDGED, waiting, int(tail.unjudged[waiting].sum()))
    if not tail.annotated:
        # That no class has an example goes without saying.
        absent = tail.predicted == 0 if tail.bands.known else np.zeros(len(tail), np.bool_)
        return _kept(Gap(GapKind.NOT_PREDICTED, _where(tail, absent)), unjudged)
    none = tail.present == 0
    few = _where(tail, tail.bands.needs_examples & ~none, -tail.present)
    lacking = FEW_EXAMPLES - int(tail.present[few[0]]) if len(few) else 0
    unmeasured = np.isnan(tail.average_precision) & (tail.present > 0) & tail.evaluated
    return _kept(
        Gap(GapKind.NO_EXAMPLE, _where(tail, none, -tail.numbers)),
        Gap(GapKind.FEW_EXAMPLES, few, lacking),
        unjudged,
        Gap(GapKind.NOT_MEASURED, _where(tail, unmeasured, -tail.present)),
    )


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
