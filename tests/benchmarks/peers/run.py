"""Ours beside other programs, in turns, on this machine.

    python tests/benchmarks/peers/run.py [--rows sight search import tags lite] [--peers NAME ...]
        [--rounds 2] [--json FILE] [--environments FOLDER] [--pictures FOLDER]

The method is in README.md beside this file.  Peers that are not here are installed (from Debian
only as root); one that cannot be is named with the reason, and the others go on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers.installing import InstallError
from peers.rows import OURS, FirstSight, Import, Lite, Row, Search, Tags
from peers.screen import ScreenError
from peers.viewers import CHECKOUT, VIEWERS

SHARED = CHECKOUT.parent / "shared" / "photos" / "images"
ROWS = ("sight", "search", "import", "tags", "lite")
LOWER = (", s", ", ms", ", MB")
"""Ends of the names of figures that are better when they are lower."""

Rounds = Mapping[str, Mapping[str, list[float]]]
"""Values of the rounds, by figure and contender."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only these; default: all")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--photos", type=int, default=5_000, help="of the row sight")
    parser.add_argument("--images", type=int, default=100_000, help="of search, import and tags")
    parser.add_argument("--lite-photos", type=Path, default=SHARED, metavar="FOLDER")
    parser.add_argument("--folder", type=Path, help="make the photos in there")
    parser.add_argument("--environments", type=Path, help="keep the peers' environments there")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="for screenshots")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rounds there")
    given = parser.parse_args()
    for folder in (given.pictures, given.environments):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="lmpt-peers-", dir=given.folder))
    about = _about()
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    written: dict[str, object] = {"about": about}
    try:
        for row in _rows(given, given.environments or place / "environments"):
            folder = Path(tempfile.mkdtemp(dir=place))
            load = os.getloadavg()[0]
            found, absent = measure(row, folder, given.peers, given.rounds)
            shutil.rmtree(folder)
            print("\n" + table(row.title, found, absent))
            print(f"Load {load:.1f} to {os.getloadavg()[0]:.1f}", flush=True)
            written[row.title] = {"figures": found, "absent": absent, "load": load}
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def _rows(given: argparse.Namespace, environments: Path) -> list[Row]:
    rows: list[Row] = []
    if "sight" in given.rows:
        rows.append(FirstSight(given.photos, given.pictures))
    if "search" in given.rows:
        rows.append(Search(given.images))
    if "import" in given.rows:
        rows.append(Import(given.images, environments))
    if "tags" in given.rows:
        rows.append(Tags(given.images, environments))
    if "lite" in given.rows:
        if given.lite_photos.is_dir():
            rows.append(Lite(given.lite_photos))
        else:
            print(f"{given.lite_photos} is not here: the row lite is left out")
    return rows


def _about() -> dict[str, str]:
    """The machine, and versions of what takes part where that can be told beforehand."""
    about = {
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        OURS: VIEWERS[OURS].version(),
    }
    for name, viewer in VIEWERS.items():
        if name != OURS and viewer.is_here:
            about[name] = viewer.version()
    return about


def measure(
    row: Row, place: Path, peers: Sequence[str] | None, rounds: int
) -> tuple[Rounds, dict[str, str]]:
    """Every contender in turn, round by round.

    Args:
        row: what to do.
        place: a folder for this row.
        peers: names of peers; None for all.
        rounds: how many.

    Returns:
        Values of the rounds, and why a peer was left out, by its name.
    """
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    absent: dict[str, str] = {}
    chosen = [name for name in row.contenders if peers is None or name in (OURS, *peers)]
    for name in chosen:
        try:
            row.install(name)
        except InstallError as error:
            absent[name] = str(error)
    row.prepare(place)
    for _ in range(rounds):
        for name in chosen:
            if name in absent:
                continue
            try:
                figures = row.measure(name, place)
            except (ScreenError, ValueError, subprocess.SubprocessError) as error:
                absent[name] = str(error)
                continue
            for figure, value in figures.items():
                found[figure][name].append(round(value, 3))
    return found, absent


def table(title: str, found: Rounds, absent: Mapping[str, str]) -> str:
    """Markdown: a line for each figure, medians with all rounds; then where a peer leads, and
    which took no part."""
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    lines = [f"| {title} | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    for figure, values in found.items():
        cells = [_cell(values.get(name, [])) for name in names]
        lines.append(f"| {figure} | {' | '.join(cells)} |")
    for figure, name in behind(found):
        lines.append(f"Ahead of ours: {name}, {figure}")
    lines += [f"Not measured: {name}: {reason}" for name, reason in absent.items()]
    return "\n".join(lines)


def behind(found: Rounds) -> list[tuple[str, str]]:
    """Figures in which a peer leads, by the median, with the peer."""
    leads = []
    for figure, values in found.items():
        ours = values.get(OURS)
        lower, higher = figure.endswith(LOWER), figure.endswith(", %")
        if not ours or not (lower or higher):
            continue
        sign = 1 if lower else -1
        for name, theirs in values.items():
            if sign * statistics.median(theirs) < sign * statistics.median(ours):
                leads.append((figure, name))
    return leads


def _cell(values: Sequence[float]) -> str:
    """The median, and the rounds behind it."""
    if not values:
        return ""
    middle = f"{statistics.median(values):.4g}"
    if len(set(values)) == 1:
        return middle
    return f"{middle} ({', '.join(f'{value:.4g}' for value in values)})"


if __name__ == "__main__":
    main()
