"""The window's process must stay light: no torch, and no Qt where there is no window."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "open_clip", "timm", "torchvision", "transformers")
QT = ("PySide6", "pyqtgraph")


def loaded_by(statement: str, names: tuple[str, ...]) -> list[str]:
    shown = f"json.dumps([name for name in {names!r} if name in sys.modules])"
    code = f"{statement}\nimport json, sys\nprint({shown})"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(answer.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize(
    "module",
    [
        "lmpt_desktop.app",
        "lmpt_desktop.headless",
        "trainer.events",
        "trainer.prompt_set",
        "trainer.job",
        "trainer.bands",
        "trainer.photo",
        "trainer.suggested",
    ],
)
def test_importing_it_loads_no_torch(module: str) -> None:
    assert loaded_by(f"import {module}", HEAVY) == []


@pytest.mark.parametrize("module", ["lmpt_desktop.headless", "lmpt_desktop.engine.session"])
def test_importing_it_loads_no_qt(module: str) -> None:
    assert loaded_by(f"import {module}", QT) == []
