"""``tests/benchmarks/compare.py``: revisions, turns and ratios; no time is asserted."""

from __future__ import annotations

import importlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("compare")


def git(repository: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(repository), *who, *arguments], check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "--quiet")
    (made / "file").write_text("before")
    git(made, "add", "file")
    git(made, "commit", "--quiet", "-m", "before")
    (made / "file").write_text("now, not committed")
    return made


def test_a_revision_is_checked_out_beside_and_gone_afterwards(
    compare: Any, repository: Path
) -> None:
    with compare.checkout("HEAD", repository) as (tree, commit):
        assert (tree / "file").read_text() == "before"
        assert len(commit) >= 7
    assert not tree.parent.exists()
    assert not list((repository / ".git" / "worktrees").glob("*"))
    assert (repository / "file").read_text() == "now, not committed"


def test_it_is_gone_also_where_measuring_fails(compare: Any, repository: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="stopped"),
        compare.checkout("HEAD", repository) as (tree, _),
    ):
        raise RuntimeError("stopped")
    assert not tree.parent.exists()


@pytest.mark.parametrize("rev", ["no-such", "--output=x"])
def test_an_unknown_revision_is_named(compare: Any, repository: Path, rev: str) -> None:
    with pytest.raises(SystemExit, match="no revision"), compare.checkout(rev, repository):
        pass


def test_sides_take_turns_with_their_own_scripts(
    compare: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for tree, names in ((ours, ("both.py", "new.py")), (theirs, ("both.py",))):
        folder = tree / "tests" / "benchmarks" / "parts"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text(
                "import json, os, sys\n"
                f"value = {1.0 if tree == ours else 2.0}\n"
                "assert not os.listdir(sys.argv[1])\n"
                f'print(json.dumps([["{name}", value, "CPU s", None, "lower"]]))\n'
            )
    monkeypatch.setattr(compare, "OURS", ours)
    monkeypatch.setattr(compare, "PARTS", ours / "tests" / "benchmarks" / "parts")
    parts = {
        name: compare.Part(name, ("{folder}",), ("{folder}",)) for name in ("both.py", "new.py")
    }
    monkeypatch.setattr(compare, "COMPARED", parts)
    pairs = compare.measure(theirs, list(parts), 2, quick=True)
    assert pairs["both.py"].theirs == [2.0, 2.0]
    assert pairs["both.py"].ratio == 0.5
    assert pairs["new.py"].ratio == 1.0, "measured by the script of this tree"


def test_what_fails_on_one_side_is_said_and_left_out(
    compare: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr(compare, "PARTS", tmp_path)
    monkeypatch.setattr(compare, "OURS", tmp_path)
    monkeypatch.setattr(compare, "COMPARED", {"bad": compare.Part("bad.py", (), ())})
    assert compare.measure(tmp_path, ["bad"], 1, quick=False) == {}
    assert "did not run" in capsys.readouterr().out


def test_only_more_processor_time_is_worse(
    compare: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = {
        "slower": compare.Pair("CPU s", [1.0, 1.0, 1.0], [1.3, 9.0, 1.4]),
        "little slower": compare.Pair("CPU s", [1.0], [1.1]),
        "later by the clock": compare.Pair("s", [1.0], [5.0]),
        "new": compare.Pair("CPU s", [], [1.0]),
        "nothing": compare.Pair("CPU s", [0.0], [1.0]),
    }
    assert compare.show(pairs, 1.2) == ["slower"]
    said = capsys.readouterr().out
    assert "x 1.40  WORSE" in said
    assert said.count("of one side only") == 2
