"""A library of photos through FiftyOne: ``python fiftyone_library.py PHOTOS OUT``.

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


def main(photos: Path, out: Path) -> None:
    figures: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object]) -> None:
        used, began = _cpu_seconds(), time.perf_counter()
        work()
        figures[f"{name}, s"] = time.perf_counter() - began
        figures[f"{name}, CPU s"] = _cpu_seconds() - used

    fo.list_datasets()  # starts the database
    made = []
    timed("import", lambda: made.append(fo.Dataset.from_images_dir(str(photos), recursive=True)))
    dataset = made[0]
    timed("sizes and types of files", dataset.compute_metadata)
    figures["memory after it, MB"] = _resident() / 1e6
    columns = np.argsort(np.random.default_rng(0).random((len(dataset), CLASSES)), axis=1)
    labels = [
        fo.Classifications(
            classifications=[fo.Classification(label=f"class {i}") for i in chosen.tolist()]
        )
        for chosen in columns[:, :PER_IMAGE]
    ]
    dataset.set_values("classes", labels)
    some = dataset.limit(SOME)
    timed(f"tag {SOME:,}", lambda: some.tag_samples("class 80"))
    timed(f"take {SOME:,} tags away", lambda: some.untag_samples("class 80"))
    field = fo.ViewField("label") == "class 7"
    timed("photos of one class", lambda: dataset.filter_labels("classes", field).values("id"))

    def write() -> None:
        paths, found = dataset.values(["filepath", "classes.classifications.label"])
        with (out / "tags.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "class"])
            rows.writerows(
                (path, name) for path, of_path in zip(paths, found, strict=True) for name in of_path
            )

    timed("CSV, as tag writes it", write)
    with (out / "tags.csv").open(encoding="utf-8") as file:
        figures["rows of CSV"] = float(sum(1 for _line in file) - 1)
    figures["photos"] = float(len(dataset))
    print("\n" + json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
