"""How far two people agree about each class (Qt-free)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassAgreement:
    """What two libraries say about one class.

    Attributes:
        name: of the class.
        both: photos about which a person says something in each of them.
        equal: those about which they say the same.
        kappa: Cohen's kappa of these; None where it is not defined: there are none, or both say
            nothing but the same.
        new: annotations that merging adds.
        conflicts: where they say the opposite.
        band_column: of the class in the library's arrays; None of a new class.
    """

    name: str
    both: int
    equal: int
    kappa: float | None
    new: int
    conflicts: int
    band_column: int | None = None

    @property
    def share(self) -> float | None:
        """The share of equal ones; None without any."""
        return self.equal / self.both if self.both else None


def kappas(tables: NDArray[np.int64]) -> list[float | None]:
    """Cohen's kappa of each class, by scikit-learn.

    Args:
        tables: (C, 2, 2) photos by what one says (0 absent, 1 present) and what the other says.
    """
    # Half a second the first time, which only those wait for who merge.
    from sklearn.metrics import cohen_kappa_score  # noqa: PLC0415

    found: list[float | None] = []
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore")
        for table in tables:
            if not table.sum():
                found.append(None)
                continue
            kappa = float(
                cohen_kappa_score(
                    [0, 0, 1, 1], [0, 1, 0, 1], labels=[0, 1], sample_weight=table.reshape(-1)
                )
            )
            found.append(kappa if math.isfinite(kappa) else None)
    return found


def totals(rows: Sequence[ClassAgreement]) -> tuple[int, int]:
    """Annotations that both have, and equal ones."""
    return sum(row.both for row in rows), sum(row.equal for row in rows)
