from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.headless import tag
from lmpt_desktop.headless.export_annotations import export_parser, main
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.format import Loss
from lmpt_desktop.interchange.formats import own_jsonl
from lmpt_desktop.paths import HOME_VARIABLE

SUPPORT = Path(__file__).parents[2] / "support"
NAMES = ("cat_1.jpg", "dog_1.jpg", "sub/kite_1.jpg")

Export = Callable[..., int]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    return folder


@pytest.fixture
def library(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tagged by a fake encoder; dog_1 is a dog, cat_1 no dog (imported), kite_1 reviewed."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    words = tmp_path / "words.txt"
    words.write_text("dog\ncat\nflying thing\tkite\tglider\n", encoding="utf-8")
    encoder = [sys.executable, str(SUPPORT / "fake_encoder.py")]
    folder = tmp_path / "library"
    arguments = [str(photos), "--vocabulary", str(words), "--library", str(folder)]
    assert tag.main([*arguments, "-o", str(tmp_path / "tags.csv")], Commands(encode=encoder)) == 0
    with Catalogue.open(folder) as catalogue:
        dog, *_ = catalogue.classes.all()
        ids = catalogue.images.table().ids.tolist()
        images = {path.name: i for i, path in zip(ids, catalogue.images.paths(ids), strict=True)}
        catalogue.annotations.apply([Change(images["dog_1.jpg"], dog.id, Verdict.PRESENT)])
        catalogue.annotations.apply(
            [Change(images["cat_1.jpg"], dog.id, Verdict.ABSENT)], Source.IMPORT
        )
        catalogue.annotations.set_reviewed([images["kite_1.jpg"]], reviewed=True)
    return folder


@pytest.fixture
def export(library: Path, capsys: pytest.CaptureFixture[str]) -> Export:
    capsys.readouterr()
    return lambda *arguments: main(["--library", str(library), *[str(item) for item in arguments]])


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_photo_a_line_on_standard_output(
    export: Export, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("--format", "jsonl", "-o", "-") == ExitCode.OK
    out, err = capsys.readouterr()
    assert err == ""
    lines = lines_of(out)
    assert [line["path"] for line in lines] == list(NAMES)
    assert {line["folder"] for line in lines} == {str(photos)}
    assert [(line["present"], line["absent"], line["reviewed"]) for line in lines] == [
        ([], ["dog"], False),
        (["dog"], [], False),
        ([], ["dog", "cat", "flying thing"], True),
    ]
    assert [line["state"] for line in lines] == ["ok"] * 3
    assert not any("predicted" in line for line in lines)


def test_predictions_scope_paths_and_classes(
    export: Export, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    jsonl = ("--format", "jsonl", "-o", out, "--replace")
    assert export(*jsonl, "--predictions", "0.5") == ExitCode.OK
    lines = lines_of(out.read_text())
    # What is annotated is not predicted: nothing of kite_1.jpg, which is reviewed.
    assert [line.get("predicted", []) for line in lines] == [["cat"], [], []]
    assert 0.5 <= lines[0]["scores"]["cat"] <= 1
    assert export(*jsonl, "--predictions", "own", "--vocabulary", "CAT") == ExitCode.OK
    lines = lines_of(out.read_text())
    assert [item["name"] for item in lines[0]["library"]["classes"]] == ["cat"]
    assert [line.get("predicted", []) for line in lines] == [["cat"], [], []]
    assert export(*jsonl, "--scope", "reviewed", "--paths", "absolute") == ExitCode.OK
    [line] = lines_of(out.read_text())
    assert line["path"] == str(photos / "sub" / "kite_1.jpg")
    assert capsys.readouterr().err == ""


def test_a_class_list_may_name_the_classes(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    listed = tmp_path / "classes.csv"
    listed.write_text("name\nglider\nboat\n")
    jsonl = ("--format", "jsonl", "-o", out, "--replace")
    assert export(*jsonl, "--vocabulary", listed, "--vocabulary", "dog, cat") == ExitCode.OK
    names = [item["name"] for item in lines_of(out.read_text())[0]["library"]["classes"]]
    assert names == ["dog", "cat", "flying thing"]
    assert "The library has no class “boat”." in capsys.readouterr().err


def test_the_summary_as_json(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    assert export("--format", "jsonl", "-o", out, "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {
        "format": "jsonl",
        "out": str(out),
        "photos": 3,
        "present": 1,
        "absent": 4,
        "predictions": 0,
        "without_scores": 0,
        "losses": [],
        "differences": [],
        "commands": [],
    }


def test_what_goes_wrong_is_one_json_object_too(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    assert export("--format", "jsonl", "-o", out, "--json") == ExitCode.OUTPUT_FAILED
    assert "exists" in json.loads(capsys.readouterr().out)["error"]
    assert export("--format", "nothing", "-o", out, "--json") == ExitCode.USAGE
    assert "nothing" in json.loads(capsys.readouterr().out)["error"]
    assert out.read_text() == "mine"


def test_the_command_of_exiftool_is_told(
    export: Export, tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "keywords.csv"
    assert export("--format", "exiftool-csv", "-o", out, "--json") == ExitCode.OK
    told = capsys.readouterr()
    command = f"exiftool -r -csv={out} -sep '|;' {photos}"
    assert json.loads(told.out)["commands"] == [command]
    assert f"To write the keywords into the photos: {command}" in told.err
    assert export("--format", "exiftool-csv", "-o", "-") == ExitCode.OK
    assert "To write the keywords" not in capsys.readouterr().err


def test_what_the_format_cannot_hold_is_said(
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def held(record, options):
        found = own_jsonl.FORMAT.held(record, options)
        assert found is not None
        present = tuple(item for item in found.classes if item.verdict is Verdict.PRESENT)
        return found._replace(classes=present)

    loses = replace(own_jsonl.FORMAT, name="loses", held=held, cannot_hold=(Loss.ABSENT,))
    monkeypatch.setattr(registry, "FORMATS", (loses,))
    # It is written as it is, which is more than it says it holds: the check finds that.
    code = export("--format", "loses", "-o", tmp_path / "out.jsonl", "--json")
    assert code == ExitCode.PARTIAL
    out, err = capsys.readouterr()
    assert "4 absent verdicts cannot be held by this format." in err
    assert "cat_1.jpg: The file says something else about “dog”." in err
    body = json.loads(out)
    assert body["losses"] == [
        {"loss": "absent", "count": 4, "text": "4 absent verdicts cannot be held by this format."}
    ]
    assert len(body["differences"]) == 2
    assert "loses absent verdicts" in export_parser().format_help()


def test_nothing_is_overwritten_without_replace(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    assert export("--format", "jsonl", "-o", out) == ExitCode.OUTPUT_FAILED
    assert "exists already. With --replace it is replaced." in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert export("--format", "jsonl", "-o", out, "--replace") == ExitCode.OK
    assert out.read_text() != "mine"


@pytest.mark.parametrize("name", ["photos/dog_1.jpg", "photos/DOG_1.JPG", "photos/dog_1.jpg.xmp"])
def test_photos_and_side_files_are_never_replaced(
    export: Export, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    place = tmp_path / name
    if not place.exists():
        place.write_bytes((photos / "dog_1.jpg").read_bytes())
    before = place.read_bytes()
    code = export("--format", "csv-long", "-o", place, "--replace")
    assert code == ExitCode.OUTPUT_FAILED
    assert "is a photo or its side file, which is never replaced" in capsys.readouterr().err
    assert place.read_bytes() == before


@pytest.mark.parametrize(
    "out", ["library/catalogue.sqlite", "photos/../library/new.csv", "link/catalogue.sqlite"]
)
def test_nothing_is_written_into_the_librarys_own_folder(
    export: Export, library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    (tmp_path / "link").symlink_to(library)
    before = sorted(library.iterdir())
    code = export("--format", "csv-long", "-o", tmp_path / out, "--replace")
    assert code == ExitCode.OUTPUT_FAILED
    assert "LMPT Desktop keeps for itself" in capsys.readouterr().err
    assert sorted(library.iterdir()) == before
    assert export("--format", "jsonl", "-o", "-") == ExitCode.OK


@pytest.mark.parametrize(
    "wrong",
    [
        (["--format", "nope", "-o", "-"], ExitCode.USAGE, "There are: "),
        (["--format", "jsonl"], ExitCode.USAGE, "Say where to write"),
        (["--format", "jsonl", "-o", "-", "--json"], ExitCode.USAGE, "either the file or"),
        (["--format", "jsonl", "-o", "/no/place/out"], ExitCode.USAGE, "does not exist"),
        (["--format", "jsonl", "-o", "-", "--option", "a=b"], ExitCode.USAGE, "no option a"),
        (["--format", "jsonl", "-o", "-", "--vocabulary", "dog,boat"], ExitCode.USAGE, "“boat”"),
        (["--format", "jsonl", "-o", "{tmp_path}"], ExitCode.OUTPUT_FAILED, "is a folder"),
        (["--format", "jsonl", "-o", "/dev/null"], ExitCode.OUTPUT_FAILED, "not an ordinary"),
    ],
)
def test_every_kind_of_failure_has_its_own_exit_code(
    export: Export,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    wrong: tuple[list[str], ExitCode, str],
) -> None:
    arguments, code, words = wrong
    assert export(*[item.format(tmp_path=tmp_path) for item in arguments]) == code
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("--predictions=2", "'2' is not none, own or a number from 0 to 1"),
        ("--predictions=some", "'some' is not none, own or a number from 0 to 1"),
        ("--option=a", "'a' is not NAME=VALUE"),
        ("--option==a", "'=a' is not NAME=VALUE"),
        ("--scope=none", "invalid choice"),
    ],
)
def test_what_the_parser_refuses_is_wrong_usage(
    export: Export, capsys: pytest.CaptureFixture[str], wrong: str, words: str
) -> None:
    with pytest.raises(SystemExit) as found:
        export("--format", "jsonl", "-o", "-", wrong)
    assert found.value.code == ExitCode.USAGE
    assert words in capsys.readouterr().err


def test_a_library_that_is_none_or_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    jsonl = ["--format", "jsonl", "-o", "-"]
    assert main([*jsonl, "--library", str(tmp_path)]) == ExitCode.LIBRARY_FAILED
    assert main(jsonl) == ExitCode.LIBRARY_FAILED
    assert not (tmp_path / "home" / "libraries").exists()
    Catalogue.open(tmp_path / "empty").close()
    assert main([*jsonl, "--library", str(tmp_path / "empty")]) == ExitCode.NOTHING_FOUND
    out, err = capsys.readouterr()
    assert out == ""
    assert f"There is no library in {tmp_path}." in err


def test_it_works_beside_a_window(
    export: Export, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Catalogue.open(library, exclusive=True):
        assert export("--format", "jsonl", "-o", "-", "--predictions", "0.5") == ExitCode.OK
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_every_exit_code_is_in_the_help() -> None:
    text = export_parser().format_help()
    for code in set(ExitCode) - {ExitCode.MODEL_FAILED, ExitCode.OTHER_FILES}:
        assert f"\n  {int(code)} " in text
    assert "\n  jsonl " in text
    assert "loses nothing" in text


def test_the_program_itself_imports_no_qt_and_no_torch(
    library: Path, tmp_path: Path, export: Export
) -> None:
    words = ["export", "--library", str(library), "--format", "jsonl", "-o", "-"]
    code = (
        "import sys\n"
        "from lmpt_desktop.__main__ import main\n"
        f"done = main({words!r})\n"
        "heavy = {'PySide6', 'pyqtgraph', 'torch', 'open_clip', 'timm'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or done)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {HOME_VARIABLE: str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(lines_of(done.stdout)) == 3


def test_a_reader_that_stops_early_is_no_error_of_ours(library: Path, tmp_path: Path) -> None:
    with Catalogue.open(library) as catalogue:
        for number in range(300):
            catalogue.classes.add(f"class {number} {'x' * 250}")
    command = [sys.executable, "-m", "lmpt_desktop", "export", "--library", str(library)]
    with subprocess.Popen(
        [*command, "--format", "jsonl", "-o", "-"],
        env=os.environ | {HOME_VARIABLE: str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == ExitCode.OUTPUT_FAILED


def test_side_files_are_written_beside_the_photos(
    export: Export, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in photos.rglob("*.jpg")}
    assert export("--format", "xmp", "--scope", "reviewed", "--json") == ExitCode.OK
    body = json.loads(capsys.readouterr().out)
    assert (body["written"], body["same"], body["skipped"]) == (1, 0, [])
    assert [path.name for path in photos.rglob("*.xmp")] == ["kite_1.jpg.xmp"]
    assert export("--format", "xmp", "--json") == ExitCode.OK
    body = json.loads(capsys.readouterr().out)
    assert (body["written"], body["same"]) == (2, 1)
    assert "dog" in (photos / "dog_1.jpg.xmp").read_text(encoding="utf-8")
    assert {path.name: path.read_bytes() for path in photos.rglob("*.jpg")} == before


def test_a_side_file_that_cannot_be_written_is_listed(
    export: Export, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "dog_1.jpg.xmp").write_text("<!DOCTYPE x><x/>")
    assert export("--format", "xmp") == ExitCode.PARTIAL
    assert f"{photos / 'dog_1.jpg'}: " in capsys.readouterr().err
    assert (photos / "dog_1.jpg.xmp").read_text() == "<!DOCTYPE x><x/>"
    assert (photos / "cat_1.jpg.xmp").exists()


def test_side_files_have_no_output(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("--format", "xmp", "-o", tmp_path / "out") == ExitCode.USAGE
    assert "leave out -o" in capsys.readouterr().err
    assert export("--format", "xmp", "--option", "naming=nope") == ExitCode.USAGE
    assert "naming cannot be nope" in capsys.readouterr().err
