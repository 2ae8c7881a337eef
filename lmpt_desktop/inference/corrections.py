"""Whose side the user took where two versions, or a version and the user, differ (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tally:
    """Of ``count`` corrections each version has so many right."""

    count: int
    old_right: int
    new_right: int


NOTHING = Tally(0, 0, 0)


@dataclass(frozen=True, eq=False)
class Corrections:
    """The user's own verdicts that at least one of two versions contradicts.

    Verdicts that contradict the old version alone would let the new one look better whatever it
    is: it could only be right more often.  So those that contradict the new one count as well.

    Attributes:
        verdicts: how many verdicts were looked at.
        places: (m,) int64, which of them are corrections.
        old_right, new_right: (m,) bool.
        learned: (m,) bool, whether the new version was trained on it.
    """

    verdicts: int
    places: NDArray[np.int64]
    old_right: NDArray[np.bool_]
    new_right: NDArray[np.bool_]
    learned: NDArray[np.bool_]

    def tally(self, learned: bool | None = None) -> Tally:
        """Count all, or only those that the new version has (or has not) learned from."""
        chosen = np.ones(len(self.places), np.bool_) if learned is None else self.learned == learned
        return Tally(
            int(chosen.sum()), int(self.old_right[chosen].sum()), int(self.new_right[chosen].sum())
        )


def corrections(
    present: NDArray[np.bool_],
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    learned: NDArray[np.bool_],
) -> Corrections:
    """Compare m verdicts with what two versions predict.

    Args:
        present: (m,) the verdicts, present or absent.
        before, after: (m,) what the old and the new version predict.
        learned: (m,) whether the new version was trained on the verdict.
    """
    old_right, new_right = before == present, after == present
    places = np.flatnonzero(~(old_right & new_right))
    return Corrections(len(present), places, old_right[places], new_right[places], learned[places])
