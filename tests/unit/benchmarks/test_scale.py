"""``tests/benchmarks/scale.py`` with few images: everything works; no time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCALE = Path(__file__).parents[2] / "benchmarks" / "scale.py"

OF_A_LIBRARY = {
    "catalogue": "scan, all unchanged",
    "start": "warm start to the painted grid",
    "stalls": "scanning, encoding and scrolling",
}
"""Parts, and how the name of a figure of each begins.  One run makes one library for all."""
OTHERS = {
    "search": "search 2,000 x 512",
    "grid": "grid of 5,000",
    "viewers": "100 photos",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("parts", [OF_A_LIBRARY, OTHERS], ids=["of a library", "others"])
def test_every_part_of_the_scale_benchmark_runs_and_writes_its_figures(
    parts: dict[str, str], tmp_path: Path
) -> None:
    written = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, str(SCALE), "--quick", "--parts", *parts),
            *("--folder", str(tmp_path), "--json", str(written)),
        ],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(written.read_text(encoding="utf-8"))
    for figure in figures.values():
        assert set(figure) == {"value", "budget", "unit", "better"}
        assert figure["better"] in ("lower", "higher")
    for part, beginning in parts.items():
        assert any(name.startswith(beginning) for name in figures), part
    if "start" in parts:
        assert figures["heavy modules in the window"]["value"] == 0
        assert figures["processes besides window and decoders"]["value"] == 0, "a model was loaded"
    assert list(tmp_path.iterdir()) == [written], "the synthetic library was left behind"
