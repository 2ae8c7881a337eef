"""``tests/benchmarks/first_sight.py`` with few photos: everything works; no time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "first_sight.py"
SHOWN = {
    "window painted",
    "folder named to the first thumbnail",
    "first thumbnail to predictions of the whole screen",
    "folder named until the screen is full: longest pause",
    "scrolling: cells filled",
    "scrolling: longest pause",
}


@pytest.mark.timeout(300)
def test_the_benchmark_of_the_first_sight_runs_and_writes_its_figures(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, str(SCRIPT), "--quick", "--kinds", "both", "--rounds", "1"),
            *("--folder", str(tmp_path), "--json", str(written)),
        ],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(written.read_text(encoding="utf-8"))
    assert figures.keys() >= SHOWN
    assert all(len(figure["rounds"]) == 1 for figure in figures.values())
    assert 0 < figures["scrolling: cells filled"]["value"] <= 100
    assert list(tmp_path.iterdir()) == [written], "the photos were left behind"
