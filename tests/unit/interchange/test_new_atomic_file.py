"""Files appear completely or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmpt_desktop.interchange.atomic_file import atomic_write, atomic_write_bytes, create_bytes
from trainer.temporary_files import temporary_name


def test_text_replaces_what_was_there_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "list.csv"
    target.write_text("old", encoding="utf-8")
    with atomic_write(target) as file:
        file.write("größer\n")
        assert target.read_text(encoding="utf-8") == "old"
    assert target.read_bytes() == "größer\n".encode()
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "list.csv"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(ValueError, match="stop"), atomic_write(target) as file:
        file.write("new")
        raise ValueError("stop")
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["a.jpg", "a.JPG", "a.jpg.xmp"])
def test_no_text_takes_the_place_of_a_photo_or_its_side_file(tmp_path: Path, name: str) -> None:
    photo = tmp_path / name
    photo.write_bytes(b"picture")
    with pytest.raises(PermissionError, match="never replaced"), atomic_write(photo):
        pass
    assert photo.read_bytes() == b"picture"
    assert list(tmp_path.iterdir()) == [photo]


def test_bytes_are_written_with_the_users_usual_permissions(tmp_path: Path) -> None:
    usual, target = tmp_path / "usual", tmp_path / "chart.png"
    usual.touch()
    atomic_write_bytes(target, b"\x89PNG")
    assert target.read_bytes() == b"\x89PNG"
    assert target.stat().st_mode == usual.stat().st_mode


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        atomic_write_bytes(tmp_path / "missing" / "chart.png", b"")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_created_only_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:

        def refused(*_arguments: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "new.xmp"
    create_bytes(path, b"one")
    assert path.read_bytes() == b"one"
    with pytest.raises(FileExistsError):
        create_bytes(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_last_look_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "old.xmp"
    path.write_bytes(b"one")

    def changed() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        atomic_write_bytes(path, b"two", last_look=changed)
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_umask_of_other_threads_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(_mask: int) -> int:
        raise AssertionError

    monkeypatch.setattr(os, "umask", touched)
    atomic_write_bytes(tmp_path / "a", b"")
    create_bytes(tmp_path / "b", b"")
    with atomic_write(tmp_path / "c"):
        pass


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 120 + ".xmp")
    create_bytes(path, b"one")
    atomic_write_bytes(path, b"two")
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_sweeps_what_a_killed_one_left_in_the_folder(tmp_path: Path) -> None:
    name = temporary_name(tmp_path / "tags.csv").name
    left = tmp_path / name.replace(f"-{os.getpid()}-", "-4194999-")
    left.write_text("half")
    at_work = tmp_path / name
    at_work.write_text("half")
    own = tmp_path / ".tags.csv.lmpt-part"
    own.write_text("the user's")
    with atomic_write(tmp_path / "tags.csv") as file:
        file.write("all")
    assert not left.exists()
    assert at_work.exists()
    assert own.exists()
