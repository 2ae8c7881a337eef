"""Files whose content is elsewhere are not opened by a scan."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.ingest import SyncReport, placeholders, reading, sync
from lmpt_desktop.ingest.placeholders import is_placeholder

sparse = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="told by the space a file takes only on Linux"
)


def run(catalogue: Catalogue, photos: Path) -> SyncReport:
    return sync(catalogue, catalogue.folders.add(photos).id)


def empty_out(path: Path) -> None:
    """Make a file what is left of one whose content was taken elsewhere: a hole of its size."""
    status = path.stat()
    os.truncate(path, 0)
    os.truncate(path, status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    if path.stat().st_blocks:
        pytest.skip("this file system keeps space for holes")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of photo files that were opened."""
    names: list[str] = []
    real = reading.open_regular

    def watched(path: Path) -> BinaryIO:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(reading, "open_regular", watched)
    return names


@pytest.mark.parametrize("mark", [0x1000, 0x40000, 0x400000])
def test_windows_marks_are_believed(mark: int) -> None:
    status: Any = SimpleNamespace(st_file_attributes=mark | stat.FILE_ATTRIBUTE_ARCHIVE)
    assert is_placeholder(status)
    status.st_file_attributes = stat.FILE_ATTRIBUTE_ARCHIVE
    assert not is_placeholder(status)


def test_the_mark_of_macos_is_believed() -> None:
    status: Any = SimpleNamespace(st_flags=0x40000000, st_size=10**6, st_blocks=0)
    assert is_placeholder(status)


@sparse
def test_a_file_system_that_does_not_count_space_has_no_placeholders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status: Any = SimpleNamespace(st_size=10**6, st_blocks=0, st_dev=1)
    for kind, expected in (("ext4", True), ("", True), ("fuse.sshfs", False), ("nfs4", False)):
        monkeypatch.setattr(placeholders, "file_system", lambda _device, kind=kind: kind)
        assert is_placeholder(status) is expected


@sparse
def test_a_small_file_may_take_no_space() -> None:
    status: Any = SimpleNamespace(st_size=200, st_blocks=0, st_dev=1)
    assert not is_placeholder(status)


@sparse
def test_the_file_system_of_a_folder_is_known(tmp_path: Path) -> None:
    assert isinstance(placeholders.file_system(tmp_path.stat().st_dev), str)
    assert placeholders.file_system(Path("/proc").stat().st_dev) == "proc"


@sparse
def test_a_new_placeholder_is_listed_without_being_opened_and_read_once_it_is_here(
    catalogue: Catalogue, photos: Path, draw, opened: list[str], tmp_path: Path
) -> None:
    online = draw("online.png")
    shutil.copy2(online, tmp_path / "kept.png")
    empty_out(online)
    draw("here.png", seed=1)
    report = run(catalogue, photos)
    assert "online.png" not in opened
    [(image_id, reason)] = report.unreadable
    assert "online only" in reason
    image = catalogue.images.details(image_id)
    assert (image.relative_path, image.fingerprint) == ("online.png", "")
    assert run(catalogue, photos).unchanged == 2
    assert "online.png" not in opened
    shutil.copy2(tmp_path / "kept.png", online)  # the same size and time
    assert run(catalogue, photos).changed == [image_id]
    assert catalogue.images.details(image_id).state is ImageState.OK


@sparse
def test_a_known_photo_moved_online_stays_unchanged(
    catalogue: Catalogue, photos: Path, draw, opened: list[str]
) -> None:
    path = draw("a.png")
    [image_id] = run(catalogue, photos).new
    before = catalogue.images.details(image_id)
    opened.clear()
    empty_out(path)
    os.utime(path, ns=(0, 10**18))
    report = run(catalogue, photos)
    assert (report.unchanged, report.changed, report.missing) == (1, [], [])
    assert catalogue.images.details(image_id) == before
    path.rename(path.with_name("elsewhere"))
    assert run(catalogue, photos).missing == [image_id]
    path.with_name("elsewhere").rename(path)
    run(catalogue, photos)
    assert opened == []


@sparse
def test_a_placeholder_where_another_photo_was_is_told_apart_once_it_is_here(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    path = draw("a.png")
    [image_id] = run(catalogue, photos).new
    catalogue.images.set_caption(image_id, "the user's own")
    path.unlink()
    assert run(catalogue, photos).missing == [image_id]
    empty_out(draw("a.png", seed=2, size=(90, 70)))
    assert [image for image, _ in run(catalogue, photos).unreadable] == [image_id]
    assert catalogue.images.details(image_id).state is ImageState.UNREADABLE
    path.unlink()
    draw("a.png", seed=2, size=(90, 70))
    report = run(catalogue, photos)
    assert len(report.new) == 1
    assert report.displaced == [image_id]
    assert catalogue.images.details(image_id).state is ImageState.MISSING
