"""First sight of a new folder: how soon one sees photos, and how well one can scroll them.

    python tests/benchmarks/first_sight.py [--photos N] [--rounds N] [--beside CHECKOUT]
        [--json FILE] [--quick]

Makes N photos of 1600 x 1200 pixels in one folder, each of other content, and has the real window
open them as a fresh library, with the bundled encoder: in Xvfb where that is installed, else
offscreen.  Every round starts two processes, one that keeps still until the first screen has
predictions and the scan has ended, and one that turns the wheel 20 times a second for 6 s from
the moment that the first screen is full.

The clock starts at the start of the process ("window painted") or when the folder is named.  A
thumbnail counts when it is handed to the grid, whose next frame shows it.  Cells are counted as
filled at each tick of the wheel.  A pause is a gap between two turns of the event loop; "CPU" is
what this process used in one, whatever other programs did.  Each figure is the median of the
rounds, with the least and the most behind it.

``--beside`` measures another working tree as well, in turns.  ``--quick`` is for correctness: few
and small photos, and no model.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from parts.figures import PARTS, Figure, run_part
from parts.library import draw

from lmpt_desktop.paths import HOME_VARIABLE

PHOTOS, QUICK_PHOTOS = 5_000, 100
SIZE, QUICK_SIZE = (1600, 1200), (320, 240)
DRAWN = 16
KINDS = ("look", "scroll", "both")
OURS = PARTS.parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=0, help=f"default {PHOTOS:,}")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS[:2])
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="measure that one, too")
    parser.add_argument("--folder", type=Path, default=None, help="make the photos in there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--quick", action="store_true", help="few and small photos")
    given = parser.parse_args()
    count = given.photos or (QUICK_PHOTOS if given.quick else PHOTOS)
    if given.quick:
        os.environ["SCALE_QUICK"] = "1"
    checkouts = {"": OURS}
    if given.beside is not None:
        checkouts = {"beside, ": given.beside.resolve(), "here, ": OURS}
    place = Path(tempfile.mkdtemp(prefix="lmpt-first-sight-", dir=given.folder))
    try:
        make_photos(place / "photos", count, QUICK_SIZE if given.quick else SIZE)
        with _screen() as screen:
            print(
                f"{count:,} photos, {screen}, {os.cpu_count()} cores, "
                f"load {os.getloadavg()[0]:.1f}, {platform.system()}, "
                f"Python {platform.python_version()}",
                flush=True,
            )
            figures = measure(place, checkouts, given.kinds, given.rounds)
        print(f"load at the end {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(place)
    show(figures)
    if given.json:
        body = {
            name: {**vars(rounds[0]), "value": _median(rounds), "rounds": [f.value for f in rounds]}
            for name, rounds in figures.items()
        }
        given.json.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def make_photos(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Photos of ``size`` (width, height): a few pictures, each with bytes of its own within the
    compressed data, so that no two have one picture."""
    folder.mkdir(parents=True)
    drawn = [draw(size, number) for number in range(min(DRAWN, count))]
    for number in range(count):
        (folder / f"photo {number:05d}.jpg").write_bytes(
            with_other_tables(drawn[number % len(drawn)], number)
        )


def with_other_tables(jpeg: bytes, number: int) -> bytes:
    """``jpeg`` with one of 2^24 sets of values in its tables of quantisation.

    The last entries are of the finest details of luminance: hardly to be seen, but part of what
    makes two pictures differ.
    """
    at = jpeg.index(b"\xff\xdb") + 5 + 64
    digits = (number & 63, (number >> 6) & 63, (number >> 12) & 63)
    changed = bytes(max(1, jpeg[at - 3 + k] + digits[k] - 32) for k in range(3))
    return jpeg[: at - 3] + changed + jpeg[at:]


def measure(
    place: Path, checkouts: dict[str, Path], kinds: tuple[str, ...], rounds: int
) -> dict[str, list[Figure]]:
    """Figures of every round by name, the checkouts in turns."""
    found: dict[str, dict[str, list[Figure]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for kind in kinds:
            for title, checkout in checkouts.items():
                home = place / f"home {number} {kind} {title.strip(', ')}"
                home.mkdir()
                folder = str(place / "photos")
                rows = run_part(
                    *("sight.py", kind, folder),
                    checkout=checkout,
                    environment={HOME_VARIABLE: str(home)},
                )
                for name, value, unit, budget, better in rows:
                    figure = Figure(round(float(value), 3), budget, unit, better)
                    found[name][title].append(figure)
    return {
        title + name: values
        for name, of_checkouts in found.items()
        for title, values in of_checkouts.items()
    }


@contextlib.contextmanager
def _screen() -> Iterator[str]:
    """Where the windows are shown; its name."""
    program = shutil.which("Xvfb")
    if program is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        yield "offscreen (no Xvfb here)"
        return
    read, write = os.pipe()
    server = subprocess.Popen(
        [
            *(program, "-displayfd", str(write), "-screen", "0", "1600x1000x24"),
            *("-nolisten", "tcp"),
        ],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        if not number:
            raise SystemExit("Xvfb did not start")
        os.environ |= {"QT_QPA_PLATFORM": "xcb", "DISPLAY": f":{number}"}
        yield "Xvfb"
    finally:
        server.terminate()
        server.wait()


def _median(rounds: list[Figure]) -> float:
    return statistics.median(figure.value for figure in rounds)


def show(figures: dict[str, list[Figure]]) -> None:
    """A line for each figure: the median, its budget, and the least and most of the rounds."""
    for name, rounds in figures.items():
        first = rounds[0]
        middle = Figure(_median(rounds), first.budget, first.unit, first.better)
        values = [figure.value for figure in rounds]
        limit = "" if first.budget is None else f"budget {first.budget:g}"
        verdict = {None: "", True: "kept", False: "MISSED"}[middle.kept]
        span = f"({min(values):.4g} to {max(values):.4g})"
        print(f"{name:<66}{middle.value:>9.4g} {first.unit:<7}{span:<22}{limit:<12}{verdict}")


if __name__ == "__main__":
    main()
