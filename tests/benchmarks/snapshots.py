"""What a verdict costs the arrays of an open library: its snapshots, and all that painting asks of
them.

    python tests/benchmarks/snapshots.py [--images 100000] [--classes 80] [--verdicts 40]

Random features of 512 values; 2 % of the cells are annotated.  Printed is the median processor time
on one thread of the four steps of a verdict: the snapshot with the annotation, what the grid asks
of it, the snapshot with the scores of one class after it was learned (learning itself, which
``instant.py`` measures, is left out), and what the grid asks of that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from lmpt_desktop.domain.records import Batch, ClassEntry, ImageTable
from lmpt_desktop.domain.texts import Texts
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.ui.grid.query import prepare

DIM = 512


def make_state(images: int, classes: int, rng: np.random.Generator) -> LibraryState:
    zeros = np.zeros(images, np.int64)
    table = ImageTable(
        ids=np.arange(1, images + 1),
        folder_ids=zeros,
        states=np.zeros(images, np.int8),
        sizes=zeros,
        mtime=zeros,
        taken=zeros,
        widths=np.zeros(images, np.int32),
        heights=np.zeros(images, np.int32),
        names=Texts.of(["photo.jpg"] * images),
        fingerprints=Texts.of([""] * images),
        edited=np.zeros(images, np.bool_),
    )
    annotations = np.full((images, classes), -1, np.int8)
    cells = rng.integers(0, annotations.size, annotations.size // 50)
    annotations.ravel()[cells] = rng.integers(0, 2, len(cells))
    entries = [ClassEntry(number, f"class {number}") for number in range(classes)]
    state = LibraryState(table, entries, annotations, set(), None)
    features = rng.standard_normal((images, DIM), np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    state.add_features(table.ids, features.astype(np.float16))
    return state


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100_000, metavar="N")
    parser.add_argument("--classes", type=int, default=80, metavar="N")
    parser.add_argument("--verdicts", type=int, default=40, metavar="N")
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    state = make_state(asked.images, asked.classes, rng)
    ids = tuple(range(asked.classes))
    weights = ClassWeights(
        rng.standard_normal((asked.classes, DIM), np.float32) / np.float32(DIM**0.5),
        np.full(asked.classes, 14, np.float32),
        np.full(asked.classes, -4, np.float32),
        np.full(asked.classes, 0.1, np.float32),
        np.zeros(asked.classes, np.bool_),
    )
    state.set_weights(ids, weights)
    state.predict()
    prepare(state.snapshot)
    spent: defaultdict[str, list[float]] = defaultdict(list)

    def measure(name: str, work: Callable[[], object]) -> None:
        begun = time.process_time()
        work()
        spent[name].append(1000 * (time.process_time() - begun))

    for number in range(1, asked.verdicts + 1):
        column = int(rng.integers(asked.classes))
        batch = Batch(
            id=number,
            at=datetime.now(UTC),
            action="annotate",
            image_ids=rng.integers(1, asked.images + 1, 1),
            class_ids=np.array([column]),
            before=np.array([-1], np.int8),
            after=np.array([number % 2], np.int8),
        )
        embeddings = weights.embeddings.copy()
        embeddings[column] += 0.001
        weights = replace(weights, embeddings=embeddings)
        changed = np.array([column])
        measure("annotation", lambda batch=batch: state.apply(batch))
        measure("asked of it", lambda: prepare(state.snapshot))
        measure("scores", lambda w=weights, c=changed: state.change_weights(ids, w, c))
        measure("asked of them", lambda: prepare(state.snapshot))
    medians = {name: statistics.median(values) for name, values in spent.items()}
    print(f"{asked.images:,} photos, {asked.classes:,} classes, load {os.getloadavg()[0]:.0f}: "
          + ", ".join(f"{name} {value:.1f}" for name, value in medians.items())
          + f"; in all {sum(medians.values()):.1f} ms")  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
