"""Which folders are one and the same."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue, folders
from lmpt_desktop.catalogue.errors import FolderOverlaps
from lmpt_desktop.domain.records import ScannedFile

MakeFile = Callable[..., ScannedFile]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    return folder


@pytest.fixture
def link(tmp_path: Path, photos: Path) -> Path:
    """Another way to ``photos``."""
    path = tmp_path / "link"
    path.symlink_to(photos)
    return path


def paths_of(catalogue: Catalogue) -> dict[int, str]:
    table = catalogue.images.table()
    return dict(zip(table.ids.tolist(), table.names, strict=True))


def test_a_folder_and_a_link_to_it_are_one(catalogue: Catalogue, photos: Path, link: Path) -> None:
    folder = catalogue.folders.add(link)
    assert folder.path == link, "as it was given"
    assert catalogue.folders.add(photos) == folder
    assert catalogue.folders.add(link) == folder
    assert catalogue.folders.all(hidden=True) == [folder]


def test_a_removed_folder_is_brought_back_through_a_link(
    catalogue: Catalogue, photos: Path, link: Path
) -> None:
    folder = catalogue.folders.add(photos)
    catalogue.folders.remove(folder.id)
    assert catalogue.folders.add(link) == folder
    assert catalogue.folders.all() == [folder]


def test_a_folder_inside_another_through_a_link_is_there_already(
    catalogue: Catalogue, photos: Path, link: Path, tmp_path: Path
) -> None:
    outer = catalogue.folders.add(photos)
    assert catalogue.folders.add(link / "trip") == outer
    (tmp_path / "far").mkdir()
    (photos / "to far").symlink_to(tmp_path / "far")
    assert catalogue.folders.add(photos / "to far") == outer, "links in a folder are followed"


def test_a_folder_around_one_given_by_a_link_takes_over_its_images(
    catalogue: Catalogue, photos: Path, tmp_path: Path, make_file: MakeFile
) -> None:
    (tmp_path / "to trip").symlink_to(photos / "trip")
    inner = catalogue.folders.add(tmp_path / "to trip")
    (image_id,) = catalogue.images.upsert(inner.id, [make_file("a.jpg")])
    outer = catalogue.folders.add(photos)
    assert catalogue.folders.all(hidden=True) == [outer]
    assert paths_of(catalogue) == {image_id: "trip/a.jpg"}


def test_a_folder_given_by_a_link_takes_over_what_is_inside(
    catalogue: Catalogue, photos: Path, link: Path, make_file: MakeFile
) -> None:
    inner = catalogue.folders.add(photos / "trip")
    (image_id,) = catalogue.images.upsert(inner.id, [make_file("a.jpg")])
    outer = catalogue.folders.add(link)
    assert (outer.path, catalogue.folders.all(hidden=True)) == (link, [outer])
    assert paths_of(catalogue) == {image_id: "trip/a.jpg"}


def test_a_part_of_a_removed_folder_is_taken_over_through_a_link(
    catalogue: Catalogue, photos: Path, link: Path, make_file: MakeFile
) -> None:
    outer = catalogue.folders.add(photos)
    ids = catalogue.images.upsert(outer.id, [make_file("a.jpg"), make_file("trip/b.jpg")])
    catalogue.folders.remove(outer.id)
    inner = catalogue.folders.add(link / "trip")
    assert inner.id != outer.id
    assert paths_of(catalogue) == {ids[1]: "b.jpg"}


def test_a_photo_that_two_folders_listed_is_kept_twice_and_once_as_missing(
    catalogue: Catalogue, library: Path, photos: Path, tmp_path: Path, make_file: MakeFile
) -> None:
    """As libraries of earlier versions have it, which told folders apart by their spelling."""
    (tmp_path / "to trip").symlink_to(photos / "trip")
    first = catalogue.folders.add(photos / "trip")
    with closing(sqlite3.connect(library / "catalogue.sqlite")) as connection, connection:
        connection.execute(
            "INSERT INTO folders (path, added_at) VALUES (?, 0)", (str(tmp_path / "to trip"),)
        )
    (second,) = (item for item in catalogue.folders.all() if item != first)
    (kept,) = catalogue.images.upsert(first.id, [make_file("a.jpg")])
    other, only = catalogue.images.upsert(second.id, [make_file("a.jpg"), make_file("b.jpg")])
    outer = catalogue.folders.add(photos)
    assert catalogue.folders.all(hidden=True) == [outer]
    known = catalogue.images.known(outer.id)
    assert {path: item.id for path, item in known.items()} == {
        "trip/a.jpg": kept,
        "trip/b.jpg": only,
    }
    assert catalogue.images.details(other).state.key == "missing"
    assert catalogue.images.details(other).relative_path == "trip/a.jpg"


def test_a_folder_may_not_be_relocated_to_another_ones_place_through_a_link(
    catalogue: Catalogue, photos: Path, link: Path, tmp_path: Path
) -> None:
    catalogue.folders.add(photos / "trip")
    moving = catalogue.folders.add(tmp_path / "elsewhere")
    for place in (link, link / "trip", link / "trip" / "deep"):
        with pytest.raises(FolderOverlaps):
            catalogue.folders.relocate(moving.id, place)
    assert catalogue.folders.get(moving.id) == moving
    assert catalogue.folders.relocate(moving.id, link / "other").path == link / "other"


def test_a_folder_may_be_relocated_to_another_spelling_of_its_place(
    catalogue: Catalogue, photos: Path, link: Path
) -> None:
    folder = catalogue.folders.add(photos)
    assert catalogue.folders.relocate(folder.id, link).path == link


def test_on_a_disk_without_case_two_spellings_are_one_folder(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_file: MakeFile
) -> None:
    def without_case(path: Path) -> Path:
        return Path(str(path).lower())

    monkeypatch.setattr(folders, "canonical", without_case)
    inner = catalogue.folders.add(tmp_path / "PHOTOS" / "Trip")
    assert catalogue.folders.add(tmp_path / "photos" / "trip") == inner
    (image_id,) = catalogue.images.upsert(inner.id, [make_file("a.jpg")])
    outer = catalogue.folders.add(tmp_path / "Photos")
    assert paths_of(catalogue) == {image_id: "trip/a.jpg"}
    assert catalogue.folders.add(tmp_path / "photos" / "TRIP") == outer


def test_the_disk_is_read_before_the_transaction(
    catalogue: Catalogue, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.folders.add(photos)

    written: list[bool] = []

    def looked(path: Path) -> Path:
        writer = threading.Thread(target=catalogue.classes.add, args=(f"class {len(written)}",))
        writer.start()
        writer.join(10)
        written.append(not writer.is_alive())
        return path

    monkeypatch.setattr(folders, "canonical", looked)
    catalogue.folders.add(photos / "trip")
    assert written == [True, True]
