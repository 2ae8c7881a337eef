"""Off the window's thread nothing waits for Qt with Python's lock held."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import lmpt_desktop.ui

SUPPORT = Path(__file__).parents[3] / "support"
WINDOW = Path(lmpt_desktop.ui.__file__).parent
READING = re.compile(r"\b(fromData|loadFromData|QImageReader|QImageWriter|QMovie)\b")
"""What reads or writes pictures with Python's lock held."""


def test_work_and_destroyed_objects_do_not_wait_for_each_other(tmp_path: Path) -> None:
    script = SUPPORT / "work_while_destroying.py"
    ran = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LMPT_DESKTOP_HOME": str(tmp_path)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    kinds = [line.split() for line in ran.stdout.splitlines()]
    assert len(kinds) == 4
    assert all(int(done) > 0 for _kind, done in kinds)


def test_qt_reads_no_picture() -> None:
    found = [path.name for path in WINDOW.rglob("*.py") if READING.search(path.read_text("utf-8"))]
    assert not found
