"""How sure a prediction must be to count: fewer and surer ones, or more and looser ones.

Strictness shifts the threshold of every class on the scale of log odds, so that thresholds near 0
or 1 keep their distance from the end, and the order of classes by threshold stays.  At 0 every
threshold is exactly what the version in use, or zero-shot prediction, says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

REACH = 2.0
"""Log odds by which the ends of the scale move a threshold: 0.5 becomes 0.88 or 0.12."""
_LONGEST_ID = 18
"""Digits of a class id."""
_EDGE = 1e-7
"""A threshold that is to be moved is at least this far from 0 and 1."""


@dataclass(frozen=True)
class Strictness:
    """Of a library.

    Attributes:
        level: in [-1, 1]; positive for fewer and surer predictions, negative for more and looser
            ones.
        classes: by class id, what is added for this class, in [-1, 1] without 0; ids of classes
            that are gone mean nothing.
    """

    level: float = 0.0
    classes: Mapping[int, float] = field(default_factory=dict)

    @property
    def is_neutral(self) -> bool:
        """Whether every threshold stays as it is."""
        return not self.level and not self.classes

    def of_class(self, class_id: int) -> float:
        """What is added for a class; 0 for most."""
        return self.classes.get(class_id, 0.0)

    def at(self, level: float) -> Strictness:
        """The same with another level, kept within its range."""
        return Strictness(_within(level), self.classes)

    def with_class(self, class_id: int, added: float) -> Strictness:
        """The same with something else added for a class; 0 for nothing."""
        classes = {id_: value for id_, value in self.classes.items() if id_ != class_id}
        if added := _within(added):
            classes[class_id] = added
        return Strictness(self.level, classes)

    def applied(
        self, thresholds: NDArray[np.float32], class_ids: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(C,) float32 in [0, 1]: thresholds (C,) of the classes ``class_ids`` (C,), moved.

        Where nothing is to be moved they are exactly those given.
        """
        if self.is_neutral:
            return thresholds
        added = [self.level + self.of_class(class_id) for class_id in class_ids.tolist()]
        return moved(thresholds, np.array(added, np.float64))


def moved(thresholds: NDArray[np.float32], strictness: NDArray[np.float64]) -> NDArray[np.float32]:
    """(C,) float32: thresholds (C,) in [0, 1] at a strictness (C,) of their own.

    None rises where strictness is negative, none falls where it is positive; 0 leaves a threshold
    exactly as it is.
    """
    inside = np.clip(thresholds.astype(np.float64), _EDGE, 1 - _EDGE)
    odds = np.log(inside / (1 - inside)) + REACH * strictness
    result = np.clip(1 / (1 + np.exp(-odds)), _EDGE, 1 - _EDGE).astype(np.float32)
    result = np.where(strictness > 0, np.maximum(result, thresholds), result)
    result = np.where(strictness < 0, np.minimum(result, thresholds), result)
    return np.where(strictness == 0, thresholds, result).astype(np.float32)


def to_stored(strictness: Strictness) -> dict[str, Any]:
    """What :func:`from_stored` reads, as JSON has it."""
    return {
        "level": strictness.level,
        "classes": {str(id_): value for id_, value in strictness.classes.items()},
    }


def from_stored(stored: Mapping[str, Any]) -> Strictness:
    """A strictness that was stored; what is not valid in it counts as 0."""
    classes = stored.get("classes")
    found: dict[int, float] = {}
    for text, value in classes.items() if isinstance(classes, dict) else ():
        if str(text).isdecimal() and len(str(text)) <= _LONGEST_ID:
            found[int(text)] = _number(value)
    kept = {class_id: added for class_id, added in found.items() if added}
    return Strictness(_number(stored.get("level", 0)), kept)


def _number(stored: object) -> float:
    if not isinstance(stored, int | float):
        return 0.0
    if isinstance(stored, float) and not math.isfinite(stored):
        return 0.0
    return float(min(max(stored, -1), 1))  # a whole number may be larger than any float


def _within(value: float) -> float:
    return min(max(value, -1.0), 1.0)
