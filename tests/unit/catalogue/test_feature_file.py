"""The mapped file of a large library's features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue import feature_file as module
from lmpt_desktop.catalogue.feature_file import NAME, FeatureFile
from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.engine.encoding.feature_rows import FeatureRows

DIM = 8
KEY, OTHER = b"k" * 16, b"o" * 16


def drawn(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float16)


def write(file: FeatureFile, features: np.ndarray, key: bytes = KEY) -> module.MappedFeatures:
    odd, even = np.arange(1, len(features), 2), np.arange(0, len(features), 2)
    found = file.write(key, features.shape, [(odd, features[odd]), (even, features[even])])
    assert found is not None
    return found


@pytest.fixture
def file(tmp_path: Path) -> FeatureFile:
    return FeatureFile(tmp_path, least_bytes=1)


def test_what_is_written_is_known_by_its_key(file: FeatureFile, tmp_path: Path) -> None:
    features = drawn(1000)
    np.testing.assert_array_equal(write(file, features).matrix, features)
    again = FeatureFile(tmp_path).known(KEY, features.shape)
    assert again is not None
    np.testing.assert_array_equal(again.matrix, features)
    assert file.known(OTHER, features.shape) is None
    assert file.known(KEY, (999, DIM)) is None
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_pages_that_were_let_go_come_back_and_later_rows_stay(file: FeatureFile) -> None:
    features = drawn(3000)
    mapped = write(file, features)
    later = drawn(2, seed=1)
    mapped.room[3000:3002] = later
    mapped.let_go()
    np.testing.assert_array_equal(mapped.matrix, features)
    np.testing.assert_array_equal(mapped.room[3000:3002], later)
    fresh = file.known(KEY, features.shape)
    assert fresh is not None and not fresh.room[3000:].any(), "later rows are in memory only"


@pytest.mark.parametrize("damage", ["shorter", "longer", "header", "empty"])
def test_a_damaged_file_is_not_read(file: FeatureFile, tmp_path: Path, damage: str) -> None:
    features = drawn(100)
    write(file, features)
    path = tmp_path / NAME
    whole = path.read_bytes()
    path.write_bytes(
        {
            "shorter": whole[:-1],
            "longer": whole + b"\0",
            "header": b"X" + whole[1:],
            "empty": b"",
        }[damage]
    )
    assert file.known(KEY, features.shape) is None
    np.testing.assert_array_equal(write(file, features).matrix, features)


def test_where_nothing_can_be_written_there_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = FeatureFile(tmp_path / "gone", least_bytes=1)
    assert gone.known(KEY, (2, DIM)) is None
    assert gone.write(KEY, (2, DIM), [(np.arange(2), drawn(2))]) is None

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    assert FeatureFile(tmp_path).write(KEY, (2, DIM), [(np.arange(2), drawn(2))]) is None
    assert not list(tmp_path.iterdir()), "a part was left behind"


def test_rows_that_come_later_find_room_beside_the_file(file: FeatureFile) -> None:
    features, later = drawn(500), drawn(3, seed=2)
    mapped = write(file, features)
    rows = FeatureRows.of(np.arange(500), mapped.matrix, None, mapped)
    before = rows.view()
    rows.append(np.array([900, 901, 902]), later)
    rows.let_go()
    np.testing.assert_array_equal(rows.view().matrix, np.concatenate([features, later]))
    np.testing.assert_array_equal(before.matrix, features)
    assert np.shares_memory(rows.view().matrix, mapped.room)
    rows.append(np.arange(2000, 2000 + module.SPARE_ROWS), drawn(module.SPARE_ROWS))
    rows.let_go()
    np.testing.assert_array_equal(rows.view().matrix[:503], np.concatenate([features, later]))


def test_a_library_reads_its_features_once_and_maps_them_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_BYTES", 1)
    monkeypatch.setattr(FeatureFile.__init__, "__defaults__", (1,))
    library = tmp_path / "library"
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(tmp_path / "photos")
        files = [
            ScannedFile(f"{n}.jpg", 1, 1, fingerprint=f"{n + 1:032x}", width=1, height=1)
            for n in range(40)
        ]
        ids = np.array(catalogue.images.upsert(folder.id, files))
        features = drawn(40)
        order = np.random.default_rng(5).permutation(40)
        for part in np.split(order, 4):
            catalogue.features.append("lite", ids[part], features[part])
        found, matrix, mapped = catalogue.features.load_all("lite")
        assert mapped is not None
        np.testing.assert_array_equal(found, ids)
        np.testing.assert_array_equal(matrix, features)
        monkeypatch.setattr(FeatureFile, "write", lambda *_given: pytest.fail("written again"))
        np.testing.assert_array_equal(catalogue.features.load_all("lite")[1], features)
        monkeypatch.undo()
        monkeypatch.setattr(FeatureFile.__init__, "__defaults__", (1,))
        changed = drawn(1, seed=9)
        catalogue.features.append("lite", ids[3:4], changed)
        matrix = catalogue.features.load_all("lite")[1]
        np.testing.assert_array_equal(matrix[3], changed[0])
        assert catalogue.features.load_all("none")[2] is None
