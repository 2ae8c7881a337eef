"""A library of 100,000 images: every figure of DESIGN section 6 with its budget.

    python tests/benchmarks/scale.py [--images N] [--json FILE] [--quick] [--no-encode]

Builds a synthetic library (hard-linked drawn JPEGs, random features, long-tailed annotations)
in a folder that is deleted at the end, measures it part by part, each window in a process of
its own (offscreen), and opens 5,000 photos as a simpler viewer would for comparison.

Seconds are by the clock, the median of several rounds where a round is short; a line that ends
in CPU is processor time, which other programs on the machine disturb less.  ``--quick`` is for
correctness: 2,000 images, and small ones.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import tempfile
from pathlib import Path

from parts import catalogue, library, million
from parts.figures import Figures, resident_mb

from lmpt_desktop.catalogue import Catalogue

IMAGES, QUICK_IMAGES = 100_000, 2_000
IDS, QUICK_IDS = 1_000_000, 5_000
VIEWED, QUICK_VIEWED = 5_000, 100
VIEWED_SIZE, QUICK_VIEWED_SIZE = (1600, 1200), (400, 300)
STALLED, QUICK_STALLED = 3_000, 200
PARTS = ("catalogue", "search", "start", "stalls", "grid", "viewers", "encode", "million")
UNASKED = set(PARTS) - {"million"}
"""The parts that run unless others are named: the last takes up to half an hour, and 3 GB."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=0, help=f"default {IMAGES:,}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_IMAGES:,} images")
    parser.add_argument("--no-encode", action="store_true", help="leave out the slowest part")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=sorted(UNASKED))
    parser.add_argument("--folder", type=Path, default=None, help="make the library in there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    given = parser.parse_args()
    count = given.images or (QUICK_IMAGES if given.quick else IMAGES)
    parts = set(given.parts) - ({"encode"} if given.no_encode else set())
    print(
        f"{count:,} images, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"{platform.system()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    if given.quick:
        os.environ["SCALE_QUICK"] = "1"
    figures = Figures()
    place = Path(tempfile.mkdtemp(prefix="lmpt-scale-", dir=given.folder))
    try:
        measure(place, count, parts, figures, quick=given.quick)
    finally:
        shutil.rmtree(place)
        if given.json:
            figures.write(given.json)
    missed = [name for name, figure in figures.all.items() if figure.kept is False]
    print(f"\n{len(missed)} missed: {'; '.join(missed)}" if missed else "\nevery budget is kept")


def measure(place: Path, count: int, parts: set[str], figures: Figures, *, quick: bool) -> None:
    figures.add("memory of Python and numpy", resident_mb(), "MB")
    if parts & {"catalogue", "start", "stalls"}:
        measure_library(place, count, parts, figures, quick=quick)
    if "million" in parts:
        large = million.make(place / "million", QUICK_IDS if quick else IDS)
        # As in the start: the first one warms the system's caches.
        for warm in (False, True):
            figures.child("million.py", str(large.library), keep=warm)
    if "search" in parts:
        for number in (count,) if quick else (count, IDS):
            figures.child("searching.py", str(number))
    if "grid" in parts:
        for ids in (QUICK_IDS,) if quick else (count, IDS):
            figures.child("grid.py", str(ids))
    if "viewers" in parts:
        viewed = QUICK_VIEWED if quick else VIEWED
        size = QUICK_VIEWED_SIZE if quick else VIEWED_SIZE
        library.make_photos(place / "viewed", viewed, size, viewed)
        for viewer in ("widgets", "inline", "ours"):
            figures.child("viewers.py", viewer, str(place / "viewed"), str(place / "viewed-lib"))
    if "encode" in parts:
        library.make_photos(place / "encoded", 64 if quick else 192, (640, 480), 1000)
        figures.child("encoding.py", "1" if quick else "3", str(place / "encoded"))


def measure_library(
    place: Path, count: int, parts: set[str], figures: Figures, *, quick: bool
) -> None:
    """The parts that share one library."""
    made = library.make_catalogue(place, count)
    if "catalogue" in parts:
        catalogue.measure(made, figures)
    else:
        with Catalogue.open(made.library, exclusive=True) as opened:
            ids = opened.images.table().ids
            library.annotate(opened, ids)
            library.add_features(opened, ids)
    library.add_thumbnails(made)
    if "start" in parts:
        # The first start warms the system's caches, as an earlier start that day would.
        for warm in (False, True):
            figures.child("start.py", str(made.library), keep=warm)
    if "stalls" in parts:
        new = QUICK_STALLED if quick else STALLED
        figures.child("stalls.py", str(made.library), str(place / "new"), str(new))


if __name__ == "__main__":
    main()
