"""``tests/benchmarks/scale.py`` at 2,000 images: everything works; no time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCALE = Path(__file__).parents[2] / "benchmarks" / "scale.py"


@pytest.mark.timeout(900)
def test_every_part_of_the_scale_benchmark_runs_and_writes_its_figures(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, str(SCALE), "--quick", "--no-encode"),
            *("--folder", str(tmp_path), "--json", str(written)),
        ],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(written.read_text(encoding="utf-8"))
    for figure in figures.values():
        assert set(figure) == {"value", "budget", "unit", "better"}
        assert figure["better"] in ("lower", "higher")
    assert figures["heavy modules in the window"]["value"] == 0
    assert figures["processes besides the window"]["value"] == 0, "a model was loaded at the start"
    for part in ("scan, all unchanged", "warm start to the painted grid"):
        assert part in figures
    for part in (
        "scanning, encoding and scrolling",
        "grid of 5,000",
        "100 photos",
        "search 2,000 x 512",
    ):
        assert any(name.startswith(part) for name in figures), part
    assert list(tmp_path.iterdir()) == [written], "the synthetic library was left behind"
