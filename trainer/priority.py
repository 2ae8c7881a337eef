"""The priority of a process (imports nothing of the trainer's, since decoders begin with it)."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

GENTLE_NICE = 15
"""Niceness from which only idle time is used."""
LOWEST_NICE = 19
ENCODER_NICE = 7
"""Below what decodes photos for the window, above what reads those of a scan."""
AUTOGROUP = Path("/proc/self/autogroup")
_NICE_AT_START = 0 if sys.platform == "win32" else os.getpriority(os.PRIO_PROCESS, 0)


def lower_priority(amount: int) -> None:
    """Lower the priority of this process to ``amount`` steps of niceness below that at its start,
    however often this is called."""
    if amount <= 0:
        return
    _lower_session(amount)
    with contextlib.suppress(OSError):
        if sys.platform != "win32":
            os.setpriority(os.PRIO_PROCESS, 0, _NICE_AT_START + amount)
        else:
            import psutil  # noqa: PLC0415

            name = "IDLE" if amount >= GENTLE_NICE else "BELOW_NORMAL"
            psutil.Process().nice(getattr(psutil, f"{name}_PRIORITY_CLASS", 0))


def _lower_session(amount: int) -> None:
    """Lower the session of a process that leads one by ``amount`` steps.

    Linux may give every session the same share of the processors ("autogroup", see sched(7)).  The
    niceness of a process that the app has started with a session of its own then counts only among
    its threads, and it would compete with the window as an equal.
    """
    if sys.platform != "linux" or os.getsid(0) != os.getpid():
        return
    with contextlib.suppress(OSError):  # switched off, or not there
        AUTOGROUP.write_text(str(min(amount, LOWEST_NICE)), encoding="ascii")
