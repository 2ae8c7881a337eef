"""The program ``lmpt-trainer`` in an installer's folder: the trainer, or a decode worker."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainer.children import DECODE_WORKER


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the first word says.  A decode worker must not load what only the trainer needs."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == [DECODE_WORKER]:
        from trainer.decode_worker import main as decode  # noqa: PLC0415

        decode(int(words[1]), int(words[2]))
        return 0
    from trainer.__main__ import main as train  # noqa: PLC0415

    return train(words)
