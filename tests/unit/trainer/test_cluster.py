"""Blocks are handed out to workers, those of a lost one again; every picture is encoded once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_photos import draw

from trainer import cluster, cluster_worker, encode_folder, feature_folder, ray_cluster
from trainer.backbone import Backbone, load_backbone
from trainer.cluster import ClusterError, LostWorkerError, Machine, WorkerFailedError
from trainer.cluster_worker import ClusterWorker, WorkerJob, short_digests
from trainer.download import BackboneError
from trainer.feature_folder import CHANGED, FeatureFolderError, file_digest
from trainer.folder_encoding import FolderJob
from trainer.ranks import ONE_PROCESS


class PlayedCluster:
    """Workers in this process, whose answers come one by one; ``losing`` says whose are lost."""

    def __init__(self, losing: Callable[[str, str], bool] = lambda machine, method: False) -> None:
        self.there = {"a": Machine(2, 0), "b": Machine(1, 0)}
        self.calls: list[tuple[str, str, list[str]]] = []
        self._losing = losing
        self._lost: set[int] = set()
        self._answers: dict[int, Any] = {}
        self._machines: dict[int, str] = {}

    def machines(self) -> dict[str, Machine]:
        return dict(self.there)

    def share(self, value: Any) -> Any:
        return value

    def start(self, kind: type, machine: str, given: Sequence[Any], **_more: Any) -> Any:
        try:
            worker = kind(*given)
        except Exception as error:
            worker = error
        self._machines[id(worker)] = machine
        return worker

    def call(self, worker: Any, method: str, *given: Any) -> Any:
        machine = self._machines[id(worker)]
        names = [getattr(item, "path", item) for item in given[0]] if given else []
        self.calls.append((machine, method, names))
        answer: Any
        if id(worker) in self._lost or self._losing(machine, method):
            self._lost.add(id(worker))
            self.there.pop(machine, None)
            answer = LostWorkerError("the machine is gone")
        elif isinstance(worker, Exception):
            answer = WorkerFailedError(worker)
        else:
            answer = getattr(worker, method)(*given)
        self._answers[len(self.calls)] = answer
        return len(self.calls)

    def wait(self, references: Sequence[Any], seconds: float) -> list[Any]:
        return list(references)[:1]

    def answer(self, reference: Any) -> Any:
        answer = self._answers[reference]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self, worker: Any) -> None:
        self._lost.add(id(worker))

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def loaded(tiny_folder: Path) -> Backbone:
    return load_backbone(f"local-dir:{tiny_folder}", "cpu", fast_images=True)


@pytest.fixture(autouse=True)
def small_blocks(loaded: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_worker, "load_backbone", lambda *_, **__: loaded)
    monkeypatch.setattr(cluster, "BLOCK_PHOTOS", 2)
    monkeypatch.setattr(cluster, "_HIRE_SECONDS", 0.0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = draw(folder, 9)
    shutil.copy(paths[0], folder / "zz copy.jpg")
    (folder / "bad.jpg").write_bytes(b"no photo")
    return folder


def run(
    source: Path, out: Path, played: PlayedCluster, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, int, int, int]:
    monkeypatch.setattr(ray_cluster, "RayCluster", lambda address: played)
    done = encode_folder.encode_folder(
        FolderJob(source, out, threads=1, ray="local"), ONE_PROCESS, lambda _: None
    )
    rows = [
        item.fingerprint
        for path in feature_folder.shard_paths(out)
        for item in feature_folder.read_header(path).photos
        if item.row >= 0
    ]
    assert len(rows) == len(set(rows)) == done.encoded
    return done.photos, done.encoded, done.copies, done.refused


def test_all_workers_share_the_photos(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = PlayedCluster()
    assert run(photos, tmp_path / "out", played, monkeypatch) == (11, 9, 1, 1)
    assert {machine for machine, method, _names in played.calls if method == "encode"} == {"a", "b"}
    again = PlayedCluster()
    assert run(photos, tmp_path / "out", again, monkeypatch) == (11, 9, 1, 1)
    assert not [method for _machine, method, _names in again.calls if method == "encode"]


@pytest.mark.parametrize("method", ["look", "encode"])
@pytest.mark.parametrize("after", [1, 2])
def test_what_a_lost_worker_had_is_handed_out_again(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, method: str, after: int
) -> None:
    calls = 0

    def losing(machine: str, called: str) -> bool:
        nonlocal calls
        calls += (machine, called) == ("b", method)
        return calls >= after and machine == "b"

    played = PlayedCluster(losing)
    assert run(photos, tmp_path / "out", played, monkeypatch) == (11, 9, 1, 1)
    assert "b" not in played.there
    lost = [names for machine, called, names in played.calls if (machine, called) == ("b", method)]
    taken = [names for machine, called, names in played.calls if (machine, called) == ("a", method)]
    assert lost[after - 1] in taken


def test_photos_with_which_workers_always_end_are_named(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = PlayedCluster(lambda machine, method: method == "encode")
    plain = played.machines
    names = iter(range(100))
    monkeypatch.setattr(
        played, "machines", lambda: plain() or {f"next {next(names)}": Machine(1, 0)}
    )
    with pytest.raises(ClusterError, match=r"ended 4 times at the photos from .*\.jpg"):
        run(photos, tmp_path / "out", played, monkeypatch)


def test_machines_that_cannot_encode_are_left_out(
    tmp_path: Path, photos: Path, loaded: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = 1

    def load(*_: Any, **__: Any) -> Backbone:
        nonlocal working
        working -= 1
        if working < 0:
            raise BackboneError("missing", "There is no such backbone.")
        return loaded

    monkeypatch.setattr(cluster_worker, "load_backbone", load)
    assert run(photos, tmp_path / "out", PlayedCluster(), monkeypatch)[1] == 9
    with pytest.raises(ClusterError, match="can encode: There is no such backbone"):
        run(photos, tmp_path / "other", PlayedCluster(), monkeypatch)
    other = replace(loaded, name="another")
    monkeypatch.setattr(cluster_worker, "load_backbone", lambda *_, **__: other)
    with pytest.raises(FeatureFolderError, match="by the backbone"):
        run(photos, tmp_path / "out", PlayedCluster(), monkeypatch)


def test_a_worker_looks_again_at_what_another_one_had(photos: Path, loaded: Backbone) -> None:
    job = WorkerJob(str(photos), "tiny", "cpu", 1, 0)
    worker = ClusterWorker(job, short_digests(set()), 1)
    names = [f"photo {number}.jpg" for number in range(3)]
    records = [seen.record for seen in worker.look(names)]
    assert all(records)
    (photos / names[0]).unlink()
    shutil.copy(photos / "photo 5.jpg", photos / names[1])
    found, encoded = worker.encode([item for item in records if item], True)
    reasons = {item.path: item.reason for item in found}
    assert len(encoded.features) == 1
    assert reasons[names[2]] == ""
    assert reasons[names[1]] == CHANGED
    assert reasons[names[0]]


def test_known_files_are_known_by_their_short_digests(photos: Path) -> None:
    status = (photos / "photo 0.jpg").stat()
    digest = file_digest("photo 0.jpg", status.st_size, status.st_mtime_ns)
    known = short_digests({digest, bytes(16), b"\xff" * 16})
    assert known.dtype == np.uint64
    worker = ClusterWorker(WorkerJob(str(photos), "tiny", "cpu", 1, 0), known, 1)
    seen = worker.look(["photo 0.jpg", "photo 1.jpg"])
    assert [item.record is None for item in seen] == [True, False]


def test_without_ray_the_extra_is_named(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    job = FolderJob(photos, tmp_path / "out", ray="10.0.0.1:6379")
    with pytest.raises(ClusterError, match=r"extra “cluster”.*lmpt-desktop\[cluster\]"):
        encode_folder.encode_folder(job, ONE_PROCESS, lambda _: None)
