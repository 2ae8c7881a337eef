"""A run that loads what it needs before its job is there: torch and scikit-learn take seconds, in
which whoever is about to start a retraining still reads what it would do (imports no torch first).
"""

from __future__ import annotations

import json
import os
import queue
import sys
from pathlib import Path

from trainer.job import EVENTS_NAME, LOG_NAME
from trainer.threads import start_thread


def await_job() -> Path:
    """Load what a run needs, and wait for the line on stdin that names its folder; what is written
    to stdout and stderr from then on goes to the folder's files.

    The process ends without one, when stdin is closed.
    """
    told: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        line = b""
        # No byte more than the line: what follows is for whoever reads stdin next.
        while not line.endswith(b"\n"):
            byte = os.read(sys.stdin.fileno(), 1)
            if not byte:
                os._exit(0)
            line += byte
        told.put(line)

    start_thread(read, "job-stdin")
    import trainer.fit  # noqa: F401, PLC0415 - this is what takes long
    from trainer.metrics import load_library  # noqa: PLC0415

    load_library()
    folder = Path(json.loads(told.get()))
    for name, descriptor in ((EVENTS_NAME, 1), (LOG_NAME, 2)):
        with (folder / name).open("ab") as file:
            os.dup2(file.fileno(), descriptor)
    return folder
