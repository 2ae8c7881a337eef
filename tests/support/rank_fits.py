"""Fits by several ranks on the tiny backbone: a program for ``torchrun``.

``rank_fits.py JOB...`` fits one job after the other with the same ranks; the first rank writes the
events of each into its folder.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

from tiny_backbone import tiny_backbone

from trainer import job
from trainer.cancel import CancelToken
from trainer.events import RunEvent, to_line
from trainer.fit import fit
from trainer.launched import join_ranks

RANKS = 2


def launch(*program: str) -> subprocess.Popen[str]:
    """Start a program, a file or ``-m MODULE``, with its arguments by torchrun."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(RANKS))
    return subprocess.Popen(
        [sys.executable, *launcher, *program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def _main() -> None:
    ranks = join_ranks(60.0)
    for name in sys.argv[1:]:
        folder = Path(name)
        events: list[RunEvent] = []
        fit(folder, events.append, CancelToken(), tiny_backbone, ranks)
        if ranks.rank == 0:
            text = "".join(map(to_line, events))
            (folder / job.EVENTS_NAME).write_text(text, encoding="utf-8")
    ranks.close()
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    _main()
