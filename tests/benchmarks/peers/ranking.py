"""The best 1,000 of 100,000 features for one direction: ``python peers/ranking.py WHO IMAGES``.

``ours`` is what a search of the app does once its words are read, on half-precision features;
``numpy`` a product in single precision and a partial sort; ``faiss`` its flat index of halves.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from search_figures import drawn

BEST, DIM, ROUNDS = 1_000, 512, 25


def main(who: str, images: int) -> None:
    features = drawn(images, DIM)
    # One that differs from every image; as a text does.
    words = features[images // 2].astype(np.float32) + 0.01 * features[0]
    words /= np.linalg.norm(words)
    work, megabytes = CONTENDERS[who](features, words)
    first, walls, busy = work(), [], []
    assert len(first) == BEST
    assert first[0] == images // 2
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        busy.append(time.process_time() - cpu)
    figures = {
        "rank, ms": 1000 * statistics.median(walls),
        "rank, CPU ms": 1000 * statistics.median(busy),
        "features kept, MB": megabytes,
    }
    print(json.dumps(figures))


Work = tuple[Callable[[], np.ndarray], float]


def _ours(features: np.ndarray, words: np.ndarray) -> Work:
    from lmpt_desktop.inference.search import Nearness, exact_at, first_pass, per_row, rank

    ids = np.arange(1, len(features) + 1)

    def work() -> np.ndarray:
        values, margin = first_pass(features, words)
        found = per_row(values, ids, ids)
        near = Nearness(found, margin, lambda rows: exact_at(features, rows, words))
        return rank(near, limit=BEST).rows

    return work, features.nbytes / 1e6


def _numpy(features: np.ndarray, words: np.ndarray) -> Work:
    single = features.astype(np.float32)

    def work() -> np.ndarray:
        scores = single @ words
        best = np.argpartition(scores, -BEST)[-BEST:]
        return best[np.argsort(-scores[best])]

    return work, single.nbytes / 1e6


def _faiss(features: np.ndarray, words: np.ndarray) -> Work:
    import faiss  # pyright: ignore[reportMissingImports]

    quantizer = getattr(faiss, "ScalarQuantizer")  # noqa: B009 (faiss has no types)
    index = faiss.IndexScalarQuantizer(DIM, quantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    for start in range(0, len(features), 10_000):
        index.add(features[start : start + 10_000].astype(np.float32))  # pyright: ignore
    query = words[None]
    return lambda: index.search(query, BEST)[1][0], features.nbytes / 1e6  # pyright: ignore


CONTENDERS = {"ours": _ours, "numpy float32": _numpy, "faiss fp16": _faiss}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
