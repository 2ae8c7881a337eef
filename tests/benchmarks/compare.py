"""This working tree against another revision, in turns, with ratios.

    python tests/benchmarks/compare.py [REV] [--rounds N] [--parts import encode ...]
        [--limit RATIO] [--json FILE] [--quick]

``make benchmarks-compare REV=v1.2`` runs it.  The revision (HEAD unless given) is checked out into
a temporary folder, and every part runs in a process of its own, now of the one, now of the other,
with its own measuring script where it has one, else with this tree's.  Each ratio is the median of
those of the rounds, this tree by the revision: 0.8 means a fifth less.  Processor time is what
counts, as other programs hardly change it; if any exceeds ``--limit`` times the revision's, the
exit status is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parts.figures import PARTS, run_part

OURS = PARTS.parents[2]
ROUNDS = 3
LIMIT = 1.2
FOLDER = "{folder}"
"""In arguments: an empty folder of the run's own."""


@dataclass(frozen=True)
class Part:
    """A script of ``parts/`` and its arguments, in a quick run others."""

    script: str
    arguments: tuple[str, ...]
    quick: tuple[str, ...]


COMPARED = {
    "import": Part("cost.py", ("import", FOLDER, "1000"), ("import", FOLDER, "30")),
    "encode": Part("cost.py", ("encode", FOLDER, "200"), ("encode", FOLDER, "12")),
    "retrain": Part("cost.py", ("retrain", FOLDER, "0"), ("retrain", FOLDER, "0")),
    "search": Part("searching.py", ("100000",), ("2000",)),
    "grid": Part("grid.py", ("100000",), ("3000",)),
}
DEFAULT = ("import", "encode", "retrain", "search")


@dataclass
class Pair:
    """A figure of both in each round."""

    unit: str
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """Ours by theirs; None where there is nothing to divide by."""
        found = [
            one / other for one, other in zip(self.ours, self.theirs, strict=False) if other > 0
        ]
        return statistics.median(found) if found else None


def main() -> int:
    # As an exception, so that the other revision's folder is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rev", nargs="?", default="HEAD", help="a revision of git")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--parts", nargs="+", choices=list(COMPARED), default=DEFAULT)
    parser.add_argument("--limit", type=float, default=LIMIT, help=f"default {LIMIT}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--quick", action="store_true", help="for correctness: few photos")
    given = parser.parse_args()
    with checkout(given.rev) as (other, commit):
        print(
            f"this tree by {given.rev} ({commit}), {given.rounds} rounds, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f}, {platform.system()}, "
            f"Python {platform.python_version()}",
            flush=True,
        )
        pairs = measure(other, given.parts, given.rounds, quick=given.quick)
    worse = show(pairs, given.limit)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    if given.json:
        body = {name: {**vars(pair), "ratio": pair.ratio} for name, pair in pairs.items()}
        given.json.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    return 1 if worse else 0


@contextlib.contextmanager
def checkout(rev: str, repository: Path = OURS) -> Iterator[tuple[Path, str]]:
    """``rev`` in a temporary folder, which is gone afterwards; and its commit, abbreviated.

    Raises:
        SystemExit: if there is no such revision.
    """
    git = ["git", "-C", str(repository)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "--short", "--verify", "--end-of-options", f"{rev}^{{commit}}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    except subprocess.CalledProcessError:
        raise SystemExit(f"There is no revision {rev} here.") from None
    place = Path(tempfile.mkdtemp(prefix="lmpt-compare-"))
    tree = place / "checkout"
    try:
        subprocess.run(
            [*git, "worktree", "add", "--quiet", "--detach", str(tree), commit], check=True
        )
        yield tree, commit
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=False)
        shutil.rmtree(place, ignore_errors=True)


def measure(other: Path, parts: list[str], rounds: int, *, quick: bool) -> dict[str, Pair]:
    """Both in turns, and whoever was second is first in the next round."""
    pairs: dict[str, Pair] = {}
    for number in range(rounds):
        for name in parts:
            sides = [other, OURS]
            for tree in sides if number % 2 == 0 else sides[::-1]:
                for title, value, unit in _run(COMPARED[name], tree, quick=quick):
                    pair = pairs.setdefault(title, Pair(unit))
                    (pair.ours if tree == OURS else pair.theirs).append(value)
    return pairs


def _run(part: Part, tree: Path, *, quick: bool) -> list[tuple[str, float, str]]:
    scripts = tree / PARTS.relative_to(OURS)
    place = Path(tempfile.mkdtemp(prefix="lmpt-compare-"))
    try:
        arguments = [
            str(place) if item == FOLDER else item
            for item in (part.quick if quick else part.arguments)
        ]
        rows = run_part(
            part.script,
            *arguments,
            checkout=tree,
            scripts=scripts if (scripts / part.script).exists() else PARTS,
        )
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        print(f"{part.script} {' '.join(part.arguments)} did not run in {tree}: {error}")
        return []
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return [(name, float(value), unit) for name, value, unit, _budget, _better in rows]


def show(pairs: dict[str, Pair], limit: float) -> list[str]:
    """Print a line for each figure; the names of those whose processor time is beyond ``limit``."""
    worse = []
    for name, pair in pairs.items():
        ratio = pair.ratio
        if ratio is None or not pair.ours or not pair.theirs:
            print(f"{name:<62} of one side only")
            continue
        beyond = "CPU" in pair.unit and ratio > limit
        if beyond:
            worse.append(name)
        theirs, ours = statistics.median(pair.theirs), statistics.median(pair.ours)
        print(
            f"{name:<62}{theirs:>10.4g} ->{ours:>10.4g} {pair.unit:<24}x {ratio:.2f}"
            f"{'  WORSE' if beyond else ''}"
        )
    print(f"\n{len(worse)} worse: {'; '.join(worse)}" if worse else "\nnothing is worse")
    return worse


if __name__ == "__main__":
    sys.exit(main())
