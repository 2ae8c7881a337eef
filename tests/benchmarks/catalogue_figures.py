"""Print the catalogue's and the scan's figures (DESIGN section 6) at 100,000 images.

    python tests/benchmarks/catalogue_figures.py [--images 100000] [--folder /tmp]

Makes that many small files, and deletes them.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.catalogue.backups import back_up
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME, SOUND_NAME
from lmpt_desktop.ingest import ScannedFile, scan, sync

PER_FOLDER = 1000
DIM = 512
CLASSES = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=None)
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="lmpt-figures-", dir=arguments.folder))
    try:
        measure(place, arguments.images)
    finally:
        shutil.rmtree(place)


@contextmanager
def timed(what: str, budget: str = "") -> Iterator[None]:
    began, busy = time.perf_counter(), time.process_time()
    yield
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    # The processor's time as well: on a busy machine the clock measures the neighbours.
    print(f"{what:<48}{seconds * 1000:>8.0f} ms{busy * 1000:>8.0f} CPU   {budget}", flush=True)


def measure(place: Path, count: int) -> None:
    photos, library = place / "photos", place / "library"
    files = make_files(photos, count)
    print(f"SQLite {sqlite3.sqlite_version}, {count:,} images, {CLASSES} classes, {DIM} values\n")
    with timed("make a new library"):
        catalogue = Catalogue.open(library, exclusive=True)
    with catalogue:
        folder = catalogue.folders.add(photos)
        with timed("record the images (content not read)"):
            catalogue.images.upsert(folder.id, files)
        # Twice: the first walk of a folder also pays for what the system has not cached.
        for again in ("first", "again"):
            with timed(f"scan, all unchanged ({again})", "budget 3000 ms"):
                known = catalogue.images.known(folder.id)
                found = sum(len(batch.unchanged) for batch in scan(photos, known))
            assert found == count
        with timed("sync, all unchanged", "budget 3000 ms"):
            report = sync(catalogue, folder.id)
        assert report.unchanged == count
        measure_annotations(catalogue)
        measure_features(catalogue)
        with timed("image table", "in 1500 ms start"):
            catalogue.images.table(backbone="lite")
    with timed("open again"):
        catalogue = Catalogue.open(library, exclusive=True)
    catalogue.close()
    (library / SOUND_NAME).unlink()
    with timed("open again, whole file checked"):
        catalogue = Catalogue.open(library, exclusive=True)
    catalogue.close()
    with timed("backup (in the background, once a day)"):
        copy = back_up(library / CATALOGUE_NAME, "daily")
    print(f"\ncatalogue: {copy.stat().st_size / 1e6:.0f} MB")


def make_files(photos: Path, count: int) -> list[ScannedFile]:
    files: list[ScannedFile] = []
    for number in range(count):
        name = f"{number // PER_FOLDER:04d}/{number:06d}.jpg"
        path = photos / name
        if number % PER_FOLDER == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(b"%d" % number)
        status = path.stat()
        print_name = f"{number + 1:032x}"
        files.append(
            ScannedFile(name, status.st_size, status.st_mtime_ns, 0, print_name, 640, 480, None)
        )
    return files


def measure_annotations(catalogue: Catalogue) -> None:
    ids = catalogue.images.table().ids.tolist()
    entries = [catalogue.classes.add(f"class {number}") for number in range(CLASSES)]
    some = ids[:10_000]
    for _ in range(3):
        with timed("annotate 10,000 images", "budget 1000 ms"):
            batch = catalogue.annotations.apply([Change(i, entries[0].id, 1) for i in some])
        assert len(batch) == len(some)
        with timed("undo it", "budget 1000 ms"):
            undone = catalogue.annotations.undo(batch)
        assert len(undone) == len(some)
    repeat(lambda step: [Change(ids[step], entries[1].id, 1)], catalogue)
    with timed(f"mark 1,000 images reviewed, {CLASSES} classes"):
        batch = catalogue.annotations.set_reviewed(ids[:1000], True)
    with timed("undo it"):
        catalogue.annotations.undo(batch)
    with timed(f"mark 10,000 images reviewed, {CLASSES} classes"):
        catalogue.annotations.set_reviewed(some, True)
    with timed("whole annotation matrix"):
        catalogue.annotations.matrix(ids, [entry.id for entry in entries])


def repeat(change: Callable[[int], list[Change]], catalogue: Catalogue) -> None:
    steps = 200
    began = time.perf_counter()
    for step in range(steps):
        catalogue.annotations.apply(change(step))
    each = (time.perf_counter() - began) / steps
    print(f"{'one correction, committed to disk':<48}{each * 1000:>8.1f} ms")


def measure_features(catalogue: Catalogue) -> None:
    ids = catalogue.images.table().ids
    rows = np.random.default_rng(0).standard_normal((256, DIM)).astype(np.float16)
    with timed("append features, 256 at a time"):
        for start in range(0, len(ids), 256):
            part = ids[start : start + 256]
            catalogue.features.append("lite", part, rows[: len(part)])
    for _ in range(3):
        with timed("load all features", "budget 1000 ms"):
            loaded, features = catalogue.features.load("lite")
        assert features.shape == (len(loaded), DIM) == (len(ids), DIM)
    with timed("which images lack a feature"):
        assert not len(catalogue.features.missing("lite"))


if __name__ == "__main__":
    main()
