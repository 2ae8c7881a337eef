"""Time per verdict in the review view: from a key to the next photo painted (issue 5).

    python tests/benchmarks/verdicts.py [--images N] [--verdicts N] [--json FILE] [--quick]

Opens a synthetic library (drawn photos of 1,600 x 1,200 pixels, random features, long-tailed
annotations) in the real window, offscreen, and answers a tail-first queue by real key presses: P,
A, and now and then Enter.  Between two keys a person looks at the photo; here that takes
``--pause`` seconds.  A second round presses the next key as soon as the photo is there.  Both are
done with a few hundred images and with 100,000.

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
VERDICTS = 500
PAUSE = 0.15
SIZE = (1600, 1200)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, nargs="+", default=[SMALL, LARGE])
    parser.add_argument("--verdicts", type=int, default=VERDICTS)
    parser.add_argument("--pause", type=float, default=PAUSE, help="seconds between two keys")
    parser.add_argument("--quick", action="store_true", help="few images and verdicts")
    parser.add_argument("--folder", type=Path, default=None, help="make the library in there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    given = parser.parse_args()
    counts, verdicts, pause = given.images, given.verdicts, given.pause
    if given.quick:
        counts, verdicts, pause = [SMALL], 30, 0.02
    print(
        f"{verdicts} verdicts, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"{platform.system()}, Python {platform.python_version()}"
    )
    figures = Figures()
    for count in counts:
        place = Path(tempfile.mkdtemp(prefix="lmpt-verdicts-", dir=given.folder))
        try:
            made = library.make_catalogue(place, count, SIZE)
            with Catalogue.open(made.library, exclusive=True) as opened:
                ids = opened.images.table().ids
                library.annotate(opened, ids)
                library.add_features(opened, ids)
            library.add_thumbnails(made)
            figures.child("answering.py", str(made.library), str(verdicts), str(pause))
        finally:
            shutil.rmtree(place)
            if given.json:
                figures.write(given.json)
    missed = [name for name, figure in figures.all.items() if figure.kept is False]
    print(f"\n{len(missed)} missed: {'; '.join(missed)}" if missed else "\nevery budget is kept")


if __name__ == "__main__":
    main()
