"""How long instant learning takes: from a verdict to updated predictions.

    python tests/benchmarks/instant.py [--images 100000] [--classes 80] [--verdicts 60]

Random features of 512 values; 4,000 photos are annotated completely, 1,000 more here and there.
Printed are milliseconds of processor time on one thread (so that other programs count little):
learning alone, and with the scores of the classes that changed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.predict import predict, predict_columns
from lmpt_desktop.inference.taught_weights import library_sample, taught
from lmpt_desktop.inference.weights import DEFAULT_THRESHOLD, ClassWeights
from trainer.instant import Instant, soft_biases

DIM = 512
COMPLETE, PARTLY = 4000, 1000


def unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return 1000 * (time.process_time() - begun)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100_000, metavar="N")
    parser.add_argument("--classes", type=int, default=80, metavar="N")
    parser.add_argument("--verdicts", type=int, default=60, metavar="N")
    asked = parser.parse_args()
    count, annotated = asked.classes, COMPLETE + PARTLY
    rng = np.random.default_rng(0)
    features = unit(rng.standard_normal((asked.images, DIM), np.float32)).astype(np.float16)
    base = ClassWeights(
        unit(rng.standard_normal((count, DIM), np.float32)),
        np.full(count, 14.6, np.float32),
        np.full(count, -4.4, np.float32),
        np.full(count, DEFAULT_THRESHOLD, np.float32),
        np.zeros(count, np.bool_),
    )
    targets = np.full((asked.images, count), -1, np.int8)
    targets[:COMPLETE] = rng.random((COMPLETE, count)) < 0.04
    rows = rng.integers(COMPLETE, annotated, 3 * PARTLY)
    targets[rows, rng.integers(0, count, len(rows))] = rng.random(len(rows)) < 0.4
    sample, mean = library_sample(np.arange(asked.images), features)
    biases = soft_biases(base.embeddings, base.scales, mean)
    learner = Instant(base.embeddings, base.scales, biases, mean)
    first = np.arange(annotated)

    def learn(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        columns = learner.teach(rows, features[rows], targets[rows])
        taught(base, columns, learner.offsets(columns), sample)
        return columns

    print(f"everything from scratch       {milliseconds(lambda: learn(first)):7.1f} ms")
    print(f"all predictions, to compare   {milliseconds(lambda: predict(features, base)):7.1f} ms")
    for name, whole, times in (("one verdict", False, asked.verdicts), ("rest is absent", True, 8)):
        learning: list[float] = []
        scoring: list[float] = []
        for place in range(times):
            row = np.array([annotated + place + whole * asked.verdicts])
            columns = slice(None) if whole else place % count
            targets[row, columns] = place % 2 if not whole else 0
            learning.append(milliseconds(lambda row=row: learn(row)))
            changed = np.flatnonzero(targets[row[0]] >= 0)
            scoring.append(
                milliseconds(lambda changed=changed: predict_columns(features, base, changed))
            )
        print(
            f"{name:15} learning {statistics.median(learning):6.1f} (worst {max(learning):.1f}), "
            f"scores {statistics.median(scoring):6.1f} (worst {max(scoring):.1f}) ms"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
