"""Walking folders."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from lmpt_desktop.domain.records import KnownFile
from lmpt_desktop.ingest import scan
from lmpt_desktop.ingest.scan import ScanBatch

RUNS_AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def known_file(
    image_id: int, size: int, mtime_ns: int, sidecar_mtime_ns: int = 0, **values: Any
) -> KnownFile:
    return KnownFile(
        image_id,
        size,
        mtime_ns,
        sidecar_mtime_ns,
        **{"fingerprint": "f", "taken": None, "missing": False, **values},
    )


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def all_of(folder: Path, known: dict[str, KnownFile] | None = None) -> ScanBatch:
    """Every batch in one."""
    whole = ScanBatch()
    for batch in scan(folder, known or {}):
        for name in ("new", "changed", "unchanged", "returned", "problems"):
            getattr(whole, name).extend(getattr(batch, name))
    return whole


def new_paths(folder: Path) -> list[str]:
    return [file.path for file in all_of(folder).new]


def test_photos_are_found_by_suffix_in_any_case_and_in_order(photos: Path) -> None:
    for name in ("b.JPG", "a.heic", "notes.txt", "z/deep/c.png", "z/d.webp", "jpg", "e.mov"):
        touch(photos / name)
    assert new_paths(photos) == ["a.heic", "b.JPG", "z/d.webp", "z/deep/c.png"]


def test_hidden_files_and_folders_are_left_out(photos: Path) -> None:
    for name in (".a.jpg", ".thumbnails/b.jpg", "c.jpg"):
        touch(photos / name)
    assert new_paths(photos) == ["c.jpg"]


def test_a_hidden_folder_that_was_chosen_is_scanned(tmp_path: Path) -> None:
    touch(tmp_path / ".secret" / "a.jpg")
    assert new_paths(tmp_path / ".secret") == ["a.jpg"]


def test_links_are_followed_once_and_loops_end(photos: Path, tmp_path: Path) -> None:
    touch(photos / "b" / "1.jpg")
    touch(tmp_path / "outside" / "2.jpg")
    (photos / "b" / "loop").symlink_to(photos)
    (photos / "a link to b").symlink_to(photos / "b")
    (photos / "c").symlink_to(tmp_path / "outside")
    (photos / "d.jpg").symlink_to(photos / "b" / "1.jpg")
    (photos / "nowhere.jpg").symlink_to(photos / "gone")
    (photos / "self.jpg").symlink_to(photos / "self.jpg")
    assert new_paths(photos) == ["d.jpg", "b/1.jpg", "c/2.jpg"]


def test_links_that_lead_nowhere_are_named_with_a_reason(photos: Path) -> None:
    touch(photos / "a.jpg")
    (photos / "nowhere.jpg").symlink_to(photos / "gone")
    (photos / "self.jpg").symlink_to(photos / "self.jpg")
    (photos / "notes").symlink_to(photos / "gone")
    problems = [item for batch in scan(photos, {}) for item in batch.problems]
    assert [(item.path, "link" in item.reason) for item in problems] == [
        ("nowhere.jpg", True), ("self.jpg", True),
    ]  # fmt: skip


def test_names_that_are_no_text_are_found(photos: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    try:
        touch(photos / name)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert new_paths(photos) == [name]


def test_pipes_are_not_photos(photos: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(photos / "pipe.jpg")
    (photos / "folder.jpg").mkdir()
    touch(photos / "folder.jpg" / "a.jpg")
    assert new_paths(photos) == ["folder.jpg/a.jpg"]


def test_a_change_is_recognised_by_size_or_time(photos: Path) -> None:
    known = {}
    for number, name in enumerate(("same", "longer", "later", "back", "never read"), start=1):
        status = touch(photos / f"{name}.jpg").stat()
        known[f"{name}.jpg"] = known_file(
            number,
            status.st_size + (name == "longer"),
            status.st_mtime_ns - (name == "later"),
            missing=name == "back",
            fingerprint="" if name == "never read" else "f",
        )
    found = all_of(photos, known)
    assert found.unchanged == [1]
    assert found.returned == [4]
    assert [file.path for file in found.changed] == ["later.jpg", "longer.jpg", "never read.jpg"]
    assert found.new == []


def test_a_new_sidecar_is_a_change(photos: Path) -> None:
    status = touch(photos / "a.jpg").stat()
    known = {"a.jpg": known_file(1, status.st_size, status.st_mtime_ns)}
    assert all_of(photos, known).unchanged == [1]
    beside = touch(photos / "a.txt", b"a cat").stat()
    (found,) = all_of(photos, known).changed
    assert found.sidecar_mtime_ns == beside.st_mtime_ns


@pytest.mark.skipif(RUNS_AS_ROOT, reason="root may open every folder")
def test_a_folder_that_may_not_be_opened_is_reported_and_the_rest_goes_on(photos: Path) -> None:
    touch(photos / "a" / "1.jpg")
    touch(photos / "b" / "2.jpg")
    (photos / "a").chmod(0)
    try:
        found = all_of(photos)
    finally:
        (photos / "a").chmod(0o755)
    assert [file.path for file in found.new] == ["b/2.jpg"]
    assert [(item.path, "permission" in item.reason) for item in found.problems] == [("a", True)]


def test_a_folder_that_cannot_be_listed_is_reported_and_the_rest_goes_on(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(photos / "a" / "1.jpg")
    touch(photos / "b" / "2.jpg")
    scandir = os.scandir

    def failing(path):
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    found = all_of(photos)
    assert [file.path for file in found.new] == ["b/2.jpg"]
    assert [(item.path, "permission" in item.reason) for item in found.problems] == [("a", True)]


def test_a_folder_that_is_not_there_is_a_problem(photos: Path) -> None:
    (problem,) = all_of(photos / "gone").problems
    assert problem.path == ""
    assert "not found" in problem.reason


def test_a_folder_that_vanishes_during_the_scan_ends_it_quietly(photos: Path) -> None:
    for folder in "abc":
        for number in range(600):
            touch(photos / folder / f"{number}.jpg")
    batches = scan(photos, {})
    first = next(batches)
    shutil.rmtree(photos)
    rest = list(batches)
    assert len(first) == 1000
    assert sum(len(batch) for batch in rest) <= 200
    assert not any(batch.problems for batch in rest)


def test_a_scan_can_be_stopped(photos: Path) -> None:
    for folder in range(20):
        touch(photos / str(folder) / "a.jpg")
    asked = iter([False] * 5 + [True] * 100)
    seen: list[int] = []
    found = list(scan(photos, {}, seen.append, lambda: next(asked)))
    assert sum(len(batch) for batch in found) < 20
