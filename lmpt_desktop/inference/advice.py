"""When a retraining is worth suggesting (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST = 30
"""Fewer new verdicts teach nothing that a comparison could show."""
SHARE = 0.1
"""New verdicts, as a share of the examples the prompts in use have learned from, that are worth
a retraining."""
AGAIN = 2.0
"""A suggestion that was passed over is made again at so many times as many verdicts."""


@dataclass(frozen=True)
class NewVerdicts:
    """What was said since the prompts in use were learned.

    ``verdicts`` counts presents, absents said one by one, and photos marked reviewed; ``tail``
    those of them about classes of the tail; ``learned_from`` the present annotations that the
    prompts in use were learned from (0: nothing was learned yet).
    """

    verdicts: int
    tail: int
    learned_from: int = 0

    @property
    def weight(self) -> int:
        """A verdict on the tail counts twice: there one more example changes most."""
        return self.verdicts + self.tail


def worth_retraining(new: NewVerdicts, told_at: int = 0) -> bool:
    """Whether to suggest a retraining.

    Args:
        new: what came in.
        told_at: how many verdicts there were at the last suggestion since the prompts in use
            were learned; 0 if there was none.
    """
    needed = max(FEWEST, SHARE * new.learned_from)
    return new.weight >= needed and new.verdicts >= AGAIN * told_at
