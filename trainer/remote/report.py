"""What was found on another computer, as sentences (imports no torch).

They are marked for translation; the app fills them in itself.
"""

from __future__ import annotations

from collections.abc import Callable

from trainer.remote.machine import INSTALL, Found
from trainer.remote.trouble import Trouble
from trainer.texts import N_

GOOD = N_("Reached. LMPT Desktop {version} and Python {python} are there.")
GPU = N_("It trains on {device} ({memory} of GPU memory free).")
NO_GPU = N_("It trains on {device}, as it has no GPU that can be used: {cores} cores.")
DISK = N_("{free} of disk space is free there.")
PYTHON_THERE = N_("Python {python} is there. To install it, type on the other computer:")
PYTHON_OLD = N_("Python {python} is there, but 3.11 or newer is needed. Then type there:")
NO_PYTHON = N_("Python is not there either; install Python 3.11 or newer. Then type there:")

Translate = Callable[[str], str]


def gigabytes(count: int) -> str:
    """ "12.3 GB"."""
    return f"{count / 1e9:.1f} GB"


def sentences(
    found: Found, translate: Translate = str, size: Callable[[int], str] = gigabytes
) -> list[str]:
    """What was found, a sentence each; the commands to type there, if any, are not among them.

    ``size`` writes a number of bytes as the user reads it.
    """
    if (there := found.machine) is not None:
        gpu = there.gpu_bytes > 0
        return [
            translate(GOOD).format(version=found.version[:40], python=there.python[:40]),
            translate(GPU if gpu else NO_GPU).format(
                device=there.device[:80], memory=size(there.gpu_bytes), cores=there.cores
            ),
            translate(DISK).format(free=size(there.free_bytes)),
        ]
    trouble = found.trouble or Trouble.OTHER
    said = [translate(trouble.sentence)]
    if trouble is Trouble.NO_TRAINER:
        if not found.python:
            said.append(translate(NO_PYTHON))
        else:
            known = PYTHON_THERE if _is_enough(found.python) else PYTHON_OLD
            said.append(translate(known).format(python=found.python))
    return said


def commands(found: Found) -> tuple[str, ...]:
    """What to type there before it can be used, a line each."""
    return INSTALL if found.trouble is Trouble.NO_TRAINER else ()


def report(found: Found) -> str:
    """All of it as English text."""
    text = " ".join(sentences(found)) + "\n" + "".join(f"    {line}\n" for line in commands(found))
    return text + (f"{found.detail}\n" if found.trouble is not None and found.detail else "")


def _is_enough(version: str) -> bool:
    numbers = version.split(".")
    return [int(part) for part in numbers[:2] if part.isdigit()] >= [3, 11]
