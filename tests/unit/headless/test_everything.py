"""A folder with one file of every kind: ``tag`` reads it, says why not, or counts it."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import every_kind
import pytest

from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.headless.tag import main
from lmpt_desktop.paths import HOME_VARIABLE
from trainer.file_formats import FILE_FORMATS, PHOTO_SUFFIXES

TESTS = Path(__file__).parents[2]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(TESTS / "benchmarks"))
    return importlib.import_module("parts.told")


def test_nothing_is_left_out_without_a_word(
    tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"decodes": True}))
    folder, out = tmp_path / "photos", tmp_path / "out.csv"
    folder.mkdir()
    kinds = [kind for kind in every_kind.kinds() if not kind.heavy]
    assert {kind.path.rpartition(".")[2] for kind in kinds} >= {s[1:] for s in PHOTO_SUFFIXES}
    every_kind.write(folder, kinds)
    encoder = [sys.executable, str(TESTS / "support" / "fake_encoder.py")]
    status = main([str(folder), "--all", "-o", str(out)], Commands(encode=encoder))
    assert status == ExitCode.PARTIAL
    with out.open(encoding="utf-8", newline="") as file:
        tagged = {row["path"] for row in csv.DictReader(file)}
    said = told.Told(folder, tagged, capsys.readouterr().err, status)
    found = {kind: said.outcome(folder / kind.path, kind.path) for kind in kinds}
    assert not [kind.path for kind, outcome in found.items() if outcome == told.NOTHING]
    # A suffix that counts is one of a file that is read.
    read = {kind.name for kind, outcome in found.items() if outcome == told.READ}
    assert read >= {row.name for row in FILE_FORMATS}
    # What is shown without its end is marked.
    cut = [kind for kind in kinds if kind.group == every_kind.CUT_SHORT]
    assert all("The end of the file is missing" in found[k] or found[k][0] == "*" for k in cut)
    assert any("CR3" in k.name and found[k].startswith(told.READ) for k in cut)
    refused = [kind for kind in kinds if kind.group == every_kind.REFUSED]
    assert all(found[kind].startswith("*") and found[kind].endswith(".*") for kind in refused)


def test_what_is_not_mentioned_is_seen(tmp_path: Path, told: Any) -> None:
    for name in (
        "a.mov",
        "b.mov",
        "c.mov",
        "d.jpg",
        "e.jpg",
        "line\nbreak.jpg",
        "@eaDir",
        ".f.jpg",
    ):
        (tmp_path / name).touch()
    said = told.Told(
        tmp_path,
        {str(tmp_path / "d.jpg")},
        f"{tmp_path}/line\ufffdbreak.jpg: The file is empty.\n"
        "2 files were left out: 2 .mov. The ignore list in the preferences leaves out 1 folder or "
        "photo.\n",
        1,
    )
    outcomes = [said.outcome(tmp_path / name, name) for name in ("a.mov", "b.mov", "c.mov")]
    assert outcomes == [told.COUNTED, told.COUNTED, told.NOTHING]
    assert said.outcome(tmp_path / "d.jpg", "d.jpg") == told.READ
    assert said.outcome(tmp_path / "e.jpg", "e.jpg") == told.NOTHING
    assert said.outcome(tmp_path / "line\nbreak.jpg", "line\nbreak.jpg") == "*The file is empty.*"
    assert said.outcome(tmp_path / "@eaDir" / "a.jpg", "@eaDir/a.jpg") == told.IGNORED
    assert said.outcome(tmp_path / "@eaDir" / "b.jpg", "@eaDir/b.jpg") == told.NOTHING
    assert said.outcome(tmp_path / ".f.jpg", ".f.jpg") == told.HIDDEN
