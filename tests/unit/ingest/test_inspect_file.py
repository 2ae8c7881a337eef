"""What a scan learns of a file, whatever the file is and does meanwhile."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xxhash
from photo_containers import containers, png_chunk
from PIL import Image

from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.ingest import fingerprint, inspect_file, reading
from lmpt_desktop.ingest.sampled_fingerprint import sampled_fingerprint
from lmpt_desktop.ingest.scan import FoundFile
from trainer import identity
from trainer.identity import NO_CONTENT, read_identity
from trainer.photo import NO_MEMORY
from trainer.picture_hash import picture_data

pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
YEAR_2300 = 10_413_792_000


def found_at(path: Path) -> FoundFile:
    status = path.stat()
    return FoundFile(path.name, status.st_size, status.st_mtime_ns, 0)


def inspected(path: Path, **options: Any) -> ScannedFile:
    file = inspect_file(path.parent, found_at(path), **options)
    assert file is not None
    return file


# -------------------------------------------------------------------------------- identity


def test_a_photo_has_three_names(draw) -> None:
    path = draw("a.jpg")
    content = path.read_bytes()
    file = inspected(path)
    picture = picture_data(io.BytesIO(content), len(content))
    assert file.file_hash == xxhash.xxh3_128_hexdigest(content)
    assert picture and file.picture_hash == picture.picture_hash
    assert file.fingerprint == fingerprint(path)
    assert len({file.file_hash, file.picture_hash, file.fingerprint}) == 3
    assert (file.width, file.height, file.reason) == (64, 48, "")
    assert file.sample == ""
    assert inspected(path, sample=True).sample == sampled_fingerprint(
        io.BytesIO(content), len(content)
    )


def test_metadata_in_the_file_changes_the_file_only(draw) -> None:
    path = draw("a.jpg")
    before = inspected(path)
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xfe\0\7hello" + content[2:])
    after = inspected(path)
    assert after.file_hash != before.file_hash
    assert (after.picture_hash, after.fingerprint) == (before.picture_hash, before.fingerprint)


@pytest.mark.parametrize("content", [b"not a photo", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"])
def test_where_there_is_no_picture_to_find_the_file_is_the_picture(
    photos: Path, content: bytes
) -> None:
    path = photos / "a.jpg"
    path.write_bytes(content)
    file = inspected(path)
    assert file.file_hash == file.picture_hash == file.fingerprint != ""
    assert file.reason


def test_a_picture_that_cannot_be_shown_is_known_too(photos: Path) -> None:
    path = photos / "a.tif"
    content = containers()["big endian.tif"]
    path.write_bytes(content)
    file = inspected(path)
    picture = picture_data(io.BytesIO(content), len(content))
    assert file.reason
    assert picture and file.picture_hash == picture.picture_hash
    assert len({file.file_hash, file.picture_hash, file.fingerprint}) == 3


def test_a_photo_whose_end_is_missing_is_marked(draw) -> None:
    path = draw("a.jpg")
    assert not inspected(path).damaged
    path.write_bytes(path.read_bytes()[:-2])
    file = inspected(path)
    assert file.damaged
    assert (file.width, file.reason) == (64, "")


def test_an_empty_file_has_no_names(photos: Path) -> None:
    path = photos / "a.jpg"
    path.touch()
    file = inspected(path, sample=True)
    names = (file.file_hash, file.picture_hash, file.fingerprint, file.sample)
    assert names == ("", "", "", "")
    assert file.reason == "The file is empty."
    assert read_identity(io.BytesIO(), 0) == NO_CONTENT


def test_large_files_are_streamed_to_the_same_result(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in containers().items():
        (photos / name).write_bytes(content)
    whole = [inspected(path, sample=True) for path in sorted(photos.iterdir())]
    monkeypatch.setattr(identity, "IN_MEMORY_BYTES", 0)
    assert [inspected(path, sample=True) for path in sorted(photos.iterdir())] == whole


def test_a_photo_is_opened_and_read_once(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    path = draw("a.jpg", size=(640, 480))
    (path.parent / "a.txt").write_text("a dog on a beach")
    read = 0

    class Counted(io.BufferedReader):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            data = super().read(size)
            read += len(data)
            return data

    monkeypatch.setattr(reading, "open_regular", lambda path: Counted(io.FileIO(path)))
    file = inspected(path, sample=True)
    assert (file.caption, file.width) == ("a dog on a beach", 640)
    assert read == file.size


# --------------------------------------------------------------------- whatever happens


@pipes
def test_a_pipe_in_the_place_of_a_photo_or_its_text_is_not_waited_for(draw, photos: Path) -> None:
    path = draw("a.jpg")
    os.mkfifo(photos / "a.txt")
    file = inspected(path)
    assert (file.caption, file.reason, file.width) == ("", "", 64)
    found = found_at(path)
    path.unlink()
    os.mkfifo(path)
    file = inspect_file(photos, found)
    assert file is not None
    assert file.reason == "This is not a file."
    assert (file.size, file.file_hash, file.fingerprint) == (found.size, "", "")


def test_a_file_that_is_gone_is_none(draw, photos: Path) -> None:
    path = draw("a.jpg")
    found = found_at(path)
    path.unlink()
    assert inspect_file(photos, found) is None
    path.symlink_to(photos / "nowhere.jpg")
    assert inspect_file(photos, found) is None


def test_a_name_that_cannot_be_one_is_a_reason(photos: Path) -> None:
    file = inspect_file(photos, FoundFile("a\0b.jpg", 1, 1, 0))
    assert file is not None
    assert file.reason == "The file's name cannot be used."


@pytest.mark.parametrize("seconds", [YEAR_2300, -YEAR_2300, 2**33])
def test_a_time_that_does_not_fit_is_the_nearest_that_does(draw, seconds: int) -> None:
    path = draw("a.jpg")
    found = FoundFile("a.jpg", path.stat().st_size, seconds * 10**9, seconds * 10**9)
    file = inspect_file(path.parent, found)
    assert file is not None
    for time in (file.mtime_ns, file.sidecar_mtime_ns):
        assert time == max(-(2**63), min(2**63 - 1, seconds * 10**9))


def test_a_photo_of_the_year_2300_is_read(draw) -> None:
    path = draw("a.jpg")
    try:
        os.utime(path, (YEAR_2300, YEAR_2300))
    except (OSError, OverflowError):
        pytest.skip("this file system does not know the year 2300")
    if path.stat().st_mtime_ns != YEAR_2300 * 10**9:
        pytest.skip("this file system does not know the year 2300")
    assert inspected(path).mtime_ns == 2**63 - 1


def test_a_disk_that_fails_and_too_little_memory_are_reasons(
    draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.jpg")

    def failing(error: BaseException) -> Callable[..., object]:
        def fail(*_args: object) -> object:
            raise error

        return fail

    for error, reason in ((OSError(5, "EIO"), "disk"), (MemoryError(), NO_MEMORY)):
        monkeypatch.setattr(reading, "in_memory", failing(error))
        assert reason in inspected(path).reason


def changing(path: Path, times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let another program append to a file each time it is read, at most ``times``."""
    reads: list[int] = []
    real = reading.read_identity

    def read(*args: Any) -> Any:
        found = real(*args)
        reads.append(path.stat().st_size)
        if len(reads) <= times:
            with path.open("ab") as file:
                file.write(b"more")
        return found

    monkeypatch.setattr(reading, "read_identity", read)
    return reads


def test_a_file_that_changes_while_it_is_read_is_read_again(
    draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.jpg")
    reads = changing(path, 1, monkeypatch)
    file = inspected(path)
    assert len(reads) == 2
    assert file.file_hash == xxhash.xxh3_128_hexdigest(path.read_bytes())


def test_a_file_that_does_not_stop_changing_is_seen_by_the_next_scan(
    draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.jpg")
    reads = changing(path, 99, monkeypatch)
    file = inspected(path)
    assert len(reads) == 2
    assert file.size != path.stat().st_size


def test_a_gamma_changes_how_a_png_is_shown_and_not_which_picture_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8), (128, 64, 32)).save(path)
    before, data = inspected(path), path.read_bytes()
    path.write_bytes(data[:33] + png_chunk(b"gAMA", (100_000).to_bytes(4, "big")) + data[33:])
    after = inspected(path)
    assert after.picture_hash == before.picture_hash
    assert after.fingerprint != before.fingerprint
