"""A library of photos through our session: ``python peers/our_library.py PHOTOS OUT``.

Photos are read and listed (without a model), three of 80 classes are marked in each, ten thousand
get another one and lose it again, one class is looked for, and everything is written to CSV in two
ways: as the command ``tag`` writes it, and as an export, which is read back and compared.
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

from parts.annotated import CLASSES, PER_IMAGE
from peers.processes import cpu_seconds, resident

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange.exports import ExportChoices
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import ClassCondition, Filter, Sort, select
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.tags import format_of, tag_rows

SOME = 10_000


def main(photos: Path, out: Path) -> None:
    library = out / "library"
    with Catalogue.open(library) as catalogue:
        for number in range(CLASSES + 1):
            catalogue.classes.add(f"class {number}")
    figures: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object]) -> None:
        used, began = cpu_seconds(os.getpid()), time.perf_counter()
        work()
        figures[f"{name}, s"] = time.perf_counter() - began
        figures[f"{name}, CPU s"] = cpu_seconds(os.getpid()) - used

    opened: list[LibrarySession] = []

    def read_photos() -> None:
        opened.append(LibrarySession.open(library, encode=False, folders=[photos]))
        assert opened[0].wait_until_idle(600)

    timed("import", read_photos)
    figures["memory after it, MB"] = resident(os.getpid()) / 1e6
    with opened[0] as session:
        snapshot = session.snapshot()
        ids, classes = snapshot.image_ids, np.array(snapshot.class_ids)
        columns = np.argsort(np.random.default_rng(0).random((len(ids), CLASSES)), axis=1)
        columns = columns[:, :PER_IMAGE]
        session.annotations.apply(
            np.repeat(ids, PER_IMAGE),
            classes[columns].ravel(),
            np.ones(columns.size, np.int8),
        )
        some = ids[:SOME].tolist()
        last = int(classes[-1])
        batches = []
        timed(
            f"tag {SOME:,}",
            lambda: batches.append(session.annotations.annotate(some, [last], Verdict.PRESENT)),
        )
        timed(f"take {SOME:,} tags away", lambda: session.annotations.undo(batches[0]))
        one = Filter(classes=ClassCondition((int(classes[7]),)))
        timed("photos of one class", lambda: select(session.snapshot(), one, Sort()))
        timed("CSV, as tag writes it", lambda: write_tags(session, out / "tags.csv"))
        exported = out / "export.csv"

        def export() -> None:
            choices = ExportChoices("csv-long")
            session.exports.preview(choices)
            assert not session.exports.write(choices, exported).differences

        timed("CSV, export with its check", export)
        with (out / "tags.csv").open(encoding="utf-8") as file:
            figures["rows of CSV"] = float(sum(1 for _line in file) - 1)
        figures["photos"] = float(len(ids))
    print("\n" + json.dumps(figures), flush=True)


def write_tags(session: LibrarySession, out: Path) -> None:
    """All photos, as the command ``tag`` does."""
    snapshot = session.snapshot()
    rows = np.arange(len(snapshot.image_ids))
    with atomic_write(out) as file:
        found = tag_rows(snapshot, rows, session.images.paths)
        format_of(str(out)).write(found, file, with_source=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
