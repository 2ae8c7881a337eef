"""A few kills of ``tests/benchmarks/kill.py``, one of each kind and of the window."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "kill.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked")
def test_nothing_acknowledged_is_lost_when_the_app_is_killed() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "11", "--window", "1", "--seed", "3"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    total = re.search(r"^all +(\d+) +(\d+) +(\d+) +(\d+)$", done.stdout, re.MULTILINE)
    assert total is not None, done.stdout
    kills, _in_the_act, acknowledged, lost = map(int, total.groups())
    assert kills == 11 and acknowledged > kills and lost == 0
