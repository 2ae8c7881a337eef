"""Processor seconds per 1,000 photos: ``python parts/cost.py import|encode|retrain FOLDER COUNT``.

Seconds of all threads, and of the processes that were started: unlike the clock, they hardly change
with what else a machine does.  ``FOLDER`` is empty and may be written into.  On Windows children
are not counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from parts.figures import row
from parts.library import draw

SIZE = (640, 480)
FEW = 8
"""Photos of the run that shows what a start of the encoder costs."""


def main(kind: str, folder: Path, count: int) -> None:
    title, unit, value = KINDS[kind](folder, count)
    print("\n" + json.dumps([row(title, value, unit)]), flush=True)


def imported(folder: Path, count: int) -> tuple[str, str, float]:
    """A first scan of new photos."""
    from first_sight import make_photos

    from lmpt_desktop.catalogue import Catalogue
    from lmpt_desktop.ingest.sync import sync

    make_photos(folder / "photos", count, SIZE)
    with Catalogue.open(folder / "library", exclusive=True) as catalogue:
        added = catalogue.folders.add(folder / "photos")
        spent = _spent(lambda: sync(catalogue, added.id))
        assert len(catalogue.images.table()) == count
    return "import", "CPU s per 1,000 photos", 1000 * spent / count


def encoded(folder: Path, count: int) -> tuple[str, str, float]:
    """Lite, from files to features, less what its start costs."""
    costs = []
    for number in (FEW, count):
        photos = folder / f"photos {number}"
        photos.mkdir()
        for place in range(number):  # each of its own: a copy is not encoded
            (photos / f"{place:05d}.jpg").write_bytes(draw(SIZE, place))
        command = [sys.executable, "-m", "trainer", "encode-folder", str(photos)]
        command += ["--out", str(folder / f"features {number}")]
        costs.append(_spent(lambda command=command: subprocess.run(command, check=True, stdout=2)))
    return "encode", "CPU s per 1,000 photos", 1000 * (costs[1] - costs[0]) / (count - FEW)


def retrained(_folder: Path, _count: int) -> tuple[str, str, float]:
    """A default retraining of 20 classes by Lite's features, loading included."""
    import speed

    names = speed.class_names()
    targets = speed.draw_targets(len(names))
    with contextlib.redirect_stdout(sys.stderr):
        spent = _spent(lambda: speed.retrain("lite", "lite", "cpu", names, targets))
    return "retrain, 20 classes", "CPU s per 1,000 photos", 1000 * spent / speed.PHOTOS


KINDS: dict[str, Callable[[Path, int], tuple[str, str, float]]] = {
    "import": imported,
    "encode": encoded,
    "retrain": retrained,
}


def _spent(work: Callable[[], object]) -> float:
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
