"""A library through FiftyOne: ``python fiftyone_library.py import PHOTOS OUT``, or
``tags COUNT OUT``.

Run by the Python of an environment that has FiftyOne, and nothing of ours.  The same steps as
``our_library.py`` where FiftyOne has them, each in the way that its documentation recommends for
many samples; its start and that of its database are not counted.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo  # pyright: ignore[reportMissingImports]
import numpy as np
import psutil

CLASSES, PER_IMAGE, SOME = 80, 3, 10_000


def _cpu_seconds() -> float:
    """Of this process, its database and its workers."""
    this = psutil.Process()
    seconds = 0.0
    for process in (this, *this.children(recursive=True)):
        times = process.cpu_times()
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _resident() -> int:
    """Bytes of this process, its database and its workers."""
    this = psutil.Process()
    processes = (this, *this.children(recursive=True))
    return sum(process.memory_info().rss for process in processes)


class Timed:
    """Seconds by the clock and of processors, by what was done."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], object]) -> None:
        used, began = _cpu_seconds(), time.perf_counter()
        work()
        self.figures[f"{name}, s"] = time.perf_counter() - began
        self.figures[f"{name}, CPU s"] = _cpu_seconds() - used


def read_photos(photos: Path) -> dict[str, float]:
    timed = Timed()
    made = []

    def read() -> None:
        made.append(fo.Dataset.from_images_dir(str(photos), recursive=True))

    timed("import without sizes", read)
    without = timed.figures["import without sizes, s"]
    busy = timed.figures["import without sizes, CPU s"]
    timed("import with sizes", made[0].compute_metadata)
    timed.figures["import with sizes, s"] += without
    timed.figures["import with sizes, CPU s"] += busy
    timed.figures["memory after it, MB"] = _resident() / 1e6
    timed.figures["photos"] = float(len(made[0]))
    return timed.figures


def tag_photos(count: int, out: Path) -> dict[str, float]:
    timed = Timed()
    dataset = fo.Dataset()
    dataset.add_samples(
        [fo.Sample(f"/photos/{i // 1000:04d}/photo {i:06d}.jpg") for i in range(count)]
    )
    columns = np.argsort(np.random.default_rng(0).random((count, CLASSES)), axis=1)

    def tag_all() -> None:
        found = [
            fo.Classifications(
                classifications=[fo.Classification(label=f"class {i}") for i in chosen]
            )
            for chosen in columns[:, :PER_IMAGE].tolist()
        ]
        dataset.set_values("classes", found)

    timed("tag all, three each", tag_all)
    some = dataset.limit(SOME)
    timed(f"tag {SOME:,}", lambda: some.tag_samples("class 80"))
    timed(f"take {SOME:,} tags away", lambda: some.untag_samples("class 80"))
    one = fo.ViewField("label") == "class 7"
    timed("photos of one class", lambda: dataset.filter_labels("classes", one).values("id"))

    def write() -> None:
        paths, found = dataset.values(["filepath", "classes.classifications.label"])
        with (out / "tags.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "class"])
            rows.writerows(
                (path, name) for path, of_path in zip(paths, found, strict=True) for name in of_path
            )

    timed("tags to CSV", write)
    with (out / "tags.csv").open(encoding="utf-8") as file:
        timed.figures["rows of CSV"] = float(sum(1 for _line in file) - 1)
    return timed.figures


if __name__ == "__main__":
    kind, what, into = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    fo.list_datasets()  # starts the database
    figures = read_photos(Path(what)) if kind == "import" else tag_photos(int(what), into)
    print("\n" + json.dumps(figures), flush=True)
