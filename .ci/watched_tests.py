"""Run the tests, and once more if they stall.

Usage: watched_tests.py COMMAND...

A test that hangs is ended by its own timeout, and one that hangs with Python's lock held by
faulthandler (pyproject.toml).  For what hangs elsewhere, the stacks of all processes are printed
(conftest.py registers SIGUSR1 for that) and the run is begun again, once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil

LIMIT_SECONDS = float(os.environ.get("TEST_RUN_LIMIT", "1800"))
"""Half as long again as a run takes on a busy machine."""


def run(command: list[str]) -> int | None:
    """The exit status; None if the run stalled and was ended."""
    started = subprocess.Popen(command, start_new_session=True)
    try:
        return started.wait(LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"\nThe tests were not done after {LIMIT_SECONDS:.0f} s. Stacks:", file=sys.stderr)
        _print_stacks(psutil.Process(started.pid))
        return None
    finally:
        _kill(started)


def _print_stacks(root: psutil.Process) -> None:
    for process in (root, *root.children(recursive=True)):
        try:
            line = " ".join(process.cmdline())
            if "-m pytest" in line or "exec(eval(sys.stdin" in line:  # workers of xdist
                print(f"-- process {process.pid}", file=sys.stderr, flush=True)
                process.send_signal(signal.SIGUSR1)
                time.sleep(1)  # so that they do not write at the same time
        except psutil.Error:
            continue


def _kill(started: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def main(command: list[str]) -> int:
    for _attempt in range(2):
        status = run(command)
        if status is not None:
            return status
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
