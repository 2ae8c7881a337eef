"""Opening what may be anything: never waits, and opens files only."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from trainer.regular_file import BadNameError, NotAFileError, open_regular

pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def test_a_file_and_a_link_to_one_are_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content\r\n\x1a\n")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name in ("a", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content\r\n\x1a\n"
            assert not os.get_inheritable(file.fileno())


def test_a_folder_and_a_device_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(NotAFileError):
            open_regular(path)


@pipes
def test_a_pipe_is_refused_at_once_and_its_writer_undisturbed(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(writer, b"for another")
    with pytest.raises(NotAFileError):
        open_regular(path)
    assert os.read(reader, 99) == b"for another"
    os.close(reader)
    os.close(writer)


@pipes
def test_a_pipe_that_takes_the_place_of_a_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first look, before it is opened."""
    path, file = tmp_path / "photo", tmp_path / "file"
    file.touch()
    os.mkfifo(path)
    status = file.stat()
    monkeypatch.setattr(Path, "stat", lambda _path: status)
    closed: list[int] = []
    monkeypatch.setattr("trainer.regular_file.os.close", closed.append)
    with pytest.raises(NotAFileError):
        open_regular(path)
    monkeypatch.undo()
    assert len(closed) == 1
    os.close(closed[0])


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no such sockets")
def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket")
        with pytest.raises(NotAFileError):
            open_regular(tmp_path / "socket")


def test_what_is_not_there_and_what_cannot_be_a_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "gone")
    with pytest.raises(BadNameError):
        open_regular(tmp_path / "a\0b")
