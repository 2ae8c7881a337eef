"""Processor time and memory of a program with its children, and its end."""

from __future__ import annotations

import contextlib
import subprocess

import psutil


def cpu_seconds(pid: int) -> float:
    """Of a process and of those below it that live, and of ended ones that it has waited for."""
    seconds = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                seconds += times.user + times.system
                seconds += times.children_user + times.children_system
    return seconds


def resident(pid: int) -> int:
    """Bytes in memory, of a process and those below it; what they share counts for each."""
    process = psutil.Process(pid)
    total = 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += one.memory_info().rss
    return total


def end(started: subprocess.Popen[bytes]) -> None:
    """End a program and what it has started."""
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(started.pid)
        family = [process, *process.children(recursive=True)]
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.terminate()
    _ended, alive = psutil.wait_procs(family, 5)
    for one in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    started.wait()
