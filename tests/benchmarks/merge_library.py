"""Merging a library of many photos and classes: time of each step, and memory.

``python tests/benchmarks/merge_library.py [--photos 100000] [--classes 1000] [--said 10]``: all
photos of both libraries are reviewed, so that every class of each has a verdict; of every photo
``said`` verdicts were given one by one, of which a tenth differs.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from paper_library import photo_file

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.importing.merging import MergeChoices, OnConflict

ResultT = TypeVar("ResultT")


def make(folder: Path, photos: int, classes: int, said: int, *, seed: int, reviewed: int) -> None:
    """A library in which the first ``reviewed`` photos are reviewed."""
    rng, answers = np.random.default_rng(7), np.random.default_rng(seed)
    with Catalogue.open(folder) as catalogue:
        place = catalogue.folders.add(folder / "photos")
        ids: list[int] = []
        for first in range(0, photos, 10_000):
            files = [
                photo_file(f"{i:07}.jpg", fingerprint=f"{i:032x}", picture_hash=f"{i:032x}")
                for i in range(first, min(first + 10_000, photos))
            ]
            ids += catalogue.images.upsert(place.id, files)
        class_ids = np.array([catalogue.classes.add(f"class {i}").id for i in range(classes)])
        images = np.repeat(np.array(ids), said)
        chosen = class_ids[rng.integers(0, classes, len(images))]
        verdicts = rng.integers(0, 2, len(images)).astype(np.int8)
        differ = answers.random(len(images)) < 0.1
        catalogue.annotations.apply_arrays(
            images, chosen, np.where(differ, 1 - verdicts, verdicts).astype(np.int8)
        )
        if reviewed:
            catalogue.annotations.set_reviewed(ids[:reviewed], True)


def timed(name: str, work: Callable[[], ResultT]) -> ResultT:
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:28} {seconds:7.2f} s ({cpu:6.2f} s of a core)   peak so far {peak:6,.0f} MB",
        flush=True,
    )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--said", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="keep the libraries there, and use them again")
    parser.add_argument("--make-only", action="store_true")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as thrown_away:
        root = parsed.folder or Path(thrown_away)
        size = (parsed.photos, parsed.classes, parsed.said)
        if not (root / "theirs").exists():
            make(root / "mine", *size, seed=1, reviewed=parsed.photos // 2)
            make(root / "theirs", *size, seed=2, reviewed=parsed.photos)
        if not parsed.make_only:
            run(root)


def run(root: Path) -> None:
    """Open, read, compare, merge, compare again, undo."""
    session = timed(
        "open", lambda: LibrarySession.open(root / "mine", encode=False, folders=[], begin=False)
    )
    with session:
        other = timed("read the other", lambda: session.merges.read(root / "theirs"))
        choices = MergeChoices(on_conflict=OnConflict.LATER)
        preview = timed("preview", lambda: session.merges.preview(other, choices))
        print(f"{preview.new:,} new, {preview.equal:,} equal, {preview.conflicting:,} in conflict")
        result = timed("merge", lambda: session.merges.apply(preview))
        again = timed("preview again", lambda: session.merges.preview(other, choices))
        assert again.changes_nothing
        batch = result.imported.batch
        assert batch is not None
        timed("undo", lambda: session.annotations.undo(batch.id))


if __name__ == "__main__":
    main()
