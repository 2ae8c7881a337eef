"""Kills the app at random moments and looks whether all that it reported as done is there.

    python tests/benchmarks/kill.py --kills 1000 [--window 100] [--seed 0]

A child works on a copy of a small library: verdicts, batches, reviews, undo and redo, scans, a
migration, backups, runs (of a fake trainer), imports, exports.  It writes to a pipe what it is
about to do, and what is done once the app's call has returned; that is *acknowledged*.  At a random
moment of an act of a chosen kind it is killed by SIGKILL.  Then the library is opened again:

- what the journal says up to the last acknowledged change is what was acknowledged, cell by cell;
- the library is sound: every verdict as its journal says (``Catalogue.check_soundness``);
- scanned photos, runs, versions, backups and exported files are there and whole.

``--window`` of the kills hit the real window (offscreen), which gives verdicts by key.  Children
are forked from one process, so that a thousand kills take minutes.  Power cuts are not simulated:
what they need is SQLite's ``synchronous=FULL`` (docs/architecture.md).
"""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUPPORT = Path(__file__).parents[1] / "support"
sys.path[:0] = [str(Path(__file__).parent), str(SUPPORT)]

from parts import killed  # noqa: E402 - after the paths and the environment

LONGEST_ACT = 0.06
"""Seconds within which most acts are done; a kill comes within this of the act's beginning."""


@dataclass
class Result:
    """What came of all kills."""

    kills: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    in_the_middle: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def forked(work: Callable[[int], object]) -> tuple[int, int]:
    """Start ``work(pipe)`` in a process of its own; its id and the reading end of its pipe."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    code = 1
    try:
        os.setsid()
        os.close(reading)
        work(writing)
        code = 0
    except BaseException as error:
        os.write(writing, (json.dumps({"error": repr(error)[:2000]}) + "\n").encode())
    finally:
        os._exit(code)


def end(pid: int) -> None:
    """Kill a child of this process, and what it has started."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def kill_one(base: killed.Base, kind: str, chance: random.Random, place: Path) -> list[Any]:
    """Let a child work, kill it in or after an act of this kind; what it wrote."""
    library = base.copy(place)
    seed = chance.randrange(1 << 30)
    pid, reading = forked(lambda pipe: killed.work(library, kind, seed, pipe))
    # A catalogue is migrated once.
    most = 1 if kind == "migration" else 3 if kind in killed.SLOW else 11
    wait_for = chance.randint(1, most)
    delay = chance.uniform(0, killed.SLOW.get(kind, LONGEST_ACT))
    lines: list[Any] = []
    begun = 0
    with os.fdopen(reading, encoding="utf-8") as pipe:
        for line in pipe:
            lines.append(json.loads(line))
            begun += lines[-1].get("begin") == kind
            if begun == wait_for:
                time.sleep(delay)
                break
        end(pid)
        for line in pipe:
            if line.endswith("\n"):  # else it was killed while it wrote
                lines.append(json.loads(line))
    return lines


def examine(place: Path, lines: list[Any], result: Result, kind: str) -> None:
    """Open the library again, in a process of its own, and compare."""
    pid, reading = forked(lambda pipe: killed.examine(place, lines, pipe))
    with os.fdopen(reading, encoding="utf-8") as pipe:
        said = [json.loads(line) for line in pipe]
    os.waitpid(pid, 0)
    found = said[-1] if said else {"error": "the process that opened it died"}
    if "error" in found:
        result.lost[kind] += 1
        result.faults.append(f"{kind}: {found['error']}")
        return
    result.seconds.append(float(found["seconds"]))
    result.lost.update(found["lost"])
    result.faults += [f"{kind}: {fault}" for fault in found["faults"]]


def run(kills: int, in_window: int, seed: int, place: Path, seconds: float) -> Result:
    """All kills, one after the other, or as many as fit into the time."""
    chance = random.Random(seed)
    result = Result()
    base = killed.Base.make(place / "base")
    kinds = list(killed.KINDS)
    chosen = [killed.WINDOW] * in_window + [kinds[i % len(kinds)] for i in range(kills - in_window)]
    chance.shuffle(chosen)
    began = time.monotonic()
    for number, kind in enumerate(chosen, 1):
        if time.monotonic() - began > seconds:
            break
        here = place / "one"
        lines = kill_one(base, kind, chance, here)
        result.kills[kind] += 1
        done = [line["kind"] for line in lines if "kind" in line]
        result.acknowledged.update(done)
        result.in_the_middle[kind] += bool(lines) and "begin" in lines[-1]
        result.faults += [f"{kind}: {line['error']}" for line in lines if "error" in line]
        examine(here, lines, result, kind)
        shutil.rmtree(here)
        if number % 50 == 0:
            lost = sum(result.lost.values())
            acknowledged = sum(result.acknowledged.values())
            spent = time.monotonic() - began
            print(f"{number} kills, {acknowledged} acknowledged, {lost} lost, {spent:.0f} s",
                  file=sys.stderr, flush=True)  # fmt: skip
    return result


def show(result: Result) -> None:
    """Print the table."""
    print(f"{'kind':<12}{'kills':>8}{'in the act':>12}{'acknowledged':>14}{'lost':>6}")
    for kind in (*killed.KINDS, killed.WINDOW):
        print(
            f"{kind:<12}{result.kills[kind]:>8}{result.in_the_middle[kind]:>12}"
            f"{result.acknowledged[kind]:>14}{result.lost[kind]:>6}"
        )
    print(
        f"{'all':<12}{sum(result.kills.values()):>8}{sum(result.in_the_middle.values()):>12}"
        f"{sum(result.acknowledged.values()):>14}{sum(result.lost.values()):>6}"
    )
    if result.seconds:
        print(
            f"time to reopen: median {1000 * statistics.median(result.seconds):.0f} ms, worst "
            f"{1000 * max(result.seconds):.0f} ms"
        )
    for fault in result.faults[:40]:
        print("FAULT", fault)


def main() -> int:
    """Returns 1 if anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--window", type=int, help="of these in the window (default: a tenth)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this time")
    given = parser.parse_args()
    if not hasattr(os, "fork"):
        print("skipped: this system has no fork")
        return 0
    in_window = given.kills // 10 if given.window is None else given.window
    place = Path(tempfile.mkdtemp(prefix="kill-"))
    os.environ["LMPT_DESKTOP_HOME"] = str(place / "home")
    try:
        result = run(given.kills, in_window, given.seed, place, 60 * given.minutes)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    show(result)
    return 1 if result.faults or sum(result.lost.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
