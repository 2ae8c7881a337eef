"""Raw files and photos of the same name in an open library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from class_ids import class_id
from PIL import Image
from raw_photos import dng, patches
from xmp_samples import SAMPLES

from lmpt_desktop.domain.raw_pairs import PairFigures
from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.interchange.exports import ExportChoices
from lmpt_desktop.engine.interchange.side_files import SideFileStatus
from lmpt_desktop.engine.notices import Notice, RawPairsChanged, RawPairsOffered
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.importing.choices import ImportChoices
from lmpt_desktop.interchange.xmp.side_files import Naming, keywords_in
from lmpt_desktop.settings import RAW_PAIRS

LIGHT = patches(96, 64)
PRESENT, ABSENT, UNKNOWN = Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(["a", "b"]):
        Image.new("RGB", (60, 40), (number * 40, 90, 20)).save(folder / f"{name}.jpg")
        (folder / f"{name}.dng").write_bytes(dng(LIGHT * (1 - number / 50)))
    return folder


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LibrarySession]:
    with LibrarySession.open(tmp_path / "library", encode=False) as made:
        made.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat")])
        yield made


@pytest.fixture
def separate(tmp_path: Path, photos: Path) -> Path:
    """A library of before, in which every file was a photo, and each of "a" has a verdict."""
    with LibrarySession.open(tmp_path / "library", encode=False) as session:
        assert names(session) == []
        session.raw_pairs.switch(False)
        session.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat")])
        session.folders.add(photos)
        assert names(session) == ["a.dng", "a.jpg", "b.dng", "b.jpg"]
        say(session, "a.dng", "dog", PRESENT)
        say(session, "a.jpg", "dog", ABSENT)
        say(session, "a.dng", "cat", PRESENT)
        session.settings.set(RAW_PAIRS, None)
    return tmp_path / "library"


def names(session: LibrarySession) -> list[str]:
    assert session.wait_until_idle(60)
    return sorted(session.snapshot().images.names)


def say(session: LibrarySession, name: str, klass: str, verdict: Verdict) -> int:
    row = session.snapshot().images.names.index(name)
    image_id = int(session.snapshot().image_ids[row])
    session.annotations.annotate([image_id], [class_id(session, klass)], verdict)
    return image_id


def said(session: LibrarySession, name: str) -> list[int]:
    return session.snapshot().annotations[session.snapshot().images.names.index(name)].tolist()


def test_in_a_new_library_they_are_one_photo_and_count_once(
    session: LibrarySession, photos: Path
) -> None:
    session.folders.add(photos)
    assert names(session) == ["a.jpg", "b.jpg"]
    assert session.raw_pairs.on
    assert session.raw_pairs.offer is None
    image_id = say(session, "a.jpg", "dog", PRESENT)
    assert session.snapshot().images.raw_suffix(session.snapshot().row_of[image_id]) == ".dng"
    assert session.raw_pairs.paths_with(image_id) == [photos / "a.dng"]
    session.raw_pairs.switch(False)
    assert names(session) == ["a.dng", "a.jpg", "b.dng", "b.jpg"]
    assert said(session, "a.dng") == [PRESENT, UNKNOWN]
    (done,) = [item for item in session.annotations.history() if item.action == "shared"]
    assert done.label == "Verdicts of a raw file and its photo joined"
    session.annotations.undo(done.id)
    assert said(session, "a.dng") == [UNKNOWN, UNKNOWN]


def test_a_library_with_verdicts_on_raw_files_is_asked_before_anything_changes(
    separate: Path,
) -> None:
    heard: list[Notice] = []
    with LibrarySession.open(separate, encode=False, listener=heard.append) as session:
        assert names(session) == ["a.dng", "a.jpg", "b.dng", "b.jpg"]
        assert not session.raw_pairs.on
        assert session.raw_pairs.offer == PairFigures(2, 1, 1)
        assert heard.count(RawPairsOffered()) == 1
        session.raw_pairs.switch(True)
        assert names(session) == ["a.jpg", "b.jpg"]
        assert session.raw_pairs.offer is None
        assert said(session, "a.jpg") == [ABSENT, PRESENT]
        (changed,) = [notice for notice in heard if isinstance(notice, RawPairsChanged)]
        row = session.snapshot().images.names.index("a.jpg")
        assert changed.contradicting == (int(session.snapshot().image_ids[row]),)
        session.raw_pairs.switch(False)
        assert names(session) == ["a.dng", "a.jpg", "b.dng", "b.jpg"]
        assert said(session, "a.dng") == [PRESENT, PRESENT]
    with LibrarySession.open(separate, encode=False) as session:
        assert names(session) == ["a.dng", "a.jpg", "b.dng", "b.jpg"]
        assert session.raw_pairs.offer is None


def test_both_files_get_side_files_of_their_own_or_share_one(
    session: LibrarySession, photos: Path
) -> None:
    session.folders.add(photos)
    names(session)
    say(session, "a.jpg", "dog", PRESENT)
    preview = session.side_files.preview()
    assert [item.path.name for item in preview.changes] == ["a.jpg.xmp", "a.dng.xmp"]
    assert session.side_files.write(preview).written == 2
    for name in ("a.jpg.xmp", "a.dng.xmp"):
        assert keywords_in((photos / name).read_bytes()).flat == ("dog",)
    shared = session.side_files.preview(naming=Naming.WITHOUT_SUFFIX)
    assert [(item.path.name, item.status) for item in shared.changes] == [
        ("a.xmp", SideFileStatus.NEW)
    ]
    session.side_files.write(shared)
    assert keywords_in((photos / "a.xmp").read_bytes()).flat == ("dog",)
    say(session, "a.jpg", "dog", UNKNOWN)
    for naming in Naming:
        session.side_files.write(session.side_files.preview(naming=naming))
    assert sorted(path.suffix for path in photos.iterdir()) == [".dng", ".dng", ".jpg", ".jpg"]


def test_what_was_written_beside_a_raw_file_stays_when_it_becomes_part_of_a_photo(
    separate: Path, photos: Path
) -> None:
    with LibrarySession.open(separate, encode=False) as session:
        names(session)
        session.side_files.write(session.side_files.preview())
        assert keywords_in((photos / "a.dng.xmp").read_bytes()).flat == ("dog", "cat")
        session.raw_pairs.switch(True)
        names(session)
        preview = session.side_files.preview()
        assert {item.path.name: item.added for item in preview.changes} == {
            "a.jpg.xmp": ("cat",),
            "a.dng.xmp": (),
        }
        session.side_files.write(preview)
        assert keywords_in((photos / "a.dng.xmp").read_bytes()).flat == ("cat",)


def test_keywords_beside_the_raw_file_are_those_of_the_photo(
    session: LibrarySession, photos: Path
) -> None:
    session.folders.add(photos)
    names(session)
    for name in ("a.dng.xmp", "b.xmp"):
        (photos / name).write_bytes(SAMPLES["lightroom"])
    survey = session.imports.survey(photos, "xmp", {})
    assert [Path(item.path).name for item in survey.references] == ["a.jpg", "b.jpg"]
    assert survey.images_per_class.max() == 2


def test_an_export_has_one_record_that_names_both_files(
    session: LibrarySession, photos: Path, tmp_path: Path
) -> None:
    session.folders.add(photos)
    names(session)
    say(session, "a.jpg", "dog", PRESENT)
    assert session.exports.write(ExportChoices("jsonl"), tmp_path / "out.jsonl").differences == ()
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(line["path"], line["raw_files"]) for line in lines] == [
        ("a.jpg", ["a.dng"]),
        ("b.jpg", ["b.dng"]),
    ]
    survey = session.imports.survey(tmp_path / "out.jsonl", "jsonl", {})
    assert survey.bad_row_count == 0


def test_an_import_that_names_both_files_of_a_pair_finds_the_photo_twice(
    session: LibrarySession, photos: Path, tmp_path: Path
) -> None:
    session.folders.add(photos)
    names(session)
    listed = tmp_path / "tags.csv"
    rows = ["a.jpg,dog", "a.DNG,cat", "other/a.dng,dog", "b.dng,dog"]
    listed.write_text("path,label\n" + "\n".join(rows) + "\n")
    (detected, *_others) = session.imports.formats(listed)
    survey = session.imports.survey(listed, detected.format.name, {})
    preview = session.imports.preview(survey, ImportChoices())
    found = dict(
        zip(
            [reference.path for reference in survey.references],
            preview.matches.image_ids.tolist(),
            strict=True,
        )
    )
    assert found["a.jpg"] == found["a.DNG"] != -1
    assert found["other/a.dng"] == -1
    session.imports.apply(preview)
    assert said(session, "a.jpg") == [PRESENT, PRESENT]
    assert said(session, "b.jpg") == [PRESENT, UNKNOWN]


def test_a_folder_that_is_added_again_has_pairs_as_they_are_wanted_now(
    session: LibrarySession, photos: Path
) -> None:
    folder = session.folders.add(photos)
    assert names(session) == ["a.jpg", "b.jpg"]
    say(session, "a.jpg", "dog", PRESENT)
    session.folders.remove(folder.id)
    assert names(session) == []
    session.raw_pairs.switch(False)
    assert names(session) == []
    session.folders.add(photos)
    assert names(session) == ["a.dng", "a.jpg", "b.dng", "b.jpg"]
    assert said(session, "a.dng") == said(session, "a.jpg") == [PRESENT, UNKNOWN]
    session.folders.remove(folder.id)
    session.raw_pairs.switch(True)
    names(session)
    session.folders.add(photos)
    assert names(session) == ["a.jpg", "b.jpg"]
