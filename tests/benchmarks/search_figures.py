"""Print what a search costs once its words are read.

    python tests/benchmarks/search_figures.py [--images 100000 ...] [--dim 512]

The features are drawn, unit norm, half precision.  Wall time and processor time are medians of
the same rounds: on a busy machine the clock measures the neighbours.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.search import (
    Nearness,
    direction_of,
    exact_at,
    first_pass,
    per_row,
    rank,
)

IMAGES = 100_000
DIM = 512
EXAMPLES = 20
ROUNDS = 15
BUDGETS = {100_000: 0.012, 1_000_000: 0.1}
"""Seconds, by how many images."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[IMAGES])
    parser.add_argument("--dim", type=int, default=DIM)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, numpy {np.__version__}")
    for count in given.images:
        for name, figure in search_figures(count, given.dim).items():
            limit = f"budget {figure['budget']:g}" if figure["budget"] is not None else ""
            print(f"{name:<62}{figure['value']:>10.4g} {figure['unit']:<7}{limit}", flush=True)


def search_figures(images: int = IMAGES, dim: int = DIM) -> dict[str, dict[str, Any]]:
    """``{name: {"value", "budget", "unit", "better"}}``, as ``scale.py --json`` writes them.

    Budgets are for two quiet cores.
    """
    features = drawn(images, dim)
    ids = np.arange(1, images + 1)
    drawn_words = direction_of(features[images // 2][None] + 0.01 * features[:1])
    assert drawn_words is not None
    words = drawn_words
    half = np.arange(0, images, 2)
    budget = BUDGETS.get(images)
    figures: dict[str, dict[str, Any]] = {}

    def add(name: str, value: float, unit: str, limit: float | None = None) -> None:
        figures[name] = {
            "value": round(value, 4), "budget": limit, "unit": unit, "better": "lower",
        }  # fmt: skip

    def timed(name: str, work: Callable[[], object], limit: float | None) -> None:
        wall, busy = _timed(work)
        add(name, wall, "s", limit)
        add(f"{name}, CPU", busy, "CPU s")

    def near(direction: NDArray[np.float32]) -> Nearness:
        values, margin = first_pass(features, direction)
        found = per_row(values, ids, ids)
        return Nearness(found, margin, lambda rows: exact_at(features, rows, direction))

    def search(passing: NDArray[np.int64] | None) -> object:
        return rank(near(words), passing)

    def like() -> object:
        direction = direction_of(features[:EXAMPLES])
        assert direction is not None
        return rank(near(direction))

    what = f"{images:,} x {dim}"
    timed(f"search {what}, words read before", lambda: search(None), budget)
    timed(f"search {what}, half of them pass the filters", lambda: search(half), budget)
    timed(f"more like {EXAMPLES} images among {what}", like, budget)
    values = near(words)
    timed(f"search {what} again with another filter", lambda: rank(values, half), budget)
    tracemalloc.start()
    search(None)
    add(f"memory while searching {what}", tracemalloc.get_traced_memory()[1] / 1e6, "MB")
    tracemalloc.stop()
    return figures


def drawn(images: int, dim: int) -> NDArray[np.float16]:
    """(images, dim) float16 of unit norm, in blocks, so that a million take no 2 GB."""
    random = np.random.default_rng(7)
    features = np.empty((images, dim), np.float16)
    for start in range(0, images, 10_000):
        block = random.standard_normal((min(10_000, images - start), dim), dtype=np.float32)
        features[start : start + len(block)] = block / np.linalg.norm(block, axis=1)[:, None]
    return features


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Median seconds by the clock and of processor time."""
    walls, busy = [], []
    work()
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        busy.append(time.process_time() - cpu)
    return statistics.median(walls), statistics.median(busy)


if __name__ == "__main__":
    main()
