"""The real window outlives every override that raises, whatever is clicked meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("fail_in_overrides.py")
LEAST_RAISED = 35
"""Overrides that painting and clicking the window reaches, at least."""


def test_the_window_outlives_every_override_that_raises(photos: Path, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(photos)],
        capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "LMPT_DESKTOP_HOME": str(home)},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-2:], done.stderr[-2000:])
    assert lines[-1] == "lived on"
    raised, told = (int(line.split()[1]) for line in lines if line.startswith(("raised", "told")))
    assert raised >= LEAST_RAISED
    assert 1 <= told < raised, "the same place is told once"
    assert "active painter" not in done.stderr
    assert done.stderr.count("made to fail") == told, "the same place is logged once"
