"""A photo is encoded once, and a run that is killed loses at most the chunk it was in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.backbone import Backbone, load_backbone
from trainer.benchmarks.features import FeatureCache, encode_list, feature_key, list_key
from trainer.benchmarks.images import PhotoFile


@pytest.fixture(scope="module")
def backbone(tiny_backbone_folder: Path) -> Backbone:
    return load_backbone(f"local-dir:{tiny_backbone_folder}", "cpu", fast_images=True)


@pytest.fixture
def photos(tmp_path: Path) -> list[PhotoFile | None]:
    rng = np.random.default_rng(1)
    files: list[PhotoFile | None] = []
    for number in range(20):
        path = tmp_path / "photos" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        small = rng.integers(0, 255, (6, 7, 3), dtype=np.uint8)
        Image.fromarray(small).resize((96, 80)).save(path)
        files.append(seen(path))
    return files


def seen(path: Path) -> PhotoFile:
    facts = path.stat()
    return PhotoFile(path, facts.st_size, facts.st_mtime_ns)


def cache_of(tmp_path: Path, backbone: Backbone) -> FeatureCache:
    return FeatureCache(tmp_path / "cache", backbone.dim)


def test_features_are_those_of_the_backbone_in_the_lists_order(
    tmp_path: Path, backbone: Backbone, photos: list[PhotoFile | None]
) -> None:
    made = encode_list(photos, cache_of(tmp_path, backbone), backbone, chunk=7)
    assert made.rows.tolist() == list(range(20))
    assert made.features.dtype == np.float16
    for row in (0, 8, 19):
        file = photos[row]
        assert file is not None
        with Image.open(file.path) as image:
            pixels = backbone.preprocess(image.convert("RGB")).unsqueeze(0)
        alone = backbone.encode_images(pixels)[0]
        assert float(alone @ made.features[row].astype(np.float32)) > 0.999


def test_a_second_run_encodes_nothing_and_gives_the_same(
    tmp_path: Path, backbone: Backbone, photos: list[PhotoFile | None]
) -> None:
    first = encode_list(photos, cache_of(tmp_path, backbone), backbone)
    second = encode_list(photos, cache_of(tmp_path, backbone), backbone)
    assert (first.encoded, first.cached) == (20, 0)
    assert (second.encoded, second.cached) == (0, 20)
    assert np.array_equal(first.features, second.features)


def test_a_run_that_is_stopped_loses_at_most_its_chunk(
    tmp_path: Path, backbone: Backbone, photos: list[PhotoFile | None]
) -> None:
    def stop(done: int) -> None:
        if done >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_list(
            photos, cache_of(tmp_path, backbone), backbone, batch=4, chunk=4, on_progress=stop
        )
    assert not list((tmp_path / "cache").glob("*.part"))
    again = encode_list(photos, cache_of(tmp_path, backbone), backbone, batch=4, chunk=4)
    assert (again.cached, again.encoded) == (12, 8)
    whole = encode_list(photos, FeatureCache(tmp_path / "other", backbone.dim), backbone, batch=4)
    assert np.allclose(again.features, whole.features, atol=2e-3)


def test_half_written_and_damaged_chunks_are_never_read(
    tmp_path: Path, backbone: Backbone, photos: list[PhotoFile | None]
) -> None:
    encode_list(photos, cache_of(tmp_path, backbone), backbone, batch=4, chunk=10)
    one, two = sorted((tmp_path / "cache").glob("*.safetensors"))
    two.rename(two.with_suffix(".part"))
    again = encode_list(photos, cache_of(tmp_path, backbone), backbone, batch=4, chunk=10)
    assert (again.cached, again.encoded) == (10, 10)
    one.write_bytes(one.read_bytes()[:-40])
    again = encode_list(photos, cache_of(tmp_path, backbone), backbone, batch=4, chunk=10)
    assert (again.cached, again.encoded) == (10, 10)


def test_a_replaced_photo_is_encoded_again(
    tmp_path: Path, backbone: Backbone, photos: list[PhotoFile | None]
) -> None:
    first = encode_list(photos, cache_of(tmp_path, backbone), backbone)
    changed = photos[3]
    assert changed is not None
    Image.new("RGB", (50, 50), "white").save(changed.path)
    photos[3] = seen(changed.path)
    again = encode_list(photos, cache_of(tmp_path, backbone), backbone)
    assert (again.cached, again.encoded) == (19, 1)
    same = np.isclose(first.features, again.features, atol=1e-3).all(axis=1)
    assert np.flatnonzero(~same).tolist() == [3]


def test_missing_and_unreadable_photos_are_reported_and_tried_again(
    tmp_path: Path, backbone: Backbone, photos: list[PhotoFile | None]
) -> None:
    broken = photos[5]
    assert broken is not None
    good = broken.path.read_bytes()
    broken.path.write_bytes(b"not a photo")
    photos[5], absent, photos[2] = seen(broken.path), photos[2], None
    made = encode_list(photos, cache_of(tmp_path, backbone), backbone)
    assert made.rows.tolist() == [row for row in range(20) if row not in (2, 5)]
    assert [row for row, _ in made.unreadable] == [5]
    assert made.unreadable[0][1].endswith(".")
    broken.path.write_bytes(good)
    photos[5], photos[2] = seen(broken.path), absent
    again = encode_list(photos, cache_of(tmp_path, backbone), backbone)
    assert (again.cached, again.encoded, again.unreadable) == (18, 2, [])


def test_progress_ends_at_the_number_of_photos(
    tmp_path: Path, backbone: Backbone, photos: list[PhotoFile | None]
) -> None:
    told: list[int] = []
    encode_list(photos, cache_of(tmp_path, backbone), backbone, on_progress=told.append)
    assert told[0] == 0
    assert told[-1] == 20
    assert told == sorted(told)


def test_the_key_changes_with_weights_and_name_and_with_nothing_else(
    backbone: Backbone, tiny_backbone_folder: Path
) -> None:
    name = f"local-dir:{tiny_backbone_folder}"
    again: Any = load_backbone(name, "cpu", fast_images=True)
    assert feature_key(again) == feature_key(backbone)
    next(again.model.visual.parameters()).data.add_(0.01)
    assert feature_key(again) != feature_key(backbone)


def test_the_lists_key_knows_order() -> None:
    assert list_key(["a", "b"]) != list_key(["b", "a"])
    assert list_key(["a", "b"]) == list_key(("a", "b"))
