"""Time per verdict: from a key to the next photo in review, and to what it taught in the grid.

    python tests/benchmarks/verdicts.py [--images N] [--verdicts N] [--json FILE] [--quick]
    python tests/benchmarks/verdicts.py --only effect

Opens a synthetic library (drawn photos of 1,600 x 1,200 pixels, random features, long-tailed
annotations) in the real window, offscreen, and answers a tail-first queue by real key presses: P,
A, and now and then Enter.  Between two keys a person looks at the photo; here that takes
``--pause`` seconds.  A second round presses the next key as soon as the photo is there.  Both are
done with a few hundred images and with 100,000.

*First effect* is from the key of a verdict in the grid to the repaint in which another photo on
screen has a new score of that class, with a few hundred images and with 20,000.

Figures are by the clock, so what else runs on the machine is in them.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
from pathlib import Path

from parts import library
from parts.figures import Figures

from lmpt_desktop.catalogue import Catalogue

SMALL, LARGE = 300, 100_000
WITH_EFFECT = (300, 20_000)
VERDICTS, EFFECTS = 500, 60
PAUSE = 0.15
SIZE, SMALL_SIZE = (1600, 1200), (320, 240)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, nargs="+", default=[SMALL, LARGE])
    parser.add_argument("--verdicts", type=int, default=VERDICTS)
    parser.add_argument("--pause", type=float, default=PAUSE, help="seconds between two keys")
    parser.add_argument("--only", choices=["review", "effect"], help="one of the two parts")
    parser.add_argument("--quick", action="store_true", help="few images and verdicts")
    parser.add_argument("--folder", type=Path, default=None, help="make the library in there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    given = parser.parse_args()
    counts, verdicts, pause = given.images, given.verdicts, given.pause
    with_effect, effects = WITH_EFFECT, EFFECTS
    if given.quick:
        counts, verdicts, pause, with_effect, effects = [SMALL], 30, 0.02, (SMALL,), 10
    print(
        f"{verdicts} verdicts, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"{platform.system()}, Python {platform.python_version()}"
    )
    figures = Figures()
    parts = [("review", count, SIZE, "answering.py", (verdicts, pause)) for count in counts]
    parts += [("effect", count, SMALL_SIZE, "effect.py", (effects,)) for count in with_effect]
    for part, count, size, script, arguments in parts:
        if given.only not in (None, part):
            continue
        place = Path(tempfile.mkdtemp(prefix="lmpt-verdicts-", dir=given.folder))
        try:
            made = library.make_catalogue(place, count, size)
            with Catalogue.open(made.library, exclusive=True) as opened:
                ids = opened.images.table().ids
                library.annotate(opened, ids)
                library.add_features(opened, ids)
            library.add_thumbnails(made)
            figures.child(script, str(made.library), *map(str, arguments))
        finally:
            shutil.rmtree(place)
            if given.json:
                figures.write(given.json)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    missed = [name for name, figure in figures.all.items() if figure.kept is False]
    print(f"\n{len(missed)} missed: {'; '.join(missed)}" if missed else "\nevery budget is kept")


if __name__ == "__main__":
    main()
