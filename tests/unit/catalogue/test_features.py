"""Features and text embeddings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmpt_desktop.catalogue import Catalogue, NotInCatalogue, features

AddImages = Callable[[int], list[int]]


def some_features(ids: list[int], dim: int = 8, offset: float = 0.0) -> np.ndarray:
    """Row i begins with the id, which half precision holds exactly up to 2048."""
    rows = np.zeros((len(ids), dim), np.float32)
    rows[:, 0] = np.array(ids) + offset
    return rows


def test_features_come_back_by_rising_id(catalogue: Catalogue, add_images: AddImages) -> None:
    ids = add_images(5)
    assert catalogue.features.load("lite")[0].shape == (0,)
    catalogue.features.append("lite", ids[3:], some_features(ids[3:]))
    catalogue.features.append("lite", ids[:2][::-1], some_features(ids[:2][::-1]))
    loaded, rows = catalogue.features.load("lite")
    assert loaded.tolist() == [*ids[:2], *ids[3:]]
    assert rows.dtype == np.float16
    assert rows[:, 0].tolist() == loaded.tolist()
    assert catalogue.features.missing("lite").tolist() == [ids[2]]
    assert catalogue.features.ids("lite") == set(loaded.tolist())
    assert catalogue.features.backbones() == {"lite": 4}
    assert catalogue.features.load("other")[0].shape == (0,)


def test_the_newest_feature_of_an_image_counts(catalogue: Catalogue, add_images: AddImages) -> None:
    ids = add_images(3)
    catalogue.features.append("lite", ids, some_features(ids))
    catalogue.features.append("lite", [ids[1]], some_features([ids[1]], offset=100))
    _, rows = catalogue.features.load("lite")
    assert rows[:, 0].tolist() == [ids[0], ids[1] + 100, ids[2]]


def test_a_photo_with_new_content_has_no_feature_until_encoded_again(
    catalogue: Catalogue, add_images: AddImages, make_file
) -> None:
    ids = add_images(2)
    folder = catalogue.folders.all()[0]
    catalogue.features.append("lite", ids, some_features(ids))
    catalogue.images.upsert(folder.id, [make_file("00000.jpg", fingerprint="c" * 32)])
    assert catalogue.features.load("lite")[0].tolist() == [ids[1]]
    assert catalogue.features.missing("lite").tolist() == [ids[0]]
    catalogue.features.append("lite", [ids[0]], some_features([ids[0]]))
    assert catalogue.features.missing("lite").tolist() == []


def test_a_moved_photo_keeps_its_feature(
    catalogue: Catalogue, add_images: AddImages, make_file, tmp_path: Path
) -> None:
    (image_id,) = add_images(1)
    catalogue.features.append("lite", [image_id], some_features([image_id]))
    other = catalogue.folders.add(tmp_path / "other")
    file = make_file("new name.jpg", fingerprint=f"{1:032x}")
    assert catalogue.images.upsert(other.id, [file], {"new name.jpg": image_id}) == [image_id]
    assert catalogue.features.missing("lite").tolist() == []


def test_missing_and_unreadable_photos_wait_for_no_feature(
    catalogue: Catalogue, add_images: AddImages
) -> None:
    ids = add_images(3)
    catalogue.images.mark_missing([ids[0]])
    catalogue.images.mark_unreadable(ids[1], "The file is damaged.")
    assert catalogue.features.missing("lite").tolist() == [ids[2]]


def test_small_chunks_are_merged_without_losing_the_newest(
    catalogue: Catalogue, add_images: AddImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "SMALL_CHUNKS", 6)
    monkeypatch.setattr(features, "MERGED_ROWS", 10)
    ids = add_images(40)
    expected: dict[int, float] = {}
    random = np.random.default_rng(0)
    for step in range(60):
        some = random.choice(ids, size=int(random.integers(1, 14)), replace=False).tolist()
        catalogue.features.append("lite", some, some_features(some, offset=step))
        expected |= {i: i + step for i in some}
        loaded, rows = catalogue.features.load("lite")
        assert dict(zip(loaded.tolist(), rows[:, 0].tolist(), strict=True)) == expected
    with catalogue._store.read() as connection:
        chunks = connection.exec_driver_sql("SELECT count(*) FROM feature_chunks").scalar()
    assert chunks is not None
    assert chunks < 45


def test_features_that_do_not_fit_are_refused(catalogue: Catalogue, add_images: AddImages) -> None:
    ids = add_images(2)
    catalogue.features.append("lite", ids, some_features(ids))
    with pytest.raises(ValueError, match="features for 2 ids"):
        catalogue.features.append("lite", ids, some_features(ids[:1]))
    with pytest.raises(ValueError, match="of 8 values, not 4"):
        catalogue.features.append("lite", ids, some_features(ids, dim=4))
    with pytest.raises(ValueError, match="finite"):
        catalogue.features.append("lite", ids, np.full((2, 8), np.nan))
    with pytest.raises(NotInCatalogue):
        catalogue.features.append("lite", [99], some_features([99]))
    catalogue.features.append("lite", [], np.empty((0, 8)))


def test_a_forgotten_backbone_leaves_the_others(
    catalogue: Catalogue, add_images: AddImages
) -> None:
    ids = add_images(1)
    for backbone in ("a", "b"):
        catalogue.features.append(backbone, ids, some_features(ids))
        catalogue.features.put_texts(backbone, {"dog": np.ones(8, np.float32)})
    catalogue.features.forget("a")
    assert catalogue.features.ids("a") == set()
    assert catalogue.features.ids("b") == set(ids)
    assert catalogue.features.texts("a", ["dog"]) == {}
    assert set(catalogue.features.texts("b", ["dog"])) == {"dog"}


def test_text_embeddings_are_kept_by_variant(catalogue: Catalogue) -> None:
    one, two = np.array([0.1, 0.2], np.float32), np.array([0.3, 0.4], np.float32)
    catalogue.features.put_texts("lite", {"dog": one, "chien 犬": two})
    catalogue.features.put_texts("lite", {"dog": two}, variant="ensemble")
    found = catalogue.features.texts("lite", ["dog", "chien 犬", "unknown"])
    assert set(found) == {"dog", "chien 犬"}
    assert np.array_equal(found["dog"], one)
    assert np.array_equal(catalogue.features.texts("lite", ["dog"], "ensemble")["dog"], two)
    catalogue.features.put_texts("lite", {"dog": two})
    assert np.array_equal(catalogue.features.texts("lite", ["dog"])["dog"], two)


@given(st.data())
@settings(
    deadline=None,
    max_examples=examples(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_asked_of_some_photos_the_same_ones_are_missing(
    catalogue: Catalogue, add_images: AddImages, make_file: Any, data: st.DataObject
) -> None:
    ids = add_images(12)
    some = st.lists(st.sampled_from(ids), unique=True)
    for _ in range(2):
        encoded = data.draw(some)
        if encoded:
            catalogue.features.append("lite", encoded, some_features(encoded))
        changed = [
            make_file(
                f"{i:05d}.jpg", size=9, fingerprint=data.draw(st.sampled_from(["", "0f" * 16]))
            )
            for i in data.draw(st.lists(st.integers(0, 11), max_size=3, unique=True))
        ]
        catalogue.images.upsert(catalogue.folders.all()[0].id, changed)
        catalogue.images.mark_missing(data.draw(some))
        catalogue.images.mark_found(data.draw(some))
        asked = data.draw(some)
        expected = [i for i in catalogue.features.missing("lite").tolist() if i in asked]
        assert catalogue.features.missing("lite", asked).tolist() == expected
