from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_encoder import BIAS, SCALE, photo_vector, text_vector
from PIL import Image
from raw_photos import dng, patches

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.catalogue.errors import CatalogueDiskFull
from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.headless.tag import main, tag_parser
from lmpt_desktop.interchange.tags import CSV, tag_rows
from lmpt_desktop.paths import HOME_VARIABLE
from lmpt_desktop.settings import INSTANT
from trainer.class_texts import mean_embedding

SUPPORT = Path(__file__).parents[2] / "support"
NAMES = ["dog_1.jpg", "dog+cat_1.jpg", "sub/kite_1.jpg", "person_1.jpg"]

Tag = Callable[..., int]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    return folder


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("dog\ncat\nflying thing\tkite\n", encoding="utf-8")
    return path


@pytest.fixture
def tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tag:
    """Run the command with a fake encoder; everything it keeps is under ``tmp_path``."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    encoder = [sys.executable, str(SUPPORT / "fake_encoder.py")]

    def run(*arguments: object) -> int:
        return main([str(item) for item in arguments], Commands(encode=encoder))

    return run


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_one_row_per_photo_and_predicted_class_on_standard_output(
    tag: Tag, photos: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tag(photos, "--vocabulary", words) == ExitCode.OK
    found = rows(capsys.readouterr().out)
    assert [(row["path"], row["class"]) for row in found] == [
        (str(photos / "dog+cat_1.jpg"), found[0]["class"]),
        (str(photos / "dog+cat_1.jpg"), found[1]["class"]),
        (str(photos / "dog_1.jpg"), "dog"),
        (str(photos / "sub" / "kite_1.jpg"), "flying thing"),
    ]
    assert {found[0]["class"], found[1]["class"]} == {"dog", "cat"}
    assert all(0.5 <= float(row["score"]) <= 1 for row in found)
    assert {row["band"] for row in found} == {"tail"}


def test_several_descriptions_of_a_class_are_averaged(
    tag: Tag, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("pet\tdog; cat\ndog; cat\nkite\n", encoding="utf-8")
    assert tag(photos, "--vocabulary", words, "--all") == ExitCode.OK
    found = rows(capsys.readouterr().out)
    scores = {(Path(row["path"]).name, row["class"]): float(row["score"]) for row in found}
    pet = mean_embedding(np.stack([text_vector("dog"), text_vector("cat")]))
    for name in NAMES:
        file = Path(name)
        for label, vector in (("pet", pet), ("dog; cat", text_vector("dog; cat"))):
            logit = SCALE * float(photo_vector(file) @ vector) + BIAS
            expected = 1 / (1 + np.exp(-logit))
            assert scores[file.name, label] == pytest.approx(expected, abs=2e-3)


def test_all_gives_a_row_for_every_class(
    tag: Tag, photos: Path, words: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    assert tag(photos, "--vocabulary", words, "--all", "-o", out) == ExitCode.OK
    body = json.loads(out.read_text(encoding="utf-8"))
    assert len(body) == len(NAMES) * 3
    assert set(body[0]) == {"path", "class", "score", "band"}


def test_the_default_vocabulary_is_the_librarys_own_and_else_everyday(
    tag: Tag, photos: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tag(photos) == ExitCode.OK
    assert "kite" in {row["class"] for row in rows(capsys.readouterr().out)}
    tag(photos, "--vocabulary", words)
    capsys.readouterr()
    assert tag(photos) == ExitCode.OK
    assert {row["class"] for row in rows(capsys.readouterr().out)} == {
        "dog",
        "cat",
        "flying thing",
    }


def test_annotations_outweigh_predictions_as_in_the_windows_export(
    tag: Tag, photos: Path, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "library"
    tag(photos, "--vocabulary", words, "--library", library)
    capsys.readouterr()
    with Catalogue.open(library) as catalogue:
        # Two verdicts would teach the other predictions, too.
        catalogue.settings.set(INSTANT.key, False)
        classes = {entry.name: entry.id for entry in catalogue.classes.all()}
        ids = catalogue.images.table().ids.tolist()
        images = {path.name: i for i, path in zip(ids, catalogue.images.paths(ids), strict=True)}
        catalogue.annotations.apply(
            [
                Change(images["dog+cat_1.jpg"], classes["dog"], Verdict.ABSENT),
                Change(images["person_1.jpg"], classes["cat"], Verdict.PRESENT),
            ]
        )
    assert tag(photos, "--library", library) == ExitCode.OK
    out = capsys.readouterr().out
    found = [(Path(row["path"]).name, row["class"]) for row in rows(out)]
    assert sorted(found) == [
        ("dog+cat_1.jpg", "cat"),
        ("dog_1.jpg", "dog"),
        ("kite_1.jpg", "flying thing"),
        ("person_1.jpg", "cat"),
    ]
    with LibrarySession.open(library, encode=False) as session:
        session.wait_until_idle()
        snapshot = session.snapshot()
        exported = io.StringIO()
        CSV.write(
            tag_rows(snapshot, np.arange(len(snapshot.images)), session.images.paths), exported
        )
    assert sorted(exported.getvalue().splitlines()) == sorted(out.splitlines())


def test_a_second_run_encodes_nothing_again(
    tag: Tag, photos: Path, words: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    tag(photos, "--vocabulary", words, "--library", library)
    starts = library / "encode" / "starts.txt"
    before = starts.read_text()
    assert tag(photos, "--library", library) == ExitCode.OK
    assert starts.read_text() == before


def test_only_the_given_folders_are_worked_on_and_listed(
    tag: Tag, photos: Path, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (30, 30)).save(other / "cat_9.jpg")
    tag(photos, "--vocabulary", words)
    capsys.readouterr()
    (photos / "new_1.jpg").write_bytes((photos / "dog_1.jpg").read_bytes())
    assert tag(other) == ExitCode.OK
    assert [row["path"] for row in rows(capsys.readouterr().out)] == [str(other / "cat_9.jpg")]
    assert tag(photos / "sub") == ExitCode.OK
    assert [row["class"] for row in rows(capsys.readouterr().out)] == ["flying thing"]


def test_a_folder_may_be_named_through_a_link(
    tag: Tag, photos: Path, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(photos)
    tag(photos, "--vocabulary", words)
    listed = capsys.readouterr().out
    assert tag(tmp_path / "link") == ExitCode.OK
    assert capsys.readouterr().out == listed
    assert tag(tmp_path / "link" / "sub") == ExitCode.OK
    assert [row["class"] for row in rows(capsys.readouterr().out)] == ["flying thing"]


def test_unreadable_photos_are_listed_on_stderr_and_the_rest_is_tagged(
    tag: Tag, photos: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (31, 31)).save(photos / "bad_1.jpg")
    (photos / "empty.jpg").touch()
    assert tag(photos, "--vocabulary", words) == ExitCode.PARTIAL
    found = capsys.readouterr()
    assert len(rows(found.out)) == 4 and "end of the file" not in found.err
    assert "bad_1.jpg: This file is not a photo." in found.err
    assert "empty.jpg: " in found.err
    Image.effect_noise((96, 96), 60).save(photos / "dog_1.jpg")
    whole = (photos / "dog_1.jpg").read_bytes()
    (photos / "dog_1.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    assert tag(photos, "--vocabulary", words) == ExitCode.PARTIAL
    told = capsys.readouterr().err
    assert "dog_1.jpg: The end of the file is missing. What is there was tagged." in told


def test_files_of_other_kinds_are_counted_on_stderr_and_by_the_exit_code(
    tag: Tag, photos: Path, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("film.mov", "sub/film.MOV", "drawing.eps", "dog_1.xmp", "@eaDir/dog_9.jpg"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"x")
    sentence = "3 files were left out: 2 .mov, 1 .eps."
    assert tag(photos, "--vocabulary", words) == ExitCode.OTHER_FILES
    found = capsys.readouterr()
    assert len(rows(found.out)) == 4
    assert sentence in found.err
    only = tmp_path / "only"
    only.mkdir()
    (photos / "film.mov").rename(only / "film.mov")
    assert tag(only, "--library", tmp_path / "library") == ExitCode.NOTHING_FOUND
    assert "No photos were found in" in (said := capsys.readouterr().err)
    assert "1 file was left out: 1 .mov." in said


@pytest.mark.parametrize(
    "wrong",
    [
        (["/no/such/folder"], ExitCode.USAGE, "There is no folder"),
        (["{photos}", "--vocabulary", "nope"], ExitCode.USAGE, "neither built in"),
        (["{photos}", "-o", "/no/such/place/out.csv"], ExitCode.USAGE, "does not exist"),
        (["{photos}/dog_1.jpg"], ExitCode.USAGE, "not a folder"),
        (["{empty}"], ExitCode.NOTHING_FOUND, "No photos were found"),
    ],
)
def test_every_kind_of_failure_has_its_own_exit_code(
    tag: Tag,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    wrong: tuple[list[str], ExitCode, str],
) -> None:
    arguments, code, words_of_it = wrong
    (tmp_path / "empty").mkdir()
    places = {"photos": photos, "empty": tmp_path / "empty"}
    assert tag(*[item.format(**places) for item in arguments]) == code
    found = capsys.readouterr()
    assert words_of_it in found.err
    assert found.out == ""


def test_a_model_that_cannot_be_loaded_is_reported_and_nothing_is_written(
    tag: Tag,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"fail": {"ViT-B-16/openai": "no-network"}}))
    out = tmp_path / "out.csv"
    code = tag(photos, "--backbone", "ViT-B-16/openai", "-o", out)
    assert code == ExitCode.MODEL_FAILED
    assert not out.exists()
    assert "ViT-B-16/openai cannot be used here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "out", ["photos/dog_1.jpg", "photos/dog_1.xmp", "library/catalogue.sqlite"]
)
def test_no_photo_side_file_or_library_is_written_over(
    tag: Tag, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    assert tag(photos, "--library", tmp_path / "library", "-o", tmp_path / "tags.csv") == 0
    (photos / "dog_1.xmp").write_text("mine")
    place = tmp_path / out
    before = place.read_bytes()
    code = tag(photos, "--library", tmp_path / "library", "-o", place)
    assert code == ExitCode.OUTPUT_FAILED
    assert str(place) in capsys.readouterr().err.replace("\n", "")
    assert place.read_bytes() == before


def test_a_library_that_is_no_catalogue_has_its_own_exit_code(
    tag: Tag, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "catalogue.sqlite").write_text("this is no database, whatever its name says")
    assert tag(photos, "--library", library) == ExitCode.LIBRARY_FAILED
    assert "catalogue.sqlite" in capsys.readouterr().err.replace("\n", "")


def test_a_vocabulary_that_would_drop_annotated_classes_is_refused(
    tag: Tag, photos: Path, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "library"
    tag(photos, "--vocabulary", words, "--library", library)
    with Catalogue.open(library) as catalogue:
        image = int(catalogue.images.table().ids[0])
        catalogue.annotations.apply([Change(image, catalogue.classes.all()[0].id, 1)])
    (tmp_path / "other.txt").write_text("boat\n")
    capsys.readouterr()
    refused = tag(photos, "--vocabulary", tmp_path / "other.txt", "--library", library)
    assert refused == ExitCode.USAGE
    assert "annotations of classes" in capsys.readouterr().err


def test_a_vocabulary_is_not_changed_under_an_open_window(
    tag: Tag, photos: Path, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "lib"
    assert tag(photos, "--library", library, "--vocabulary", words) == ExitCode.OK
    with Catalogue.open(library, exclusive=True) as catalogue:
        before = catalogue.classes.all()
        capsys.readouterr()
        answer = tag(photos, "--library", library, "--vocabulary", "voc20")
        assert answer == ExitCode.LIBRARY_FAILED
        assert "another window" in capsys.readouterr().err
        assert catalogue.classes.all() == before
        assert tag(photos, "--library", library, "--vocabulary", words) == ExitCode.OK


def test_folders_that_cannot_be_listed_are_named_on_stderr(
    tag: Tag,
    photos: Path,
    words: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert tag(photos, "--vocabulary", words) == ExitCode.PARTIAL
    out, err = capsys.readouterr()
    assert "dog_1.jpg" in out
    assert "sub/" not in out
    assert f"{photos / 'sub'}: You do not have permission" in err


def test_a_scan_that_could_not_be_saved_is_not_passed_off_as_all_there_is(
    tag: Tag,
    photos: Path,
    words: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object) -> list[int]:
        raise CatalogueDiskFull("The disk is full.")

    monkeypatch.setattr("lmpt_desktop.catalogue.images.Images.upsert", full)
    assert tag(photos, "--vocabulary", words) == ExitCode.LIBRARY_FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert "The disk is full." in err


def test_every_exit_code_is_in_the_help() -> None:
    text = tag_parser().format_help()
    for code in ExitCode:
        assert f"\n  {int(code)} " in text


def test_the_command_imports_no_qt_and_no_torch(photos: Path, words: Path, tmp_path: Path) -> None:
    encoder = [sys.executable, str(SUPPORT / "fake_encoder.py")]
    code = (
        "import sys\n"
        "from lmpt_desktop.engine.session import Commands\n"
        "from lmpt_desktop.headless import tag\n"
        f"done = tag.main({[str(photos), '--vocabulary', str(words)]!r},"
        f" Commands(encode={encoder!r}))\n"
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
    assert len(rows(done.stdout)) == 4


def test_help_and_version_of_the_app_need_no_qt() -> None:
    code = (
        "import sys\n"
        "from lmpt_desktop.__main__ import main\n"
        "try:\n    main([sys.argv[1]])\nexcept SystemExit as end:\n    assert not end.code\n"
        "sys.exit('PySide6' in sys.modules)"
    )
    for option in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", code, option], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "lmpt-desktop" in done.stdout


def test_the_source_of_every_row_is_a_fifth_column(
    tag: Tag, photos: Path, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "library"
    tag(photos, "--vocabulary", words, "--library", library)
    capsys.readouterr()
    with Catalogue.open(library) as catalogue:
        catalogue.settings.set(INSTANT.key, False)
        dog, cat, kite = (entry.id for entry in catalogue.classes.all())
        ids = catalogue.images.table().ids.tolist()
        images = {path.name: i for i, path in zip(ids, catalogue.images.paths(ids), strict=True)}
        said = catalogue.annotations
        said.apply([Change(images["person_1.jpg"], cat, Verdict.PRESENT)])
        said.apply([Change(images["person_1.jpg"], dog, Verdict.PRESENT)], Source.IMPORT)
        said.apply([Change(images["kite_1.jpg"], kite, Verdict.PRESENT)], Source.MACHINE)
        said.set_reviewed([images["kite_1.jpg"]], reviewed=True)
    assert tag(photos, "--library", library, "--source") == ExitCode.OK
    found = rows(capsys.readouterr().out)
    assert list(found[0]) == ["path", "class", "score", "band", "source"]
    assert sorted((Path(row["path"]).name, row["class"], row["source"]) for row in found) == [
        ("dog+cat_1.jpg", "cat", "prediction"),
        ("dog+cat_1.jpg", "dog", "prediction"),
        ("dog_1.jpg", "dog", "prediction"),
        ("kite_1.jpg", "flying thing", "machine"),
        ("person_1.jpg", "cat", "user"),
        ("person_1.jpg", "dog", "import"),
    ]
    assert tag(photos, "--library", library, "--source", "--all") == ExitCode.OK
    sources = {
        (Path(row["path"]).name, row["class"]): row["source"]
        for row in rows(capsys.readouterr().out)
    }
    assert sources["kite_1.jpg", "dog"] == "reviewed"
    assert sources["dog_1.jpg", "cat"] == "prediction"


@pytest.mark.parametrize("left", [None, b"", b"x"])
def test_an_emptied_library_is_not_begun_anew(
    tag: Tag,
    photos: Path,
    tmp_path: Path,
    left: bytes | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    library = tmp_path / "library"
    Catalogue.open(library).close()
    path = library / "catalogue.sqlite"
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    assert tag(photos, "--library", library) == ExitCode.LIBRARY_FAILED
    told = " ".join(capsys.readouterr().err.split())
    assert "is damaged and was not opened" in told
    assert "offers to restore one" in told
    assert path.exists() == (left is not None)


def test_a_raw_file_has_the_row_of_its_photo_if_it_is_asked_for(
    tag: Tag, photos: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "dog_1.DNG").write_bytes(dng(patches(96, 64)))
    assert tag(photos, "--vocabulary", words) == ExitCode.OK
    told = capsys.readouterr()
    of_dog = [row for row in rows(told.out) if "dog_1." in row["path"]]
    assert [row["path"] for row in of_dog] == [str(photos / "dog_1.jpg")]
    assert "1 raw file is part of the photo of its name; --each-file" in told.err
    assert tag(photos, "--vocabulary", words, "--each-file") == ExitCode.OK
    told = capsys.readouterr()
    both = [row for row in rows(told.out) if "dog_1." in row["path"]]
    assert [row["path"] for row in both] == [str(photos / f"dog_1.{s}") for s in ("jpg", "DNG")]
    assert {row["score"] for row in both} == {of_dog[0]["score"]}
    assert "raw file" not in told.err
