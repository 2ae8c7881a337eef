"""When a retraining is worth suggesting (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

MIN_VERDICTS = 30
"""Fewer new verdicts make no difference that a comparison could show."""
SHARE = 0.1
"""Share of new verdicts, relative to the examples that the active prompt set has learned from, that
is worth a retraining."""
REPEAT_FACTOR = 2.0
"""An ignored suggestion is repeated after this many times as many verdicts."""


@dataclass(frozen=True)
class NewVerdicts:
    """The verdicts since the active prompt set was learned.

    ``verdicts`` counts present annotations, single absent annotations, and images marked reviewed;
    ``tail`` those about tail classes; ``learned_from`` the present annotations that the active
    prompt set was learned from (0: nothing was learned yet).
    """

    verdicts: int
    tail: int
    learned_from: int = 0

    @property
    def weight(self) -> int:
        """A verdict on a tail class counts twice: there one more example changes most."""
        return self.verdicts + self.tail


def worth_retraining(new: NewVerdicts, suggested_at: int = 0) -> bool:
    """Whether to suggest a retraining.

    Args:
        new: the verdicts.
        suggested_at: how many verdicts there were at the last suggestion since the active prompt
            set was learned; 0 if there was none.
    """
    needed = max(MIN_VERDICTS, SHARE * new.learned_from)
    return new.weight >= needed and new.verdicts >= REPEAT_FACTOR * suggested_at
