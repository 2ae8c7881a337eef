"""Whether torchrun has started this process, as which of how many, and how they come together.

Imports no torch before they do.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.ranks import Ranks

LAUNCHED = ("TORCHELASTIC_RUN_ID", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
"""Variables that torchrun sets for each process."""
FIT_SECONDS = 600.0
"""A step takes less; a rank that is silent for longer ends the run."""
FOLDER_SECONDS = 7200.0
"""Photos that take their whole time each may hold up one rank for long."""


def launched_ranks() -> int:
    """How many processes torchrun has started for this run; 1 without torchrun."""
    if not all(name in os.environ for name in LAUNCHED):
        return 1
    return int(os.environ["WORLD_SIZE"])


def launched_rank() -> int:
    """The number of this process among them."""
    return int(os.environ["RANK"]) if launched_ranks() > 1 else 0


def join_ranks(seconds: float) -> Ranks:
    """The ranks that torchrun has started, this one among them; without it, this process alone.

    Args:
        seconds: how long a rank may be silent before the others end.

    Raises:
        trainer.ranks.LostRankError: if they do not come together.
    """
    if launched_ranks() == 1:
        from trainer.ranks import ONE_PROCESS  # noqa: PLC0415

        return ONE_PROCESS
    # Imported late: one process has no use for it.
    from trainer.torch_ranks import TorchRanks  # noqa: PLC0415

    return TorchRanks(seconds)
