"""Figures with their budgets, as ``scale.py`` prints and writes them."""

from __future__ import annotations

import compileall
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

PARTS = Path(__file__).parent


@dataclass(frozen=True)
class Figure:
    """A measured value; ``budget`` None where there is none."""

    value: float
    budget: float | None
    unit: str
    better: str = "lower"

    @property
    def kept(self) -> bool | None:
        """Whether the budget is kept; None without one."""
        if self.budget is None:
            return None
        return self.value <= self.budget if self.better == "lower" else self.value >= self.budget


class Watch:
    """Measures the block that it is entered for: seconds by the clock, and of CPU time."""

    seconds = busy = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._began[0]
        self.busy = time.process_time() - self._began[1]


class Figures:
    """Collects figures and prints each as it comes."""

    def __init__(self) -> None:
        self.all: dict[str, Figure] = {}

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        budget: float | None = None,
        *,
        better: str = "lower",
    ) -> None:
        figure = self.all[name] = Figure(round(float(value), 4), budget, unit, better)
        limit = "" if budget is None else f"budget {budget:g}"
        verdict = {None: "", True: "kept", False: "MISSED"}[figure.kept]
        print(f"{name:<62}{figure.value:>10.4g} {unit:<9}{limit:<14}{verdict}", flush=True)

    def timed(
        self,
        name: str,
        work: Callable[[], Any],
        budget: float | None = None,
        *,
        rounds: int = 3,
    ) -> Any:
        """Median seconds by the clock, and of CPU time (all threads of this process): on a
        busy machine the clock measures the neighbours as well."""
        walls, busy, answer = [], [], None
        for _ in range(rounds):
            wall, cpu = time.perf_counter(), time.process_time()
            answer = work()
            walls.append(time.perf_counter() - wall)
            busy.append(time.process_time() - cpu)
        self.add(name, statistics.median(walls), "s", budget)
        self.add(f"{name}, CPU", statistics.median(busy), "CPU s")
        return answer

    def child(self, script: str, *arguments: str, keep: bool = True) -> None:
        """Run a part in a process of its own and take over what it measured (if ``keep``): the
        last line it prints is JSON, ``[[name, value, unit, budget, better], ...]``."""
        for name, value, unit, budget, better in run_part(script, *arguments):
            if keep:
                self.add(name, value, unit, budget, better=better)

    def write(self, path: Path) -> None:
        body = {name: asdict(figure) for name, figure in self.all.items()}
        path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def run_part(
    script: str,
    *arguments: str,
    checkout: Path = PARTS.parents[2],
    scripts: Path = PARTS,
    environment: Mapping[str, str] | None = None,
) -> list[list[Any]]:
    """Run a part in a process of its own.

    Args:
        script: a file of the folder ``scripts``.
        arguments: of its command line.
        checkout: the working tree whose app is measured, whichever one is installed.
        scripts: this folder, or that of another working tree.
        environment: variables that differ from this process's.

    Returns:
        What it measured, each as :func:`row` makes it: the last line it prints, in JSON.
    """
    paths = [checkout, scripts.parent, scripts.parents[1] / "support"]
    for package in ("lmpt_desktop", "trainer"):
        compileall.compile_dir(checkout / package, quiet=2)
    variables = {
        **os.environ,
        "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen"),
        **(environment or {}),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        # As it is where the app is installed: with its bytecode.
        "PYTHONDONTWRITEBYTECODE": "",
        "SCALE_BEGAN": repr(time.monotonic()),
    }
    done = subprocess.run(
        [sys.executable, str(scripts / script), *arguments],
        env=variables,
        # Where children of an earlier version look for its modules first.
        cwd=checkout,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def row(
    name: str, value: float, unit: str, budget: float | None = None, better: str = "lower"
) -> list[Any]:
    """One figure as :meth:`Figures.child` reads it."""
    return [name, value, unit, budget, better]


def resident_mb() -> float:
    """Memory of this process that is in RAM, in MB (10^6)."""
    import psutil

    return psutil.Process().memory_info().rss / 1e6


def peak_mb() -> float:
    """The most memory this process has had in RAM, in MB (10^6); NaN if the system does not say."""
    # Not getrusage, which on Linux includes the process that started this one.
    status = Path("/proc/self/status")
    if not status.exists():
        return math.nan
    words = status.read_text(encoding="ascii").split()
    return int(words[words.index("VmHWM:") + 1]) * 1024 / 1e6
