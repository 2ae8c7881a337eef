"""How this program starts processes of its own (imports nothing heavy).

From source and from a wheel they are modules of the same Python.  In an installer's folder there is
no Python: the program ``lmpt-trainer`` beside the running one is both trainer and decode worker
(:mod:`trainer.program`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DECODE_WORKER = "decode-worker"
"""The word after ``lmpt-trainer`` that makes a decode worker of it, in an installer's folder."""
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""For ``creationflags``: on Windows, a process of the window opens no console."""
PROGRAM = "lmpt-trainer"
CLOSE_FILES = "APPIMAGE" not in os.environ
"""For ``close_fds`` of a run, which may outlive the window.  An AppImage stays mounted while a
process has the pipe open that its start left.  Python's own files are not passed on anyway."""


def is_frozen() -> bool:
    """Whether this runs from an installer's folder."""
    return bool(getattr(sys, "frozen", False))


def trainer_command() -> tuple[str, ...]:
    """Starts the trainer; its arguments follow."""
    return (_program(),) if is_frozen() else (sys.executable, "-m", "trainer")


def decode_worker_command() -> tuple[str, ...]:
    """Starts a process that decodes photos; its limits follow."""
    if is_frozen():
        return _program(), DECODE_WORKER
    # -P: whatever lies in the folder that the app was started from is not meant.
    return sys.executable, "-P", "-m", "trainer.decode_worker"


def _program() -> str:
    # A link in the search path may have been started, and the trainer lies beside its target.
    here = Path(sys.executable).resolve()
    return str(here.with_name(PROGRAM + here.suffix))
