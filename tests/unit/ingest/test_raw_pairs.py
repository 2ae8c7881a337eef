"""A raw file and a developed photo of the same name, from the disk to the catalogue."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from raw_photos import dng, patches

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.ignore_list import IgnoreList
from lmpt_desktop.domain.records import CaptionSource, ImageState, Verdict
from lmpt_desktop.ingest import SyncReport, sync

LIGHT = patches(96, 64)
PRESENT, ABSENT, UNKNOWN = Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN


@pytest.fixture
def raw(photos: Path):
    """``raw("a/b.dng", seed=3)``: a raw file, another for each seed."""

    def make(name: str, seed: int = 0) -> Path:
        path = photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dng(LIGHT * (1 - seed / 50)))
        return path

    return make


@pytest.fixture
def dog(catalogue: Catalogue) -> int:
    return catalogue.classes.add("dog").id


@pytest.fixture
def pets(catalogue: Catalogue, dog: int) -> tuple[int, int]:
    """Dog and cat."""
    return dog, catalogue.classes.add("cat").id


def scan(catalogue: Catalogue, photos: Path, *, on: bool = True, **options) -> SyncReport:
    return sync(catalogue, catalogue.folders.add(photos).id, raw_pairs=on, **options)


def switch(catalogue: Catalogue, *, on: bool):
    ids = [folder.id for folder in catalogue.folders.all()]
    return catalogue.pairs.refresh(ids, "joined", enabled=on)


def shown(catalogue: Catalogue) -> dict[str, str]:
    """Name of every image that is shown and there, and the suffix of its raw file."""
    table = catalogue.images.table()
    return {
        name: table.raw_suffix(row)
        for row, name in enumerate(table.names)
        if table.states[row] != ImageState.MISSING
    }


def id_of(catalogue: Catalogue, name: str) -> int:
    """Of an image that is shown or a companion."""
    table = catalogue.images.table()
    ids = dict(zip(table.names, table.ids.tolist(), strict=True))
    return ids.get(name) or next(
        item.image_id for item in catalogue.pairs.companions() if item.name == name
    )


def say(catalogue: Catalogue, image_id: int, class_id: int, verdict: Verdict) -> None:
    catalogue.annotations.apply([Change(image_id, class_id, verdict)])


def said(catalogue: Catalogue, image_id: int, *class_ids: int) -> list[int]:
    return catalogue.annotations.matrix(np.array([image_id]), np.array(class_ids))[0].tolist()


def test_a_raw_file_is_shown_as_part_of_the_photo_of_its_name(
    catalogue: Catalogue, photos: Path, draw, raw
) -> None:
    draw("a/IMG_1.JPG")
    raw("a/img_1.dng")
    raw("a/IMG_2.DNG", 2)
    draw("IMG_2.jpg", 2)
    report = scan(catalogue, photos)
    assert shown(catalogue) == {"a/IMG_1.JPG": ".dng", "a/IMG_2.DNG": "", "IMG_2.jpg": ""}
    assert [len(pairs.formed) for pairs in report.paired] == [1]
    assert scan(catalogue, photos).paired == []


def test_without_the_setting_every_file_is_a_photo(
    catalogue: Catalogue, photos: Path, draw, raw
) -> None:
    draw("a.jpg")
    raw("a.dng")
    assert scan(catalogue, photos, on=False).paired == []
    assert shown(catalogue) == {"a.jpg": "", "a.dng": ""}
    switch(catalogue, on=True)
    assert shown(catalogue) == {"a.jpg": ".dng"}
    switch(catalogue, on=False)
    assert shown(catalogue) == {"a.jpg": "", "a.dng": ""}


def test_no_developed_photo_is_hidden_and_the_nearest_name_is_shown(
    catalogue: Catalogue, photos: Path, draw, raw
) -> None:
    draw("a.jpeg", 1)
    draw("A.jpg", 2)
    draw("a.png", 3)
    raw("a.dng", 1)
    raw("a.nef", 2)
    scan(catalogue, photos)
    assert shown(catalogue) == {"a.jpeg": ".nef", "A.jpg": "", "a.png": ""}


def test_a_photo_that_cannot_be_read_hides_no_raw_file(
    catalogue: Catalogue, photos: Path, raw
) -> None:
    (photos / "a.jpg").write_bytes(b"no photo")
    raw("a.dng")
    scan(catalogue, photos)
    assert shown(catalogue) == {"a.jpg": "", "a.dng": ""}


def test_new_raw_files_are_not_shown_for_a_moment(
    catalogue: Catalogue, photos: Path, draw, raw
) -> None:
    raw("a.dng")
    draw("a.jpg")
    seen: set[str] = set()
    scan(catalogue, photos, on_commit=lambda: seen.update(catalogue.images.table().names))
    assert seen == {"a.jpg"}


def test_verdicts_of_both_files_are_joined(
    catalogue: Catalogue, photos: Path, draw, raw, pets: tuple[int, int]
) -> None:
    dog, cat = pets
    draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos, on=False)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, raw_file, dog, PRESENT)
    say(catalogue, photo, cat, ABSENT)
    catalogue.images.set_caption(raw_file, "my dog", CaptionSource.USER)
    catalogue.runs.add_held_out([raw_file])
    report = switch(catalogue, on=True)
    assert said(catalogue, photo, dog, cat) == [PRESENT, ABSENT]
    assert catalogue.images.details(photo).caption == "my dog"
    assert catalogue.runs.is_held_out(photo)
    assert report.contradicting == []
    assert [batch.label for batch in report.batches] == ["joined"]
    catalogue.annotations.undo(report.batches[0].id)
    assert said(catalogue, photo, dog, cat) == [UNKNOWN, ABSENT]
    scan(catalogue, photos)
    assert said(catalogue, photo, dog, cat) == [UNKNOWN, ABSENT]


def test_verdicts_that_contradict_are_kept_and_the_photos_own_counts(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos, on=False)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, raw_file, dog, PRESENT)
    say(catalogue, photo, dog, ABSENT)
    ids = [folder.id for folder in catalogue.folders.all()]
    assert catalogue.pairs.preview(ids) == (1, 1, 1)
    report = switch(catalogue, on=True)
    assert report.contradicting == [photo]
    assert report.batches == []
    assert said(catalogue, photo, dog) == [ABSENT]
    assert switch(catalogue, on=False).batches == []
    assert said(catalogue, raw_file, dog) == [PRESENT]


def test_reviews_are_joined_as_reviews(
    catalogue: Catalogue, photos: Path, draw, raw, pets: tuple[int, int]
) -> None:
    dog, cat = pets
    draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos, on=False)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, raw_file, dog, PRESENT)
    catalogue.annotations.set_reviewed([raw_file], True)
    switch(catalogue, on=True)
    assert said(catalogue, photo, dog, cat) == [PRESENT, ABSENT]
    assert photo in catalogue.annotations.reviewed()
    assert catalogue.check_soundness().sound


def test_what_is_said_of_a_pair_is_said_of_both_when_it_ends(
    catalogue: Catalogue, photos: Path, draw, raw, pets: tuple[int, int]
) -> None:
    dog, cat = pets
    draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos, on=False)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, raw_file, dog, PRESENT)
    switch(catalogue, on=True)
    say(catalogue, photo, dog, ABSENT)
    say(catalogue, photo, cat, PRESENT)
    switch(catalogue, on=False)
    assert said(catalogue, raw_file, dog, cat) == [ABSENT, PRESENT]
    assert said(catalogue, photo, dog, cat) == [ABSENT, PRESENT]


def test_a_deleted_photo_leaves_everything_to_its_raw_file(
    catalogue: Catalogue, photos: Path, draw, raw, pets: tuple[int, int]
) -> None:
    dog, _cat = pets
    path = draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, photo, dog, PRESENT)
    data = path.read_bytes()
    path.unlink()
    scan(catalogue, photos)
    assert shown(catalogue) == {"a.dng": ""}
    assert said(catalogue, raw_file, dog) == [PRESENT]
    assert catalogue.missing.all() == []
    say(catalogue, raw_file, dog, ABSENT)
    path.write_bytes(data)
    scan(catalogue, photos)
    assert shown(catalogue) == {"a.jpg": ".dng"}
    assert said(catalogue, photo, dog) == [ABSENT]


def test_a_photo_that_is_moved_away_keeps_its_verdicts_and_so_does_the_raw_file(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    path = draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, photo, dog, PRESENT)
    (photos / "best").mkdir()
    path.rename(photos / "best" / "a.jpg")
    scan(catalogue, photos)
    assert shown(catalogue) == {"best/a.jpg": "", "a.dng": ""}
    assert id_of(catalogue, "best/a.jpg") == photo
    assert said(catalogue, photo, dog) == said(catalogue, raw_file, dog) == [PRESENT]


@pytest.mark.parametrize("moved", ["IMG_1.jpg", "IMG_1.dng"])
def test_half_of_a_pair_moved_to_another_folder_of_the_library_leaves_the_other_shown(
    catalogue: Catalogue, photos: Path, draw, raw, moved: str
) -> None:
    dog = catalogue.classes.add("dog").id
    draw("a/IMG_1.jpg")
    raw("a/IMG_1.dng")
    (photos / "b").mkdir()
    scan(catalogue, photos / "a")
    scan(catalogue, photos / "b")
    say(catalogue, id_of(catalogue, "IMG_1.jpg"), dog, PRESENT)
    (photos / "a" / moved).rename(photos / "b" / moved)
    scan(catalogue, photos / "b")
    scan(catalogue, photos / "a")
    assert shown(catalogue) == {"IMG_1.jpg": "", "IMG_1.dng": ""}
    for name in shown(catalogue):
        assert said(catalogue, id_of(catalogue, name), dog) == [PRESENT]


def test_a_deleted_raw_file_is_not_missed(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    draw("a.jpg")
    path = raw("a.dng")
    scan(catalogue, photos)
    photo = id_of(catalogue, "a.jpg")
    say(catalogue, photo, dog, PRESENT)
    data = path.read_bytes()
    path.unlink()
    scan(catalogue, photos)
    assert shown(catalogue) == {"a.jpg": ""}
    assert len(catalogue.images.table()) == 1
    path.write_bytes(data)
    scan(catalogue, photos)
    assert shown(catalogue) == {"a.jpg": ".dng"}


def test_both_files_renamed_alike_are_still_a_pair(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    first, second = draw("a.jpg"), raw("a.dng")
    scan(catalogue, photos)
    photo = id_of(catalogue, "a.jpg")
    say(catalogue, photo, dog, PRESENT)
    first.rename(photos / "holiday.jpg")
    second.rename(photos / "holiday.dng")
    seen: set[str] = set()
    report = scan(catalogue, photos, on_commit=lambda: seen.update(catalogue.images.table().names))
    assert shown(catalogue) == {"holiday.jpg": ".dng"}
    assert id_of(catalogue, "holiday.jpg") == photo
    assert report.paired == []
    assert "holiday.dng" not in seen


def test_a_pair_follows_to_its_copies(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    draw("old/a.jpg")
    raw("old/a.dng")
    scan(catalogue, photos)
    say(catalogue, id_of(catalogue, "old/a.jpg"), dog, PRESENT)
    shutil.copytree(photos / "old", photos / "new")
    scan(catalogue, photos)
    shutil.rmtree(photos / "old")
    scan(catalogue, photos)
    assert shown(catalogue) == {"new/a.jpg": ".dng"}
    assert said(catalogue, id_of(catalogue, "new/a.jpg"), dog) == [PRESENT]
    assert len(catalogue.images.table()) == 1


def test_verdicts_on_a_raw_file_follow_to_the_photo_that_shows_its_copy(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    old = raw("old/a.dng")
    draw("new/a.jpg")
    raw("new/a.dng")
    scan(catalogue, photos)
    say(catalogue, id_of(catalogue, "old/a.dng"), dog, PRESENT)
    old.unlink()
    scan(catalogue, photos)
    assert shown(catalogue) == {"new/a.jpg": ".dng"}
    assert said(catalogue, id_of(catalogue, "new/a.jpg"), dog) == [PRESENT]


def test_another_picture_under_the_photos_name_gets_no_verdict(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    draw("a.jpg", 1)
    raw("a.dng")
    scan(catalogue, photos)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, photo, dog, PRESENT)
    draw("a.jpg", 2, size=(80, 48))
    scan(catalogue, photos)
    there = catalogue.images.table()
    new = int(there.ids[there.widths == 80][0])
    assert said(catalogue, new, dog) == [UNKNOWN]
    assert said(catalogue, raw_file, dog) == [PRESENT]
    assert shown(catalogue) == {"a.jpg": "", "a.dng": ""}


def test_what_the_ignore_list_leaves_out_is_no_half_of_a_pair(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, photo, dog, PRESENT)
    scan(catalogue, photos, ignore=IgnoreList(("*.jpg",)))
    assert shown(catalogue) == {"a.dng": ""}
    assert said(catalogue, raw_file, dog) == [PRESENT]
    scan(catalogue, photos, ignore=IgnoreList(("*.dng",)))
    assert shown(catalogue) == {"a.jpg": ""}
    scan(catalogue, photos)
    assert shown(catalogue) == {"a.jpg": ".dng"}


def test_a_disk_that_is_not_connected_changes_no_pair(
    catalogue: Catalogue, photos: Path, draw, raw, dog: int
) -> None:
    draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    say(catalogue, photo, dog, PRESENT)
    photos.rename(photos.with_name("away"))
    scan(catalogue, photos)
    assert len(catalogue.images.table()) == 1
    photos.with_name("away").rename(photos)
    scan(catalogue, photos)
    assert shown(catalogue) == {"a.jpg": ".dng"}
    assert said(catalogue, raw_file, dog) == [UNKNOWN]


def test_a_record_that_names_the_raw_file_finds_the_photo(
    catalogue: Catalogue, photos: Path, draw, raw
) -> None:
    draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos)
    photo, raw_file = id_of(catalogue, "a.jpg"), id_of(catalogue, "a.dng")
    file_hash = catalogue.images.hashes([raw_file])[raw_file].file_hash
    assert catalogue.images.with_hashes([file_hash]) == {file_hash: [photo]}
    assert catalogue.pairs.shown_for([raw_file, photo]) == {raw_file: photo}


def test_only_the_photo_is_encoded(catalogue: Catalogue, photos: Path, draw, raw) -> None:
    draw("a.jpg")
    raw("a.dng")
    scan(catalogue, photos)
    assert catalogue.features.missing("any").tolist() == [id_of(catalogue, "a.jpg")]
