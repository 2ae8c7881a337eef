"""A library through our session: ``python peers/our_library.py import PHOTOS OUT``, or
``tags COUNT OUT``.

``import``: photos are read and listed, without a model.  ``tags``: of photos that only the
catalogue knows, three of 80 classes are marked in each, ten thousand get another one and lose it
again, one class is looked for, and everything is written to CSV in two ways: as the command
``tag`` writes it, and as an export, which is read back and compared.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from parts.annotated import CLASSES, PER_IMAGE, make_library
from peers.processes import cpu_seconds, resident

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange.exports import ExportChoices
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import ClassCondition, Filter, Sort, select
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.tags import format_of, tag_rows

SOME = 10_000


class Timed:
    """Seconds by the clock and of processors, by what was done."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], object]) -> None:
        used, began = cpu_seconds(os.getpid()), time.perf_counter()
        work()
        self.figures[f"{name}, s"] = time.perf_counter() - began
        self.figures[f"{name}, CPU s"] = cpu_seconds(os.getpid()) - used


def read_photos(photos: Path, out: Path) -> dict[str, float]:
    timed = Timed()
    opened: list[LibrarySession] = []

    def read() -> None:
        session = LibrarySession.open(out / "library", encode=False, folders=[photos])
        opened.append(session)
        while len(session.snapshot().image_ids) == 0 or not session.idle:
            time.sleep(0.02)

    timed("import with sizes", read)
    timed.figures["memory after it, MB"] = resident(os.getpid()) / 1e6
    with opened[0] as session:
        timed.figures["photos"] = float(len(session.snapshot().image_ids))
    return timed.figures


def tag_photos(count: int, out: Path) -> dict[str, float]:
    timed = Timed()
    make_library(out / "library", count, CLASSES + 1)
    with LibrarySession.open(out / "library", encode=False, folders=[], begin=False) as session:
        snapshot = session.snapshot()
        ids, classes = snapshot.image_ids, np.array(snapshot.class_ids)
        columns = np.argsort(np.random.default_rng(0).random((len(ids), CLASSES)), axis=1)
        columns = columns[:, :PER_IMAGE]
        present = np.ones(columns.size, np.int8)
        images = np.repeat(ids, PER_IMAGE)
        timed(
            "tag all, three each",
            lambda: session.annotations.apply(images, classes[columns].ravel(), present),
        )
        some, last = ids[:SOME].tolist(), int(classes[-1])
        batches = []
        timed(
            f"tag {SOME:,}",
            lambda: batches.append(session.annotations.annotate(some, [last], Verdict.PRESENT)),
        )
        timed(f"take {SOME:,} tags away", lambda: session.annotations.undo(batches[0]))
        one = Filter(classes=ClassCondition((int(classes[7]),)))
        timed("photos of one class", lambda: select(session.snapshot(), one, Sort()))
        timed("tags to CSV", lambda: write_tags(session, out / "tags.csv"))

        def export() -> None:
            choices = ExportChoices("csv-long")
            session.exports.preview(choices)
            assert not session.exports.write(choices, out / "export.csv").differences

        timed("export to CSV, with preview and check", export)
    with (out / "tags.csv").open(encoding="utf-8") as file:
        timed.figures["rows of CSV"] = float(sum(1 for _line in file) - 1)
    return timed.figures


def write_tags(session: LibrarySession, out: Path) -> None:
    """All photos, as the command ``tag`` does."""
    snapshot = session.snapshot()
    rows = np.arange(len(snapshot.image_ids))
    with atomic_write(out) as file:
        found = tag_rows(snapshot, rows, session.images.paths)
        format_of(str(out)).write(found, file, with_source=False)


if __name__ == "__main__":
    kind, what, into = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    figures = read_photos(Path(what), into) if kind == "import" else tag_photos(int(what), into)
    print("\n" + json.dumps(figures), flush=True)
