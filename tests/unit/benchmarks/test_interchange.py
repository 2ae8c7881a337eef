"""``tests/benchmarks/interchange.py`` with few photos: everything works; no time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "interchange.py"
IMAGES = 200


def test_the_benchmark_runs_and_writes_its_figures(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, str(SCRIPT), "--images", str(IMAGES), "--formats", "coco"),
            *("--folder", str(tmp_path), "--json", str(written)),
        ],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(written.read_text(encoding="utf-8"))
    for figure in figures.values():
        assert set(figure) == {"value", "budget", "unit", "better"}
    values = {name: figure["value"] for name, figure in figures.items()}
    assert values["coco: import, annotations"] == 3 * IMAGES
    assert values["records, not listed: import, annotations"] == 80 * IMAGES
    assert values["coco: size"] > 0
    budgets = {name for name, figure in figures.items() if figure["budget"] is not None}
    assert budgets == {
        "coco: export, write and check",
        "coco: export, most memory",
        "coco: import, file to commit",
        "coco: import, most memory",
    }
    assert list(tmp_path.iterdir()) == [written], "the synthetic library was left behind"
