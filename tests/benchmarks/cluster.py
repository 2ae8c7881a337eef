"""Encode a folder on a Ray cluster of two machines, of which one is lost in the middle.

    python tests/benchmarks/cluster.py [--photos 3000] [--archives]

Both are processes of this computer with one core each; the backbone is tiny and the photos are
drawn, so that what is measured is the way of the work.  Fails unless every picture has one feature.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SUPPORT = Path(__file__).resolve().parents[1] / "support"
PHOTOS = 3000
COPIES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--archives", action="store_true", help="take the photos from tar archives")
    given = parser.parse_args()
    if importlib.util.find_spec("ray") is None:
        print("ray is not installed")
        return
    sys.path.insert(0, str(SUPPORT))
    import tiny_backbone

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(SUPPORT.parents[1])
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        backbone = folder / "tiny"
        backbone.mkdir()
        tiny_backbone.write(backbone)
        source = (
            _archives(folder, given.photos) if given.archives else _photos(folder, given.photos)
        )
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        try:
            lost = cluster.add_node(num_cpus=1)
            cluster.wait_for_nodes()
            begun = time.monotonic()
            command = [
                sys.executable, "-m", "trainer", "encode-folder", str(source), "--events",
                "--out", str(folder / "out"), "--backbone", f"local-dir:{backbone}",
                "--device", "cpu", "--ray", str(cluster.address),
            ]  # fmt: skip
            events, killed = [], 0.0
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    events.append(json.loads(line))
                    if not killed and events[-1].get("encoded", 0) >= given.photos // 5:
                        cluster.remove_node(lost, allow_graceful=False)
                        killed = time.monotonic() - begun
                        print(f"a machine killed after {killed:.0f} s: {events[-1]}", flush=True)
            print(f"exit code {process.returncode} after {time.monotonic() - begun:.0f} s, "
                  f"load {os.getloadavg()[0]:.1f}: {events[-1]}")  # fmt: skip
            assert process.returncode == 0
            assert killed, "the run was over before a machine could be killed"
        finally:
            cluster.shutdown()
        _check(folder / "out", given.photos)


def _check(out: Path, photos: int) -> None:
    from trainer import feature_folder

    manifest = feature_folder.read_manifest(out)
    rows = [
        item.fingerprint
        for path in feature_folder.shard_paths(out)
        for item in feature_folder.read_header(path).photos
        if item.row >= 0
    ]
    assert manifest.complete
    assert manifest.refused == 0
    assert manifest.photos == photos + COPIES
    assert len(rows) == len(set(rows)) == manifest.encoded == photos
    print(f"{photos:,} pictures, one feature each; {manifest.copies} copies")


def _drawn(number: int) -> bytes:
    rng = np.random.default_rng(number)
    small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
    kept = io.BytesIO()
    small.resize((640, 480)).save(kept, "JPEG", quality=90)
    return kept.getvalue()


def _photos(folder: Path, count: int) -> Path:
    source = folder / "photos"
    source.mkdir()
    for number in range(count):
        (source / f"{number:06d}.jpg").write_bytes(_drawn(number))
    for number in range(COPIES):
        (source / f"copy {number}.jpg").write_bytes(_drawn(number * 7))
    return source


def _archives(folder: Path, count: int) -> str:
    for number in range(4):
        with tarfile.open(folder / f"set-{number}.tar", "w") as file:
            names = [(f"{item}.jpg", item) for item in range(number, count, 4)]
            if not number:
                names += [(f"copy {item}.jpg", item * 7) for item in range(COPIES)]
            for name, item in names:
                content = _drawn(item)
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return f"{folder}/set-{{0..3}}.tar"


if __name__ == "__main__":
    main()
