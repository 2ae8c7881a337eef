from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from two_libraries import Made, contents_of, make_library, verdicts_of

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.disk_access import LOCK_NAME
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.headless.merge import main

Merge = Callable[..., int]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def mine(tmp_path: Path) -> Made:
    return make_library(
        tmp_path / "mine", ["a", "b", "c"], ["ant"], {("a", "ant"): 1, ("b", "ant"): 0}
    )


@pytest.fixture
def theirs(tmp_path: Path) -> Made:
    return make_library(
        tmp_path / "Anna",
        ["c", "b", "a"],
        ["bee", "ant"],
        {("a", "ant"): 1, ("b", "ant"): 1, ("c", "ant"): 0, ("c", "bee"): 1},
    )


@pytest.fixture
def merge(mine: Made, theirs: Made) -> Merge:
    return lambda *words: main([str(theirs.folder), "--library", str(mine.folder), *words])


def said(mine: Made) -> dict[tuple[str, str], int]:
    with Catalogue.open(mine.folder) as catalogue:
        return verdicts_of(catalogue, mine)


def test_what_is_new_is_merged_and_classes_that_lack_are_named(
    merge: Merge, mine: Made, capsys: Capture
) -> None:
    assert merge() == ExitCode.PARTIAL
    err = capsys.readouterr().err
    assert "Anna: 3 photos are in both libraries, of 3." in err
    assert "1 annotations are new, 1 are equal, 1 in conflict." in err
    assert "no such class (see --add-classes): “bee”." in err
    assert "1 annotations changed on 1 photos." in err
    assert said(mine) == {("a", "ant"): 1, ("b", "ant"): 0, ("c", "ant"): 0}


def test_twice_is_once(merge: Merge, mine: Made, capsys: Capture) -> None:
    assert merge("--add-classes") == ExitCode.OK
    assert "new classes: “bee”" in capsys.readouterr().err
    before = said(mine)
    assert merge("--add-classes") == ExitCode.OK
    assert "Nothing new: the library has all that Anna says." in capsys.readouterr().err
    assert said(mine) == before


@pytest.mark.parametrize(("choice", "verdict"), [("mine", 0), ("theirs", 1), ("later", 0)])
def test_conflicts(merge: Merge, mine: Made, choice: str, verdict: int, capsys: Capture) -> None:
    merge("--conflicts", choice)
    assert said(mine)["b", "ant"] == verdict
    asked = "1 conflicts wait in review" in capsys.readouterr().err
    assert asked is (choice == "later")


def test_a_dry_run_writes_the_table_and_nothing_else(
    merge: Merge, mine: Made, tmp_path: Path, capsys: Capture
) -> None:
    before = said(mine)
    table = tmp_path / "agreement.csv"
    assert merge("--dry-run", "--agreement", str(table)) == ExitCode.PARTIAL
    assert "Nothing was written (--dry-run)." in capsys.readouterr().err
    assert said(mine) == before
    assert table.read_text().splitlines() == [
        "class,both,equal,agreement,kappa,new,conflicts",
        "ant,2,1,0.5,0,1,1",
    ]


def test_a_table_that_cannot_be_written_changes_nothing(
    merge: Merge, mine: Made, theirs: Made
) -> None:
    before, theirs_before = said(mine), contents_of(theirs.folder)
    assert merge("--agreement", str(mine.folder / "x.csv")) == ExitCode.OUTPUT_FAILED
    assert said(mine) == before
    assert contents_of(theirs.folder) == theirs_before


def test_libraries_without_a_picture_in_common(mine: Made, tmp_path: Path, capsys: Capture) -> None:
    other = make_library(tmp_path / "Ben", ["x"], ["ant"], {("x", "ant"): 1})
    code = main([str(other.folder), "--library", str(mine.folder)])
    assert code == ExitCode.NOTHING_FOUND
    assert "no picture in common" in capsys.readouterr().err


def test_what_cannot_be_merged_is_said(
    merge: Merge, mine: Made, theirs: Made, tmp_path: Path, capsys: Capture
) -> None:
    library = ["--library", str(mine.folder)]
    assert main([str(mine.folder), *library]) == ExitCode.USAGE
    assert "is this library itself" in capsys.readouterr().err
    assert main([str(tmp_path), *library]) == ExitCode.USAGE
    assert "There is no library" in capsys.readouterr().err
    assert main([str(theirs.folder), "--library", str(tmp_path)]) == ExitCode.LIBRARY_FAILED
    with ProcessLock(theirs.folder / LOCK_NAME):
        assert merge() == ExitCode.USAGE
    assert "is open in another window" in capsys.readouterr().err
    with ProcessLock(mine.folder / LOCK_NAME):
        assert merge("--add-classes") == ExitCode.LIBRARY_FAILED
        assert merge() == ExitCode.PARTIAL
