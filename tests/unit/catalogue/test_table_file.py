"""The mapped file of a large library's images."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from lmpt_desktop.catalogue import Catalogue, opening, table_file
from lmpt_desktop.catalogue.images import Images
from lmpt_desktop.domain.natural_order import natural_ranks
from lmpt_desktop.domain.records import ImageState, ImageTable, ScannedFile

MakeFile = Callable[..., ScannedFile]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture(autouse=True)
def _small_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file.TableFile.__init__, "__defaults__", (1,))


@pytest.fixture
def ids(catalogue: Catalogue, photos: Path, make_file: MakeFile) -> list[int]:
    folder = catalogue.folders.add(photos)
    return catalogue.images.upsert(
        folder.id,
        [
            make_file("img10.jpg", fingerprint="1" * 32),
            make_file("img2.jpg", fingerprint="2" * 32),
            make_file("ünter/\udcff.jpg", fingerprint="3" * 32, width=None, height=None),
        ],
    )


def same(one: ImageTable, other: ImageTable) -> bool:
    return all(
        np.array_equal(getattr(one, item.name), getattr(other, item.name))
        if isinstance(getattr(one, item.name), np.ndarray)
        else getattr(one, item.name) == getattr(other, item.name)
        for item in fields(ImageTable)
        if item.name != "name_ranks"
    )


def kept(images: Images) -> ImageTable:
    """What is read now, which is in the file."""
    images.table()
    assert images.keep_table(3)
    table = images.table()
    assert table.name_ranks is not None
    return table


def is_read(catalogue: Catalogue) -> bool:
    """Whether the images are read row by row, as their file is not of this state."""
    return catalogue.images.table().name_ranks is None


def test_the_images_are_those_that_were_read(catalogue: Catalogue, ids: list[int]) -> None:
    read = catalogue.images.table()
    table = kept(catalogue.images)
    assert same(table, read)
    assert table.ids.tolist() == sorted(ids)
    assert table.name_ranks is not None
    np.testing.assert_array_equal(table.name_ranks, natural_ranks(read.names))
    assert not catalogue.images.keep_table(3), "it is there"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE images SET path = 'other.jpg' WHERE path = 'img2.jpg'",
        "UPDATE images SET fingerprint = 'f' WHERE path = 'img2.jpg'",
        "UPDATE images SET state = 'missing' WHERE path = 'img2.jpg'",
        "DELETE FROM images WHERE path = 'img2.jpg'",
        "INSERT INTO images (folder_id, path, size, mtime_ns, added_at) VALUES (1, 'n', 1, 1, 1)",
        "INSERT OR REPLACE INTO images (id, folder_id, path, size, mtime_ns, added_at) "
        "VALUES (1, 1, 'n', 1, 1, 1)",
        "UPDATE folders SET hidden = 1",
        "UPDATE image_state SET token = x''",
        "DELETE FROM image_state",
    ],
)
def test_whoever_changes_the_images_makes_the_file_worthless(
    catalogue: Catalogue, library: Path, ids: list[int], change: str
) -> None:
    kept(catalogue.images)
    with sqlite3.connect(library / opening.CATALOGUE_NAME) as db:
        db.execute(change)
    db.close()
    table = catalogue.images.table()
    assert table.name_ranks is None
    if "folders" in change:
        assert not len(table)


def test_a_verdict_leaves_it_as_it_is(catalogue: Catalogue, ids: list[int]) -> None:
    kept(catalogue.images)
    catalogue.classes.add("dog")
    assert not is_read(catalogue)


def test_changes_that_are_undone_are_changes(catalogue: Catalogue, ids: list[int]) -> None:
    kept(catalogue.images)
    catalogue.images.mark_missing(ids[:1])
    catalogue.images.mark_found(ids[:1])
    assert is_read(catalogue)


def test_a_copy_that_is_restored_has_its_own_state(
    catalogue: Catalogue, library: Path, tmp_path: Path, ids: list[int]
) -> None:
    """As many changes as before, but others."""
    with sqlite3.connect(library / opening.CATALOGUE_NAME) as db:
        db.execute("VACUUM INTO ?", (str(tmp_path / "copy"),))
    db.close()
    catalogue.images.mark_missing(ids[:1])
    kept(catalogue.images)
    catalogue.close()
    shutil.copyfile(tmp_path / "copy", library / opening.CATALOGUE_NAME)
    with Catalogue.open(library) as again:
        again.images.mark_missing(ids[1:2])
        table = again.images.table()
        assert table.name_ranks is None
        assert table.states[1] == ImageState.MISSING


@pytest.mark.parametrize(
    "damage", ["shorter", "longer", "header", "count", "text size", "id", "empty"]
)
def test_a_damaged_file_is_not_read(
    catalogue: Catalogue, library: Path, ids: list[int], damage: str
) -> None:
    kept(catalogue.images)
    path = library / table_file.NAME
    content = path.read_bytes()
    path.unlink()  # what is mapped stays
    path.write_bytes(
        {
            "shorter": content[:-1],
            "longer": content + b"\0",
            "header": b"x" + content[1:],
            "count": content[:40] + b"\x04" + content[41:],
            "text size": content[:48] + bytes([content[48] + 1]) + content[49:],
            "id": content[:64] + b"\x07" + content[65:],
            "empty": b"",
        }[damage]
    )
    assert is_read(catalogue)
    assert catalogue.images.keep_table(3)
    assert not is_read(catalogue)


def test_what_was_read_before_a_change_is_not_kept_for_the_state_after(
    catalogue: Catalogue, ids: list[int]
) -> None:
    catalogue.images.table()
    catalogue.images.mark_missing(ids[:1])
    assert catalogue.images.keep_table(3)
    table = catalogue.images.table()
    assert table.name_ranks is not None
    assert table.states[0] == ImageState.MISSING


def test_a_small_library_and_a_full_disk_have_none(
    catalogue: Catalogue, library: Path, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not catalogue.images.keep_table(0)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert not catalogue.images.keep_table(3)
    assert not [path for path in library.iterdir() if table_file.NAME in path.name]
    assert is_read(catalogue)
