"""Means, spreads and paired differences of the figures of accuracy.py, in plain words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Figures = Mapping[str, float | None]
Unit = tuple[int, int]
"""Seed and fold: what two methods are paired by."""
JUDGED = ("total", "tail")
"""The columns on which a method is ahead or not."""


class Standing(StrEnum):
    """A mean paired difference against its own standard deviation."""

    AHEAD = "ahead"
    NOT_AHEAD = "not ahead"
    BEHIND = "behind"
    UNKNOWN = "one pair, no verdict"


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of ``count`` figures; no mean of none, no deviation of one."""

    mean: float | None
    spread: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Summary:
        found = [value for value in values if value is not None and not math.isnan(value)]
        return cls(
            statistics.mean(found) if found else None,
            statistics.stdev(found) if len(found) > 1 else None,
            len(found),
        )

    @property
    def standing(self) -> Standing:
        """Of a summary of differences."""
        if self.mean is None or self.spread is None:
            return Standing.UNKNOWN
        if self.mean > self.spread:
            return Standing.AHEAD
        return Standing.BEHIND if self.mean < -self.spread else Standing.NOT_AHEAD

    def text(self, *, signed: bool = False) -> str:
        if self.mean is None:
            return "-"
        mean = f"{self.mean:+.1f}" if signed else f"{self.mean:.1f}"
        return mean if self.spread is None else f"{mean} ± {self.spread:.1f}"


def differences(
    own: Mapping[Unit, Figures], other: Mapping[Unit, Figures], column: str
) -> list[float]:
    """``own`` less ``other`` of every seed and fold that both have."""
    made: list[float] = []
    for unit in sorted(own.keys() & other.keys()):
        pair = own[unit].get(column), other[unit].get(column)
        if pair[0] is not None and pair[1] is not None:
            made.append(pair[0] - pair[1])
    return made


def verdict(standings: Mapping[str, Standing]) -> str:
    """One word where all columns agree, else a word for each."""
    if len(set(standings.values())) == 1:
        return str(next(iter(standings.values())))
    places = {"total": "in total", "tail": "on the tail"}
    return ", ".join(f"{item} {places.get(name, name)}" for name, item in standings.items())
