"""Files appear completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmpt_desktop.interchange.atomic_file import atomic_write, atomic_write_bytes


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


def test_bytes_are_written_with_the_users_usual_permissions(tmp_path: Path) -> None:
    usual, target = tmp_path / "usual", tmp_path / "chart.png"
    usual.touch()
    atomic_write_bytes(target, b"\x89PNG")
    assert target.read_bytes() == b"\x89PNG"
    assert target.stat().st_mode == usual.stat().st_mode


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        atomic_write_bytes(tmp_path / "missing" / "chart.png", b"")
