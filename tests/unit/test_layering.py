"""What may import what: no circles, no torch in the window's process, no Qt without a window.

The floors themselves are contracts of import-linter in ``pyproject.toml`` (``make layers``).
"""

from __future__ import annotations

import graphlib
import json
import subprocess
import sys

import grimp
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
        "lmpt_desktop.headless.tag",
        "lmpt_desktop.headless.verify",
        "lmpt_desktop.headless.export_annotations",
        "trainer.events",
        "trainer.prompt_set",
        "trainer.job",
        "trainer.bands",
        "trainer.photo",
        "trainer.decode_worker",
        "trainer.suggested",
    ],
)
def test_importing_it_loads_no_torch(module: str) -> None:
    assert loaded_by(f"import {module}", HEAVY) == []


@pytest.mark.parametrize(
    "module",
    [
        "lmpt_desktop.headless.tag",
        "lmpt_desktop.headless.verify",
        "lmpt_desktop.headless.export_annotations",
        "lmpt_desktop.engine.session",
        "trainer.decode_worker",
    ],
)
def test_importing_it_loads_no_qt(module: str) -> None:
    assert loaded_by(f"import {module}", QT) == []


def test_no_module_imports_itself_through_others() -> None:
    graph = grimp.build_graph("lmpt_desktop", "trainer", exclude_type_checking_imports=False)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert len(imports) > 300
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail("a circle of imports: " + " -> ".join(reversed(error.args[1])))


def test_every_module_is_imported_by_another() -> None:
    graph = grimp.build_graph("lmpt_desktop", "trainer")
    unused = {
        name
        for name in graph.modules
        if not graph.find_modules_that_directly_import(name) and not graph.find_children(name)
    }
    # Python, Alembic and installers start these.
    started = {name for name in unused if name.endswith(".__main__") or ".migrations." in name}
    started.add("trainer.program")
    assert unused - started == set()
