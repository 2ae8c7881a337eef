"""What ten million features cost: to open, to predict by blocks, to search with an index.

    python tests/benchmarks/large_library.py [--photos 10000000] [--folder F] [--index faiss]

Features are drawn: unit norm, 512 values, in clusters of very different sizes around a common
mean, as those of CLIP.  They are written as ``encode-folder`` writes them.  Without ``--folder``
they are removed afterwards.  An index whose library is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.engine.feature_search import nearness
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.search import rank
from lmpt_desktop.inference.weights import ClassWeights
from trainer import feature_folder
from trainer.events import PROTOCOL, EncoderReady
from trainer.feature_folder import FORMAT, PhotoRecord, ShardArrays, ShardHeader
from trainer.mapped_features import MappedFeatures

PHOTOS = 20_000
DIM = 512
CLASSES = 80
SHARD = 4096
PHOTOS_PER_CLUSTER = 200
NOISE_ROWS = 65_536
QUERIES = 100
WANTED = 100
Floats = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--folder", type=Path, help="keep the features and the index here")
    parser.add_argument(
        "--index", nargs="*", default=["faiss", "usearch"], choices=["faiss", "usearch"]
    )
    parser.add_argument("--lists", type=int, default=1024, help="of faiss's inverted file")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {given.photos:,} photos")
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        drawn = Drawn(given.photos)
        if not feature_folder.shard_paths(folder):
            with told("drawn and written"):
                drawn.write(folder)
        with told("opened"):
            features = MappedFeatures.open(folder)
        print(f"{features.count:,} features in {len(features.shards):,} shards")
        queries = drawn.queries(QUERIES)
        kept = folder / "exact.npy"
        if not kept.exists():  # else this part was done before
            with told(f"predicted, {CLASSES} classes, by blocks"):
                predict_all(features)
            with told("one exact search, as the command does"):
                rank(nearness(features, queries[:1])[0], limit=WANTED)
            with told(f"{QUERIES} exact searches in one pass"):
                np.save(kept, exact_search(features, queries))
        exact = np.load(kept)
        for name in given.index:
            if importlib.util.find_spec(name) is None:
                print(f"{name} is not installed")
                continue
            index = {"faiss": Faiss, "usearch": Usearch}[name](folder, given.lists)
            if not index.path.exists():
                with told(f"{name}: index built"):
                    index.build(features)
            print(f"{name}: {index.path.stat().st_size / 1e6:,.0f} MB")
            with told(f"{name}: index opened"):
                index.open()
            for effort in index.efforts:
                measure(name, index, effort, features=features, queries=queries, exact=exact)


class Drawn:
    """Features of ``photos`` photos; those of a shard are the same every time."""

    def __init__(self, photos: int) -> None:
        rng = np.random.default_rng(0)
        self.photos = photos
        self._spectrum = (np.arange(1, DIM + 1) ** -0.35).astype(np.float32)
        self._turn = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0].astype(np.float32)
        self._mean, self._other_mean = self._noise(rng, 2)
        clusters = max(8, photos // PHOTOS_PER_CLUSTER)
        self._centres = self._noise(rng, clusters).astype(np.float16)
        sizes = rng.pareto(1.2, clusters) + 0.05
        self._bounds = np.cumsum(sizes / sizes.sum())
        self._bank = self._noise(rng, NOISE_ROWS)

    def write(self, folder: Path) -> None:
        feature_folder.prepare(folder)
        backbone = EncoderReady(
            PROTOCOL, "drawn/512", DIM, "CPU", scale=100.0, bias=None, templates=["{}"]
        )
        for number, start in enumerate(range(0, self.photos, SHARD), 1):
            count = min(SHARD, self.photos - start)
            records = [_record(row, row - start) for row in range(start, start + count)]
            rows = self._rows(np.random.default_rng([1, number]), count, self._mean)
            arrays = ShardArrays(rows, np.zeros((count, 0, DIM), np.int8), rows[0])
            feature_folder.write_shard(
                feature_folder.shard_path(folder, 1, 0, number),
                ShardHeader(FORMAT, str(folder), backbone, records),
                arrays,
            )

    def queries(self, count: int) -> Floats:
        """Half as photos, half as texts: around another mean."""
        rng = np.random.default_rng(2)
        photos = self._rows(rng, count // 2, self._mean)
        texts = self._rows(rng, count - count // 2, self._other_mean)
        return np.concatenate([photos, texts]).astype(np.float32)

    def _rows(self, rng: np.random.Generator, count: int, mean: Floats) -> NDArray[np.float16]:
        cluster = np.minimum(
            np.searchsorted(self._bounds, rng.random(count)), len(self._centres) - 1
        )
        rows = 0.7 * mean + 0.6 * self._centres[cluster].astype(np.float32)
        # Sums of two of the bank's rows: billions of them, without as many draws.
        chosen = rng.integers(0, len(self._bank), (2, count))
        rows += 0.32 * (self._bank[chosen[0]] + self._bank[chosen[1]])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)

    def _noise(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, DIM) of length 1, in some directions more than in others."""
        rows = rng.standard_normal((count, DIM), np.float32) * self._spectrum @ self._turn
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _record(number: int, row: int) -> PhotoRecord:
    digest = f"{number:032x}"
    return PhotoRecord(f"{number // 1000:05d}/{number:09d}.jpg", 100_000, 1, digest, digest, row)


def predict_all(features: MappedFeatures) -> None:
    rng = np.random.default_rng(3)
    embeddings = rng.standard_normal((CLASSES, DIM), np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    ones = np.ones(CLASSES, np.float32)
    weights = ClassWeights(embeddings, 100 * ones, -20 * ones, 0.5 * ones, ones < 0)
    found = sum(
        int((predict(block, weights) >= weights.thresholds).sum())
        for _start, block in features.blocks()
    )
    print(f"  {found:,} classes predicted")


def exact_search(features: MappedFeatures, queries: Floats) -> NDArray[np.int64]:
    """(q, WANTED) the nearest features, most similar first."""
    best = np.full((len(queries), WANTED), -2.0, np.float32)
    numbers = np.zeros((len(queries), WANTED), np.int64)
    for start, block in features.blocks():
        cosines = queries @ block.astype(np.float32).T
        own = np.broadcast_to(np.arange(start, start + len(block)), cosines.shape)
        both, names = np.hstack([best, cosines]), np.hstack([numbers, own])
        chosen = np.argpartition(-both, WANTED - 1, axis=1)[:, :WANTED]
        best = np.take_along_axis(both, chosen, axis=1)
        numbers = np.take_along_axis(names, chosen, axis=1)
    return np.take_along_axis(numbers, np.argsort(-best, axis=1), axis=1)


class Faiss:
    """An inverted file of product codes: 64 bytes and a number for each feature."""

    efforts = ((8, 1000), (32, 1000), (32, 4000), (128, 4000))
    """Lists to look into, and candidates to compare exactly."""

    def __init__(self, folder: Path, lists: int) -> None:
        self.path = folder / "index.faiss"
        self._lists = lists
        self._index: Any = None

    def build(self, features: MappedFeatures) -> None:
        import faiss  # pyright: ignore[reportMissingImports]

        lists = min(self._lists, max(16, features.count // 1000))
        index: Any = faiss.index_factory(DIM, f"IVF{lists},PQ64", faiss.METRIC_INNER_PRODUCT)
        # It would order codes for comparing them bit by bit, which is not used, for minutes.
        index.do_polysemous_training = False
        count = min(features.count, 50 * lists)
        chosen = np.sort(np.random.default_rng(4).choice(features.count, count, replace=False))
        with told("  faiss: trained"):
            index.train(features.take(chosen).astype(np.float32))
        for start, block in features.blocks():
            index.add(block.astype(np.float32))
            if start // SHARD % 200 == 0:
                print(f"  {start:,} added", flush=True)
        faiss.write_index(index, str(self.path))

    def open(self) -> None:
        import faiss  # pyright: ignore[reportMissingImports]

        self._index = faiss.read_index(str(self.path))

    def candidates(self, query: Floats, effort: int, count: int) -> NDArray[np.int64]:
        self._index.nprobe = effort
        found = self._index.search(query[None], count)[1][0]
        return found[found >= 0]


class Usearch:
    """A graph (HNSW) with features of 8 bits, looked at where it lies on the disk."""

    efforts = ((128, 400), (512, 1000))
    """Breadth of the search, and candidates to compare exactly."""

    def __init__(self, folder: Path, _lists: int) -> None:
        self.path = folder / "index.usearch"
        self._index: Any = None

    def _new(self) -> Any:
        from usearch.index import Index  # pyright: ignore[reportMissingImports]

        return Index(ndim=DIM, metric="ip", dtype="i8", connectivity=16, expansion_add=64)

    def build(self, features: MappedFeatures) -> None:
        index = self._new()
        for start, block in features.blocks():
            index.add(np.arange(start, start + len(block)), block.astype(np.float32))
            if start // SHARD % 50 == 0:
                print(f"  {start:,} added", flush=True)
        index.save(str(self.path))

    def open(self) -> None:
        self._index = self._new()
        self._index.view(str(self.path))

    def candidates(self, query: Floats, effort: int, count: int) -> NDArray[np.int64]:
        self._index.expansion_search = effort
        return self._index.search(query, count).keys.astype(np.int64)


def measure(
    name: str,
    index: Any,
    effort: tuple[int, int],
    *,
    features: MappedFeatures,
    queries: Floats,
    exact: NDArray[np.int64],
) -> None:
    """Print recall and time of searches one by one."""
    breadth, count = effort
    seconds: list[float] = []
    recalls: list[float] = []
    for query, right in zip(queries, exact, strict=True):
        begun = time.perf_counter()
        candidates = index.candidates(query, breadth, count)
        cosines = features.take(candidates).astype(np.float32) @ query
        found = candidates[np.argsort(-cosines)[:WANTED]]
        seconds.append(time.perf_counter() - begun)
        recalls.append(len(np.intersect1d(found, right)) / WANTED)
    half = len(queries) // 2
    print(
        f"{name}: breadth {breadth}, {count} candidates: recall@{WANTED} of photos "
        f"{np.mean(recalls[:half]):.3f}, of texts {np.mean(recalls[half:]):.3f}; "
        f"{1000 * statistics.median(seconds):.0f} ms, worst {1000 * max(seconds):.0f} ms",
        flush=True,
    )


@contextmanager
def told(what: str) -> Iterator[None]:
    """Print how long it took, and the most memory of its own that the process had meanwhile."""
    over = threading.Event()
    most = [_own_bytes()]

    def watch() -> None:
        while not over.wait(0.05):
            most[0] = max(most[0], _own_bytes())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    begun, load = time.perf_counter(), os.getloadavg()[0]
    yield
    over.set()
    watcher.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{what}: {time.perf_counter() - begun:,.1f} s, memory {most[0] / 1e6:,.0f} MB "
        f"(with mapped files at most {peak / 1e6:,.0f} MB so far), load {load:.1f}",
        flush=True,
    )


def _own_bytes() -> int:
    """Without the pages of mapped files, which the system takes back when it needs them."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return 1024 * int(status.partition("RssAnon:")[2].split()[0])


if __name__ == "__main__":
    main()
