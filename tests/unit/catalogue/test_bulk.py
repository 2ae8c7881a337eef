"""A whole library read in chunks is what its rows say one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmpt_desktop.catalogue import Catalogue, Change, bulk
from lmpt_desktop.domain.records import NO_DATE, ScannedFile

NAMES = ["plain.jpg", "line\nbreak.jpg", "späte Ernte/π.jpg", "no utf-8 \udcff.jpg"]
DATES = [None, "2024-05-06T07:08:09", "1969-01-01T00:00:00", None]


def scanned(name: str, number: int) -> ScannedFile:
    return ScannedFile(
        name,
        2**33 + number,
        1_700_000_000_123_456_789 + number,
        0,
        f"{number:032x}" if number % 3 else "",
        None if number % 5 == 0 else 6000 + number,
        None if number % 5 == 0 else 4000,
        DATES[number % len(DATES)],
    )


@pytest.fixture
def filled(catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Three folders, one of them hidden, whose images take turns; read eight ids at a time."""
    monkeypatch.setattr(bulk, "CHUNK", 8)
    monkeypatch.setattr(bulk, "CHUNK_BITS", 3)
    monkeypatch.setattr(bulk, "_IMAGES", bulk._IMAGES.replace("<< 12", "<< 3"))
    folders = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        folders.append(catalogue.folders.add(tmp_path / name).id)
    for number in range(60):
        name = f"{number}/{NAMES[number % len(NAMES)]}"
        catalogue.images.upsert(folders[number // 5 % 3], [scanned(name, number)])
    catalogue.images.mark_missing([1, 2, 31])
    catalogue.images.mark_unreadable(3, "It is cut short.")
    catalogue.folders.remove(folders[1])
    return catalogue


def test_every_column_is_that_of_the_images_asked_for_by_id(filled: Catalogue) -> None:
    whole = filled.images.table()
    asked = filled.images.table(ids=list(range(1, 100)))
    assert len(whole) == 40
    for column in ("ids", "folder_ids", "states", "sizes", "mtime", "taken", "widths", "heights"):
        left, right = getattr(whole, column), getattr(asked, column)
        assert left.dtype == right.dtype, column
        assert left.tolist() == right.tolist(), column
    assert whole.names == asked.names
    assert whole.fingerprints == asked.fingerprints
    assert set(whole.taken.tolist()) > {NO_DATE}
    assert any("\n" in name for name in whole.names)
    assert any("\udcff" in name for name in whole.names)


def test_an_empty_library_has_columns_too(catalogue: Catalogue) -> None:
    table = catalogue.images.table()
    assert len(table) == 0
    assert table.names == []
    assert table.states.dtype == np.int8


def test_verdicts_of_a_whole_library_are_those_of_each_image(filled: Catalogue) -> None:
    classes = [filled.classes.add(name).id for name in ("cat", "dog", "kite")]
    ids = filled.images.table().ids
    filled.annotations.apply([Change(int(i), classes[int(i) % 3], int(i) % 2) for i in ids[::2]])
    wanted = [classes[2], 99, classes[0]]
    whole = np.full((len(ids), len(wanted)), -1, np.int8)
    with filled._store.read() as connection:
        bulk.put_verdicts(connection, whole, ids, np.array(wanted, np.int64))
    assert np.array_equal(whole, filled.annotations.matrix(ids, wanted))
    assert {-1, 0, 1} == set(np.unique(whole).tolist())


def test_usable_images_are_those_that_are_there_and_shown(filled: Catalogue) -> None:
    table = filled.images.table()
    with filled._store.read() as connection:
        usable = bulk.usable_ids(connection)
    assert usable.tolist() == table.ids[table.states == 0].tolist()
    assert len(usable) < len(table)


def test_fingerprints_of_all_images_come_by_rising_id(filled: Catalogue) -> None:
    with filled._store.read() as connection:
        parts = list(bulk.fingerprints(connection))
    ids = np.concatenate([part for part, _texts in parts])
    assert ids.tolist() == list(range(1, 61))
    found = dict(zip(ids.tolist(), [text for _ids, texts in parts for text in texts], strict=True))
    table = filled.images.table()
    assert [found[i] for i in table.ids.tolist()] == table.fingerprints
