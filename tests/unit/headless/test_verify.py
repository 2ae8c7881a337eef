from __future__ import annotations

import contextlib
import csv
import io
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from altered_files import flip_bit
from PIL import Image

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.headless import verify as verify_command
from lmpt_desktop.headless.verify import main
from lmpt_desktop.ingest import sync
from lmpt_desktop.ingest.verify import FindingKind
from lmpt_desktop.library_places import library_for
from lmpt_desktop.paths import HOME_VARIABLE

NAMES = ("a.jpg", "sub/b.jpg", "sub/deep/c.jpg", "sub 2/d.jpg")

Verify = Callable[..., int]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(path)
    return folder


@pytest.fixture
def library(tmp_path: Path, photos: Path) -> Path:
    folder = tmp_path / "library"
    fill(folder, photos)
    return folder


def fill(library: Path, *folders: Path) -> None:
    with Catalogue.open(library) as catalogue:
        for folder in folders:
            sync(catalogue, catalogue.folders.add(folder).id)


@pytest.fixture
def verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verify:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return lambda *arguments: main([str(item) for item in arguments])


def rows(text: str) -> dict[str, str]:
    return {row["path"]: row["finding"] for row in csv.DictReader(io.StringIO(text, newline=""))}


def test_a_sound_library(verify: Verify, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("--library", library) == ExitCode.OK
    shown = capsys.readouterr()
    assert rows(shown.out) == {}
    assert shown.out == "path,finding,detail,photos\n"
    assert shown.err == "All 4 photos are as they were.\n"


@pytest.mark.parametrize("out", ["photos/a.jpg", "library/catalogue.sqlite"])
def test_no_photo_and_no_library_is_written_over(
    verify: Verify, library: Path, tmp_path: Path, out: str
) -> None:
    before = (tmp_path / out).read_bytes()
    code = verify("--library", library, "-o", tmp_path / out)
    assert code == ExitCode.OUTPUT_FAILED
    assert (tmp_path / out).read_bytes() == before


def test_findings_go_to_standard_output_and_a_summary_to_stderr(
    verify: Verify, library: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip_bit(photos / "a.jpg")
    (photos / "sub" / "b.jpg").unlink()
    assert verify("--library", library) == ExitCode.PARTIAL == 1
    shown = capsys.readouterr()
    assert rows(shown.out) == {
        str(photos / "a.jpg"): "damaged",
        str(photos / "sub" / "b.jpg"): "gone",
    }
    assert shown.err.startswith("2 of 4 photos are as they were.\nDamaged: 1. ")
    assert "\nGone: 1. " in shown.err


def test_only_some_folders(
    verify: Verify, library: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        flip_bit(photos / name)
    sub = photos / "sub"
    assert verify("--library", library, sub, sub / "deep") == ExitCode.PARTIAL
    assert set(rows(capsys.readouterr().out)) == {str(sub / "b.jpg"), str(sub / "deep" / "c.jpg")}
    assert verify("--library", library, photos.parent, sub) == ExitCode.PARTIAL
    assert len(rows(capsys.readouterr().out)) == len(NAMES)


def test_the_library_that_the_window_made_for_the_folder_is_found(
    verify: Verify, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(library_for(photos), photos)
    assert verify(photos / "sub") == ExitCode.OK
    assert "All 2 photos" in capsys.readouterr().err


def test_a_disk_that_is_not_connected_is_one_row(
    verify: Verify, library: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos.rename(photos.parent / "elsewhere")
    with Catalogue.open(library) as catalogue:
        catalogue.folders.set_device(1, 1)
    assert verify("--library", library, photos) == ExitCode.PARTIAL
    shown = capsys.readouterr()
    assert rows(shown.out) == {str(photos): "unreachable"}
    assert "Disk not connected: 4." in shown.err


def test_a_report_in_a_file(verify: Verify, library: Path, photos: Path, tmp_path: Path) -> None:
    flip_bit(photos / "a.jpg")
    out = tmp_path / "report.csv"
    assert verify("--library", library, "-o", out) == ExitCode.PARTIAL
    assert rows(out.read_text(encoding="utf-8")) == {str(photos / "a.jpg"): "damaged"}
    assert verify("--library", library, "-o", tmp_path / "no" / "r.csv") == ExitCode.USAGE
    (tmp_path / "taken").mkdir()
    assert verify("--library", library, "-o", tmp_path / "taken") == ExitCode.OUTPUT_FAILED


def test_what_is_not_there_is_said_and_not_made(
    verify: Verify, library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "nowhere"
    assert verify("--library", nowhere) == ExitCode.LIBRARY_FAILED
    assert not nowhere.exists()
    assert verify() == ExitCode.LIBRARY_FAILED
    assert verify(nowhere) == ExitCode.LIBRARY_FAILED
    assert verify("--library", library, nowhere) == ExitCode.USAGE
    assert f"The folder {nowhere} is not in the library {library}." in capsys.readouterr().err


def test_a_library_without_photos(verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "library", tmp_path / "empty")
    assert verify("--library", tmp_path / "library") == ExitCode.NOTHING_FOUND


def test_interrupted(verify: Verify, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(verify_command, "write_findings", interrupted)
    assert verify("--library", library) == ExitCode.INTERRUPTED


def test_the_help_names_every_kind_of_finding() -> None:
    for kind in set(FindingKind) - {FindingKind.FINE, FindingKind.FIRST_READ}:
        assert f"\n  {kind.value} " in verify_command.EPILOG


def test_as_a_program(library: Path, photos: Path, tmp_path: Path) -> None:
    flip_bit(photos / "sub 2" / "d.jpg")
    done = subprocess.run(
        [sys.executable, "-m", "lmpt_desktop", "verify", "--library", str(library)],
        env={**os.environ, HOME_VARIABLE: str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert rows(done.stdout) == {str(photos / "sub 2" / "d.jpg"): "damaged"}
    assert "3 of 4 photos" in done.stderr


def test_annotations_that_the_journal_does_not_know_are_told(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Catalogue.open(library) as catalogue:
        klass = catalogue.classes.add("dog")
        ids = catalogue.images.table().ids.tolist()
        catalogue.annotations.apply([Change(ids[0], klass.id, 1)])
    with contextlib.closing(sqlite3.connect(library / CATALOGUE_NAME)) as db, db:
        db.execute("UPDATE annotations SET verdict = 0")
    assert main(["--library", str(library)]) == ExitCode.PARTIAL
    said = " ".join(capsys.readouterr().err.split())
    assert "1 annotation is not as the journal says." in said
    assert "It can be repaired from the journal." in said
