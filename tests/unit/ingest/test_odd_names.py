"""Files whose names do not say what is in them: the first bytes decide, and no more is read."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from lmpt_desktop.ingest import odd_names
from lmpt_desktop.ingest.scan import FoundFile, scan
from trainer.file_formats import HEAD_BYTES


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 48), 40).save(buffer, "JPEG")
    return buffer.getvalue()


def found(folder: Path) -> list[FoundFile]:
    return [file for batch in scan(folder, {}) for file in batch.new]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were opened; a file's first bytes at most are read."""
    names: list[str] = []
    real = odd_names.open_regular

    class Head(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size == HEAD_BYTES
            return super().read(size)

    def opening(path: Path) -> Head:
        names.append(path.name)
        with real(path) as file:
            return Head(file.read(1000))

    monkeypatch.setattr(odd_names, "open_regular", opening)
    return names


def test_the_first_bytes_decide_where_the_name_does_not(photos: Path, opened: list[str]) -> None:
    names = ("photo", "a.jpg_large", "b.jpg!d", "IMG.NEF~", "c.jpg", "d.mov", "e.txt", "f.db")
    for name in names:
        (photos / name).write_bytes(jpeg())
    (photos / "readme").write_bytes(b"Not a photo at all. " * 20)
    (photos / "lock").write_bytes(b"")
    assert sorted(file.path for file in found(photos)) == sorted(
        ["photo", "a.jpg_large", "b.jpg!d", "IMG.NEF~", "c.jpg"]
    )
    assert sorted(opened) == sorted(["photo", "a.jpg_large", "b.jpg!d", "IMG.NEF~", "readme"])


def test_what_was_read_is_remembered_until_it_changes(photos: Path, opened: list[str]) -> None:
    path = photos / "photo"
    path.write_bytes(b"Not a photo at all. " * 200)
    assert [file.path for file in found(photos) + found(photos)] == []
    assert opened == ["photo"]
    path.write_bytes(jpeg())
    assert [file.path for file in found(photos)] == ["photo"]


def test_pipes_and_placeholders_are_not_opened(
    photos: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(photos / "pipe")
    (photos / "online").write_bytes(jpeg())
    monkeypatch.setattr(odd_names, "is_placeholder", lambda status: True)
    assert found(photos) == [] and opened == []


def test_a_file_that_cannot_be_read_is_no_photo(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "photo").write_bytes(jpeg())

    def refused(path: Path) -> io.BytesIO:
        raise PermissionError(str(path))

    monkeypatch.setattr(odd_names, "open_regular", refused)
    batches = list(scan(photos, {}))
    assert not any(batch.new or batch.problems for batch in batches)
