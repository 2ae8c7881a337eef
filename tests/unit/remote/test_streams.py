from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hostile_far_side import members

from trainer.remote.streams import (
    JOB_FILES,
    RESULT_FILES,
    StreamError,
    TruncatedError,
    pack,
    unpack,
)

FILES = {"a.bin": 5000, "b.json": 100}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    (made / "a.bin").write_bytes(bytes(range(250)) * 9)
    (made / "b.json").write_bytes(b"{}")
    (made / "secret").write_bytes(b"not sent")
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def packed(folder: Path) -> bytes:
    stream = io.BytesIO()
    pack(folder, FILES, stream)
    return stream.getvalue()


def test_the_named_files_arrive_and_no_other(folder: Path, out: Path) -> None:
    unpack(io.BytesIO(packed(folder)), out, FILES)
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (out / name).read_bytes() == (folder / name).read_bytes()


def test_a_job_goes_through(job_folder: Path, out: Path) -> None:
    stream = io.BytesIO()
    pack(job_folder, JOB_FILES, stream)
    unpack(io.BytesIO(stream.getvalue()), out, JOB_FILES)
    assert {path.name for path in out.iterdir()} == set(JOB_FILES)


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 1500, 2761, 2762, 3071, 3072, 3500])
def test_a_stream_that_ends_too_early_is_known(folder: Path, out: Path, length: int) -> None:
    with pytest.raises(TruncatedError):
        unpack(io.BytesIO(packed(folder)[:length]), out, FILES)


@pytest.mark.parametrize(
    "mode",
    ["outside", "absolute", "link", "hard-link", "device", "folder", "unwanted", "extended"],
)
def test_nothing_but_plain_files_of_known_names_is_taken(out: Path, mode: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member, data in members(mode):
            archive.addfile(member, io.BytesIO(data))
    stream.seek(0)
    with pytest.raises(StreamError):
        unpack(stream, out, RESULT_FILES)
    assert not list(out.iterdir())


def test_a_file_comes_once(out: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member, data in members("twice"):
            archive.addfile(member, io.BytesIO(data))
    stream.seek(0)
    with pytest.raises(StreamError, match="not wanted"):
        unpack(stream, out, RESULT_FILES)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(folder: Path, out: Path) -> None:
    with pytest.raises(StreamError, match="too large"):
        unpack(io.BytesIO(packed(folder)), out, FILES | {"a.bin": 2249})
    assert not list(out.iterdir())


def test_an_extended_header_is_not_read_whatever_its_length(out: Path) -> None:
    """tarfile itself would read the announced gigabytes into memory."""
    header = tarfile.TarInfo("a.bin")
    header.type, header.size = tarfile.XHDTYPE, 10**11

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            assert self.given < 1 << 22
            first = header.tobuf(tarfile.GNU_FORMAT) if self.given == size else b""
            return (first + b"7" * size)[:size]

    with pytest.raises(StreamError, match="something else"):
        unpack(Endless(), out, FILES)


def test_a_file_that_is_there_is_not_written_over(folder: Path, out: Path) -> None:
    (out / "a.bin").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        unpack(io.BytesIO(packed(folder)), out, FILES)
    assert (out / "a.bin").read_bytes() == b"mine"


def test_a_link_in_the_folder_that_is_sent_leads_to_a_file_only(folder: Path) -> None:
    (folder / "b.json").unlink()
    (folder / "b.json").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="not a file"):
        packed(folder)
