"""``.ci/compiled_tests.py``: what it compiles is what pytest runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.assertion import rewrite

ROOT = Path(__file__).resolve().parents[2]


def _tool() -> ModuleType:
    path = ROOT / ".ci" / "compiled_tests.py"
    spec = importlib.util.spec_from_file_location("compiled_tests", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()


def test_pytest_runs_what_was_compiled(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "test_sum.py"
    source.write_text("def test_sum(one):\n    assert one + 1 == 3\n", encoding="utf-8")
    assert tool.sources(tmp_path) == [source]
    assert tool.compile_test(source)
    assert not tool.compile_test(source), "compiled twice"

    def never(*_given: object) -> None:
        pytest.fail("pytest compiled it once more")

    monkeypatch.setattr(rewrite, "_rewrite_test", never)
    hook = rewrite.AssertionRewritingHook(request.config)
    spec = importlib.util.spec_from_file_location("compiled_sum", source, loader=hook)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    hook.exec_module(module)
    with pytest.raises(AssertionError, match=r"assert \(1 \+ 1\) == 3"):
        module.test_sum(1)


def test_a_changed_test_is_compiled_again(tmp_path: Path) -> None:
    source = tmp_path / "conftest.py"
    source.write_text("assert True\n", encoding="utf-8")
    assert tool.sources(tmp_path) == [source]
    assert tool.compile_test(source)
    source.write_text("assert 1\n", encoding="utf-8")
    assert tool.compile_test(source)
