"""Stacks of processes that crash, and what is known of them afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer import crash_files

PROGRAM = """
import os, signal, sys
from trainer import crash_files
crash_files.watch_as_told("test")
{act}
"""


def run(folder: Path, act: str) -> int:
    """A process that watches and then does ``act``; its exit code."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(act=act)],
        env=os.environ | {crash_files.FOLDER_VARIABLE: str(folder)},
        check=False,
    ).returncode


@pytest.mark.skipif(os.name == "nt", reason="the signal is POSIX's")
def test_a_crash_leaves_stacks_and_is_told_once(tmp_path: Path) -> None:
    assert run(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)") != 0
    found = crash_files.new(tmp_path)
    assert len(found) == 1
    assert "Segmentation fault" in found[0].read_text(encoding="utf-8")
    assert found[0].stat().st_mode & 0o077 == 0
    assert crash_files.mark_seen(tmp_path) == found
    assert crash_files.new(tmp_path) == crash_files.mark_seen(tmp_path) == []
    assert len(crash_files.seen(tmp_path)) == 1


def test_an_orderly_end_leaves_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "crash_files.end()") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_kill_is_no_crash(tmp_path: Path) -> None:
    run(tmp_path, "os._exit(3)")
    assert len(list(tmp_path.iterdir())) == 1
    assert crash_files.new(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_running_process_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / f"crash-window-{os.getpid()}.txt").write_text("half")
    (tmp_path / "crash-x-y.txt").write_text("odd name")
    assert [path.name for path in crash_files.new(tmp_path)] == ["crash-x-y.txt"]


def test_only_a_few_old_ones_are_kept(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"crash-x-{10_000_000 + number}.txt").write_text("stack")
    crash_files.mark_seen(tmp_path)
    assert len(crash_files.seen(tmp_path)) == crash_files.MAX_SEEN


def test_no_folder_is_no_obstacle(tmp_path: Path) -> None:
    crash_files.watch(tmp_path / "none", "x")
    assert run(tmp_path / "none", "crash_files.end()") == 0
