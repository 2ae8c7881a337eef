from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.engine.interchange.imports import Imports
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.headless.export_annotations import main as export_main
from lmpt_desktop.headless.import_annotations.arguments import import_parser
from lmpt_desktop.headless.import_annotations.command import main
from lmpt_desktop.paths import HOME_VARIABLE

NAMES = ("cat_1.jpg", "dog_1.jpg", "sub/cat_1.jpg", "sub/kite_1.jpg")

Import = Callable[..., int]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    return folder


def make_library(folder: Path, photos: Path, *names: str) -> Path:
    """A scanned library with these classes and no annotations."""
    with LibrarySession.open(folder, encode=False, folders=[photos]) as session:
        session.wait_until_idle()
        if names:
            session.vocabulary.set_all([ClassSpec(name) for name in names])
    return folder


@pytest.fixture
def library(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return make_library(tmp_path / "library", photos, "dog", "cat")


@pytest.fixture
def run(library: Path, capsys: Capture) -> Import:
    capsys.readouterr()
    return lambda *arguments: main(["--library", str(library), *map(str, arguments)])


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two photos by their path, one of a name that two photos have."""
    return write(
        tmp_path / "labels.csv",
        "path,dog,cat\nsub/kite_1.jpg,1,0\ndog_1.jpg,1,\nelsewhere/cat_1.jpg,0,1\n",
    )


def verdicts_in(library: Path) -> dict[tuple[str, str], int]:
    """By relative path and class."""
    with Catalogue.open(library) as catalogue:
        classes = catalogue.classes.all()
        table = catalogue.images.table()
        matrix = catalogue.annotations.matrix(table.ids, [entry.id for entry in classes])
        return {
            (name, entry.name): int(matrix[row, column])
            for row, name in enumerate(table.names)
            for column, entry in enumerate(classes)
            if matrix[row, column] >= 0
        }


def names_of_classes(library: Path) -> list[str]:
    with Catalogue.open(library) as catalogue:
        return [entry.name for entry in catalogue.classes.all()]


def marked(library: Path) -> set[str]:
    with Catalogue.open(library) as catalogue:
        ids = sorted(catalogue.annotations.reviewed())
        return {path.name for path in catalogue.images.paths(ids)}


def batches(library: Path) -> list[str]:
    with Catalogue.open(library) as catalogue:
        return [batch.label for batch in catalogue.annotations.history()]


KITE, DOG, CAT, SUB_CAT = "sub/kite_1.jpg", "dog_1.jpg", "cat_1.jpg", "sub/cat_1.jpg"


def test_photos_are_found_and_the_rest_is_named(
    run: Import, library: Path, table: Path, capsys: Capture
) -> None:
    assert run(table) == ExitCode.PARTIAL
    out, err = capsys.readouterr()
    assert out == ""
    assert "2 of 3 images found (2 by suffix)" in err
    assert "elsewhere/cat_1.jpg: several photos fit" in err
    assert "3 annotations changed on 2 photos." in err
    assert verdicts_in(library) == {(KITE, "dog"): 1, (KITE, "cat"): 0, (DOG, "dog"): 1}


def test_a_second_import_changes_nothing(
    run: Import, library: Path, table: Path, capsys: Capture
) -> None:
    run(table)
    before = verdicts_in(library)
    capsys.readouterr()
    assert run(table, "--json") == ExitCode.PARTIAL
    found = json.loads(capsys.readouterr().out)
    assert (found["new"], found["same"], found["conflicting"]) == (0, 3, 0)
    assert verdicts_in(library) == before


def test_a_bad_file_of_a_folder_is_named(run: Import, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "labelme"
    folder.mkdir()
    write(folder / "dog_1.json", '{"imagePath": "dog_1.jpg", "shapes": [{"label": "dog"}]}')
    write(folder / "kite_1.json", "{")
    assert run(folder, "--format", "labelme", "--json") == ExitCode.PARTIAL
    out, err = capsys.readouterr()
    [row] = json.loads(out)["bad_rows"]
    assert row["line"] == 0
    assert "kite_1.json" in row["reason"] + row["text"]
    assert "line 0" not in err
    assert "kite_1.json" in err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("--machine=nan", "'nan' is neither none nor a number from 0 to 1"),
        ("--machine=-1", "'-1' is neither none nor a number from 0 to 1"),
        ("--option=x", "'x' is not NAME=VALUE"),
    ],
)
def test_what_the_parser_refuses_is_said(
    run: Import, table: Path, capsys: Capture, wrong: str, words: str
) -> None:
    with pytest.raises(SystemExit) as found:
        run(table, wrong)
    assert found.value.code == ExitCode.USAGE
    assert words in capsys.readouterr().err


def test_the_report(run: Import, table: Path, photos: Path, capsys: Capture) -> None:
    assert run(table, "--json") == ExitCode.PARTIAL
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    report = json.loads(out)
    assert report["photos"]["total"] == 3
    assert report["photos"]["matched"] == {
        "path": 0,
        "fingerprint": 0,
        "suffix": 2,
        "name": 0,
        "stem": 0,
        "mangled": 0,
    }
    assert (report["photos"]["ambiguous"], report["photos"]["unmatched"]) == (1, 0)
    assert report["photos"]["ambiguous_paths"] == [
        {
            "file": str(table),
            "path": "elsewhere/cat_1.jpg",
            "line": 4,
            "candidates": [str(photos / CAT), str(photos / SUB_CAT)],
        }
    ]
    assert [
        (item["name"], item["action"], item["reason"], item["class"]) for item in report["classes"]
    ] == [("dog", "map", "name", "dog"), ("cat", "map", "name", "cat")]
    assert {item["value"]: item["verdict"] for item in report["values"]}["1"] == "present"
    assert (report["new"], report["same"], report["conflicting"]) == (3, 0, 0)
    assert report["bad_rows"] == []
    assert (report["applied"], report["dry_run"], report["error"]) == (True, False, None)
    (file,) = report["files"]
    assert (file["format"], file["annotations"], file["annotated_photos"]) == ("csv-wide", 3, 2)


@pytest.mark.parametrize("missing", ["file", "library", "format"])
def test_the_report_is_printed_whatever_ends_the_import(
    run: Import, table: Path, tmp_path: Path, capsys: Capture, missing: str
) -> None:
    if missing == "file":
        code = run(tmp_path / "none.csv", "--json")
    elif missing == "library":
        code = run(table, "--library", tmp_path / "none", "--json")
    else:
        code = run(write(tmp_path / "x.csv", "?"), "--json")
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert code == (ExitCode.LIBRARY_FAILED if missing == "library" else ExitCode.USAGE)
    assert report["error"]
    assert report["error"] in err
    assert not report["applied"]
    assert report["photos"]["total"] == report["new"] == 0
    assert report["files"] == []


def test_a_dry_run_says_the_same_and_writes_nothing(
    run: Import, library: Path, table: Path, capsys: Capture
) -> None:
    assert run(table, "--dry-run", "--json") == ExitCode.PARTIAL
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert (report["new"], report["applied"], report["dry_run"]) == (3, False, True)
    assert "Nothing was written" in err
    assert verdicts_in(library) == {}
    assert batches(library) == []


def test_an_unknown_class_is_an_error_that_names_it(
    run: Import, library: Path, tmp_path: Path, table: Path, capsys: Capture
) -> None:
    other = write(tmp_path / "other.csv", "path,boat,dog\ndog_1.jpg,1,1\n")
    assert run(table, other, "--json") == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert f"{other}: the library has no class “boat”. Add what is missing" in err
    report = json.loads(out)
    assert report["applied"] is False
    assert "boat" in report["error"]
    assert ("boat", "undecided") in [(c["name"], c["action"]) for c in report["classes"]]
    assert verdicts_in(library) == {}
    assert names_of_classes(library) == ["dog", "cat"]


def test_classes_are_added_on_request(
    run: Import, library: Path, tmp_path: Path, capsys: Capture
) -> None:
    first = write(tmp_path / "1.csv", "path,Fire  truck\ndog_1.jpg,1\n")
    second = write(tmp_path / "2.csv", "path,fire truck\nsub/kite_1.jpg,1\n")
    assert run(first, second, "--add-classes", "--json") == ExitCode.OK
    out, err = capsys.readouterr()
    assert "new classes: “Fire truck”" in err
    assert names_of_classes(library) == ["dog", "cat", "Fire truck"]
    assert verdicts_in(library) == {(DOG, "Fire truck"): 1, (KITE, "Fire truck"): 1}
    assert [item["added_classes"] for item in json.loads(out)["files"]] == [["Fire truck"], []]
    assert batches(library) == ["Import 1.csv", "Import 2.csv"]


def test_classes_are_chosen(run: Import, library: Path, tmp_path: Path, capsys: Capture) -> None:
    file = write(
        tmp_path / "a.csv", "path,puppy,a=b,noise\ndog_1.jpg,1,1,1\nsub/kite_1.jpg,0,1,1\n"
    )
    chosen = ("--class", "Puppy=dog", "--class", "a=b=cat", "--class", "noise=")
    assert run(file, *chosen) == ExitCode.OK
    assert verdicts_in(library) == {
        (DOG, "dog"): 1,
        (DOG, "cat"): 1,
        (KITE, "dog"): 0,
        (KITE, "cat"): 1,
    }
    assert run(file, "--class", "nope=dog") == ExitCode.USAGE
    assert "No file has the class “nope”" in capsys.readouterr().err
    assert run(file, "--class", "puppy=wolf") == ExitCode.USAGE
    assert "The library has no class “wolf” (--class)" in capsys.readouterr().err


def test_values_are_mapped_and_an_uncertain_one_is_an_error(
    run: Import, library: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = write(tmp_path / "v.csv", "path,dog,cat\ndog_1.jpg,1,-1\nsub/kite_1.jpg,0,\n")
    assert run(file) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "“-1” and “0”" in err
    assert "--map -1=present, absent or unknown" in err
    assert verdicts_in(library) == {}
    # Beside -1, 0 may be absent, or uncertain.
    assert run(file, "--map", "-1=absent") == ExitCode.USAGE
    assert verdicts_in(library) == {}
    mapped = ("--map", "-1=absent", "--map", "0=absent")
    assert run(file, *mapped) == ExitCode.OK
    assert verdicts_in(library) == {(DOG, "dog"): 1, (DOG, "cat"): 0, (KITE, "dog"): 0}
    assert run(file, *mapped, "--map", "8=present") == ExitCode.USAGE
    assert "No file has the value “8”" in capsys.readouterr().err


def test_a_value_may_be_given_as_the_number_that_it_is(
    run: Import, library: Path, tmp_path: Path
) -> None:
    file = write(tmp_path / "v.csv", "path,dog,cat\ndog_1.jpg,1.0,-1.0\nsub/kite_1.jpg,0.0,\n")
    assert run(file, "--map", "-1=absent", "--map", "0=unknown") == ExitCode.OK
    assert verdicts_in(library) == {(DOG, "dog"): 1, (DOG, "cat"): 0}


def test_a_value_of_an_ignored_class_needs_no_verdict(run: Import, tmp_path: Path) -> None:
    file = write(tmp_path / "v.csv", "path,dog,note\ndog_1.jpg,1,-1\n")
    assert run(file, "--class", "note=") == ExitCode.OK


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("mine", {(DOG, "dog"): 1, (DOG, "cat"): 1}),
        ("fill", {(DOG, "dog"): 1, (DOG, "cat"): 1}),
        ("theirs", {(DOG, "dog"): 0, (DOG, "cat"): 1}),
        ("clear", {(DOG, "cat"): 1}),
    ],
)
def test_conflicts(
    run: Import,
    library: Path,
    choice: str,
    expected: dict[tuple[str, str], int],
    capsys: Capture,
) -> None:
    tmp_path = library.parent
    run(write(tmp_path / "1.csv", "path,dog\ndog_1.jpg,1\n"))
    capsys.readouterr()
    file = write(tmp_path / "2.csv", "path,dog,cat\ndog_1.jpg,0,1\n")
    assert run(file, "--conflicts", choice, "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["conflicting"] == 1
    assert verdicts_in(library) == expected


def test_what_is_not_listed_and_reviewed_marks(run: Import, library: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "1.csv", "path,class\ndog_1.jpg,dog\nsub/kite_1.jpg,cat\n")
    assert run(file, "--not-listed", "absent-in-file", "--reviewed", "all") == ExitCode.OK
    assert verdicts_in(library) == {
        (DOG, "dog"): 1,
        (DOG, "cat"): 0,
        (KITE, "dog"): 0,
        (KITE, "cat"): 1,
    }
    assert marked(library) == {"dog_1.jpg", "kite_1.jpg"}


def test_prefixes(run: Import, library: Path, tmp_path: Path, photos: Path) -> None:
    file = write(tmp_path / "1.csv", "path,cat\nC:\\old\\cat_1.jpg,1\n")
    changed = ("--strip-prefix", "c:/old/", "--add-prefix", f"{photos}/sub/")
    assert run(file, *changed) == ExitCode.OK
    assert verdicts_in(library) == {(SUB_CAT, "cat"): 1}


def machine_file(path: Path, photos: Path) -> Path:
    lines = [
        {
            "library": {"format": "lmpt-desktop", "version": 1, "classes": [{"name": "dog"}]},
            "path": "dog_1.jpg",
            "folder": str(photos),
            "present": [],
            "absent": [],
            "predicted": ["dog"],
            "scores": {"dog": 0.9},
        },
        {
            "path": "sub/kite_1.jpg",
            "folder": str(photos),
            "present": [],
            "absent": [],
            "predicted": ["dog"],
            "scores": {"dog": 0.4},
        },
    ]
    return write(path, "".join(json.dumps(line) + "\n" for line in lines))


def test_what_a_machine_said_is_taken_by_threshold_only(
    run: Import, library: Path, tmp_path: Path, photos: Path, capsys: Capture
) -> None:
    file = machine_file(tmp_path / "p.jsonl", photos)
    assert run(file, "--json") == ExitCode.OK
    report = json.loads(capsys.readouterr().out)
    assert (report["machine_left_out"], report["new"]) == (2, 0)
    assert verdicts_in(library) == {}
    assert run(file, "--machine", "0.5") == ExitCode.OK
    assert verdicts_in(library) == {(DOG, "dog"): 1}
    with Catalogue.open(library) as catalogue:
        (dog,) = [entry for entry in catalogue.classes.all() if entry.name == "dog"]
        ids = catalogue.images.table().ids.tolist()
        stored = catalogue.annotations.sources(ids, [dog.id])
        assert stored.max() == list(Source).index(Source.MACHINE)


def test_bad_rows_are_listed_and_the_rest_goes_on(
    run: Import, library: Path, photos: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = machine_file(tmp_path / "p.jsonl", photos)
    with file.open("a", encoding="utf-8") as more:
        more.write("this is no JSON\n")
    assert run(file, "--machine", "0", "--json") == ExitCode.PARTIAL
    out, err = capsys.readouterr()
    (row,) = json.loads(out)["bad_rows"]
    assert row["line"] == 3
    assert row["reason"]
    assert f"{file}, line 3: {row['reason']}" in err
    assert verdicts_in(library) == {(DOG, "dog"): 1, (KITE, "dog"): 1}


def test_the_own_format_carries_everything_to_another_library(
    run: Import, library: Path, tmp_path: Path, photos: Path, capsys: Capture
) -> None:
    run(write(tmp_path / "1.csv", "path,dog,cat\ndog_1.jpg,1,0\nsub/kite_1.jpg,,1\n"))
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    assert export_main(["--library", str(library), "--format", "jsonl", "-o", str(first)]) == 0
    other = make_library(tmp_path / "other", photos)
    arguments = ["--library", str(other), str(first), "--add-classes"]
    assert main(arguments) == ExitCode.OK
    assert verdicts_in(other) == verdicts_in(library)
    assert export_main(["--library", str(other), "--format", "jsonl", "-o", str(second)]) == 0
    assert second.read_bytes() == first.read_bytes()


def test_photos_that_moved_are_found_by_their_hashes(
    run: Import, library: Path, tmp_path: Path, photos: Path, capsys: Capture
) -> None:
    run(write(tmp_path / "1.csv", "path,dog\ndog_1.jpg,1\n"))
    file = tmp_path / "1.jsonl"
    export_main(["--library", str(library), "--format", "jsonl", "-o", str(file)])
    moved = tmp_path / "moved"
    moved.mkdir()
    for number, name in enumerate(NAMES):
        (photos / name).rename(moved / f"renamed {number}.jpg")
    other = make_library(tmp_path / "other", moved, "dog")
    capsys.readouterr()
    assert main(["--library", str(other), str(file), "--add-classes", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["photos"]["matched"]["fingerprint"] == 4
    assert verdicts_in(other) == {("renamed 1.jpg", "dog"): 1}


def test_annotations_of_other_pictures_are_not_taken_for_photos_of_their_names(
    run: Import, library: Path, tmp_path: Path, photos: Path, capsys: Capture
) -> None:
    run(write(tmp_path / "1.csv", "path,dog\ndog_1.jpg,1\n"))
    file = tmp_path / "1.jsonl"
    export_main(["--library", str(library), "--format", "jsonl", "-o", str(file)])
    card = tmp_path / "card"
    card.mkdir()
    for folder in (card, photos):
        Image.new("RGB", (40, 30), "red").save(folder / "dog_1.jpg")
    for where, found_by_path in ((card, 0), (photos, 1)):
        other = make_library(tmp_path / f"library of {where.name}", where, "dog")
        capsys.readouterr()
        main(["--library", str(other), str(file), "--add-classes", "--json"])
        out, said = capsys.readouterr()
        counts = json.loads(out)["photos"]
        assert counts["matched"]["path"] == (4 if found_by_path else 0)
        assert counts["other_picture"] == found_by_path
        assert ("the picture there is not that of the file" in said) == bool(found_by_path)
        assert verdicts_in(other) == ({("dog_1.jpg", "dog"): 1} if found_by_path else {})


def test_keywords_of_side_files_are_read_from_the_folder_of_the_photos(
    run: Import, library: Path, photos: Path, capsys: Capture
) -> None:
    keywords = ["animal|dog", "darktable|format|jpg"]
    items = "".join(f"<rdf:li>{keyword}</rdf:li>" for keyword in keywords)
    write(
        photos / "dog_1.jpg.xmp",
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:lr="http://ns.adobe.com/lightroom/1.0/">'
        f"<lr:hierarchicalSubject><rdf:Bag>{items}</rdf:Bag></lr:hierarchicalSubject>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>",
    )
    assert run(photos, "--json") == ExitCode.OK
    report = json.loads(capsys.readouterr().out)
    assert [(item["name"], item["reason"]) for item in report["classes"]] == [
        ("animal|dog", "leaf"),
        ("darktable|format|jpg", "program-tag"),
    ]
    assert verdicts_in(library) == {(DOG, "dog"): 1}
    assert run(photos, "--class", "animal|dog=cat") == ExitCode.OK
    assert verdicts_in(library) == {(DOG, "dog"): 1, (DOG, "cat"): 1}


def test_photos_outside_the_library_are_said_to_be(
    run: Import, tmp_path: Path, capsys: Capture
) -> None:
    more = tmp_path / "more"
    more.mkdir()
    Image.new("RGB", (30, 30)).save(more / "owl.jpg")
    file = write(tmp_path / "1.csv", f"path,dog\ndog_1.jpg,1\n{more / 'owl.jpg'},1\n")
    assert run(file) == ExitCode.PARTIAL
    err = capsys.readouterr().err
    assert f"{more / 'owl.jpg'}: not in the library" in err
    assert f"{more} has photos of the file and does not belong to the library." in err


@pytest.mark.parametrize(
    "wrong",
    [
        (["{tmp}/no.csv"], ExitCode.USAGE, "There is no file"),
        (["{table}", "--format", "nope"], ExitCode.USAGE, "There is no format nope"),
        (["{table}", "--option", "nope=1"], ExitCode.USAGE, "There is no option nope"),
        (["{noise}"], ExitCode.USAGE, "No format recognises"),
        (["{noise}", "--format", "jsonl"], ExitCode.NOTHING_FOUND, "No images are named"),
        (["{strangers}"], ExitCode.NOTHING_FOUND, "None of the images was found"),
        (["{table}", "--library", "{tmp}/none"], ExitCode.LIBRARY_FAILED, "There is no library"),
        (["{table}", "--library", "{empty}"], ExitCode.NOTHING_FOUND, "has no photos yet"),
        (["{table}", "--library", "{broken}"], ExitCode.LIBRARY_FAILED, "catalogue.sqlite"),
    ],
)
def test_every_kind_of_failure_has_its_own_exit_code(
    run: Import,
    library: Path,
    table: Path,
    capsys: Capture,
    wrong: tuple[list[str], ExitCode, str],
) -> None:
    arguments, code, words = wrong
    tmp_path = library.parent
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 4)
    write(tmp_path / "strangers.csv", "path,dog\nowl.jpg,1\n")
    Catalogue.open(tmp_path / "empty").close()
    (tmp_path / "broken").mkdir()
    write(tmp_path / "broken" / "catalogue.sqlite", "this is no database, whatever its name says")
    places = {
        "tmp": tmp_path,
        "table": table,
        "noise": tmp_path / "noise.bin",
        "strangers": tmp_path / "strangers.csv",
        "empty": tmp_path / "empty",
        "broken": tmp_path / "broken",
    }
    assert run(*[item.format(**places) for item in arguments]) == code
    out, err = capsys.readouterr()
    assert words in err.replace("\n", "")
    assert out == ""
    assert verdicts_in(library) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        ["--map", "1"],
        ["--map", "1=yes"],
        ["--class", "dog"],
        ["--option", "=x"],
        ["--machine", "2"],
        ["--machine", "nan"],
        ["--conflicts", "ours"],
        ["--nonsense"],
        ["--dry"],
    ],
)
def test_wrong_arguments(run: Import, table: Path, wrong: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        run(table, *wrong)
    assert ended.value.code == ExitCode.USAGE
    assert "usage:" in capsys.readouterr().err


def test_a_folder_of_photos_is_no_library_but_has_one(
    run: Import, table: Path, photos: Path, capsys: Capture
) -> None:
    from lmpt_desktop.library_places import library_for

    made = make_library(library_for(photos), photos)
    assert main([str(table), "--library", str(photos)]) == ExitCode.LIBRARY_FAILED
    assert f"The library of the photos in this folder is {made}." in capsys.readouterr().err


def test_names_in_files_do_not_steer_the_terminal(
    run: Import, tmp_path: Path, capsys: Capture
) -> None:
    row = {"path": "a\x1b[2J\u009b\udcff.jpg", "present": ["dog"], "absent": []}
    head = {"library": {"format": "lmpt-desktop", "version": 1, "classes": [{"name": "dog"}]}}
    file = write(tmp_path / "1.jsonl", json.dumps(head | row) + "\n")
    with file.open("a", encoding="utf-8") as more:
        more.write(json.dumps({"path": "dog_1.jpg", "present": ["dog"], "absent": []}) + "\n")
    assert run(file, "--json") == ExitCode.PARTIAL
    out, err = capsys.readouterr()
    assert "a\ufffd[2J\ufffd" in err
    assert not any(unicodedata.category(letter) == "Cc" for letter in err.replace("\n", ""))
    assert json.loads(out)["photos"]["unmatched_paths"][0]["path"] == row["path"]


class TestOpenInAWindow:
    @pytest.fixture
    def window(self, library: Path) -> Iterator[LibrarySession]:
        with LibrarySession.open(library, encode=False) as session:
            session.wait_until_idle()
            yield session

    def test_annotations_arrive_there(
        self, run: Import, table: Path, window: LibrarySession
    ) -> None:
        assert run(table) == ExitCode.PARTIAL
        assert [batch.label for batch in window.catalogue.annotations.history()] == [
            "Import labels.csv"
        ]

    def test_no_class_is_added_under_it(
        self, run: Import, tmp_path: Path, window: LibrarySession, capsys: Capture
    ) -> None:
        file = write(tmp_path / "1.csv", "path,boat\ndog_1.jpg,1\n")
        assert run(file, "--add-classes", "--json") == ExitCode.LIBRARY_FAILED
        out, err = capsys.readouterr()
        assert "another window" in err
        assert json.loads(out)["applied"] is False
        assert [entry.name for entry in window.catalogue.classes.all()] == ["dog", "cat"]


class TestChangedMeanwhile:
    """Another process writes between reading the library and importing."""

    @staticmethod
    def interfere(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None], times: int) -> None:
        apply = Imports.apply
        left = [times]

        def first_act(*arguments: object, **named: object) -> object:
            if left[0]:
                left[0] -= 1
                act()
            return apply(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(Imports, "apply", first_act)

    def annotate(self, library: Path, verdict: Verdict) -> None:
        from lmpt_desktop.catalogue import Change

        with Catalogue.open(library) as catalogue:
            table = catalogue.images.table()
            image = int(table.ids[list(table.names).index(DOG)])
            catalogue.annotations.apply([Change(image, catalogue.classes.all()[0].id, verdict)])

    def test_it_is_looked_at_again(
        self, run: Import, library: Path, table: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.interfere(monkeypatch, lambda: self.annotate(library, Verdict.ABSENT), 1)
        assert run(table) == ExitCode.PARTIAL
        assert verdicts_in(library) == {(KITE, "dog"): 1, (KITE, "cat"): 0, (DOG, "dog"): 0}

    def test_it_gives_up_in_the_end(
        self,
        run: Import,
        library: Path,
        table: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Capture,
    ) -> None:
        verdicts = iter([Verdict.PRESENT, Verdict.ABSENT] * 9)
        self.interfere(monkeypatch, lambda: self.annotate(library, next(verdicts)), 99)
        assert run(table, "--conflicts", "theirs") == ExitCode.LIBRARY_FAILED
        assert "has changed since the preview" in capsys.readouterr().err
        assert (KITE, "dog") not in verdicts_in(library)


def test_every_exit_code_and_format_is_in_the_help() -> None:
    text = import_parser().format_help()
    for code in (0, 1, 2, 3, 5, 130):
        assert f"\n  {code} " in text
    for name in ("jsonl", "csv"):
        assert f"\n  {name} " in text


def test_the_command_needs_neither_qt_nor_torch(library: Path, table: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from lmpt_desktop.__main__ import main\n"
        "done = main(sys.argv[1:])\n"
        "heavy = {'PySide6', 'pyqtgraph', 'torch', 'open_clip', 'timm'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or done)"
    )
    arguments = ["import", str(table), "--library", str(library), "--json", "--map", "1=present"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {HOME_VARIABLE: str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.PARTIAL, done.stderr
    assert json.loads(done.stdout)["applied"] is True
    assert len(verdicts_in(library)) == 3
