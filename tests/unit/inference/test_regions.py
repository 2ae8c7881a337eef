"""Regions on made maps: where a class is seen, and where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from lmpt_desktop.inference.regions import heat, region
from trainer.box import WHOLE, Box

SIDE, DIM = 8, 32
DOG, CAT, CUP, KITE = range(4)
EMBEDDINGS = np.eye(DIM, dtype=np.float32)[:4]


def made_map(*things: tuple[int, slice, slice], seed: int = 0, common: int = 20) -> np.ndarray:
    """(SIDE, SIDE, DIM) float16: things (class, rows, columns) on a noisy ground."""
    cells = np.random.default_rng(seed).normal(0, 0.02, (SIDE, SIDE, DIM))
    cells[..., common] += 1.0
    for column, rows, columns in things:
        cells[rows, columns] += 0.6 * EMBEDDINGS[column]
    cells /= np.linalg.norm(cells, axis=-1, keepdims=True)
    return cells.astype(np.float16)


def test_the_cells_that_show_a_class_are_hot_and_no_others() -> None:
    found = heat(made_map((DOG, slice(1, 3), slice(4, 7))), EMBEDDINGS, DOG)
    hot = found >= 0.5
    assert hot[1:3, 4:7].all()
    assert np.count_nonzero(hot) == 6
    assert found.max() == pytest.approx(1.0)
    assert found.min() >= 0.0


def test_two_classes_are_seen_in_two_places() -> None:
    cells = made_map((DOG, slice(0, 2), slice(0, 2)), (CAT, slice(5, 8), slice(5, 8)))
    assert region(heat(cells, EMBEDDINGS, DOG), WHOLE) == Box(0, 0, 0.25, 0.25)
    assert region(heat(cells, EMBEDDINGS, CAT), WHOLE) == Box(0.625, 0.625, 1, 1)


def test_a_class_that_stands_out_nowhere_has_no_region() -> None:
    cells = made_map((DOG, slice(0, 2), slice(0, 2)))
    found = heat(cells, EMBEDDINGS, CUP)
    assert not found.any()
    assert region(found, WHOLE) is None


def test_where_every_class_is_near_none_stands_out() -> None:
    cells = made_map(
        (DOG, slice(5, 8), slice(5, 8)),
        *((column, slice(0, 2), slice(0, 2)) for column in (DOG, CAT, CUP, KITE)),
    )
    assert region(heat(cells, EMBEDDINGS, DOG), WHOLE) == Box(0.625, 0.625, 1, 1)


def test_a_thing_that_fills_half_of_the_photo_is_framed_as_a_whole() -> None:
    cells = made_map((DOG, slice(0, 8), slice(0, 4)), (CAT, slice(0, 8), slice(4, 8)))
    assert region(heat(cells, EMBEDDINGS, DOG), WHOLE) == Box(0, 0, 0.5, 1)


def test_cells_without_any_class_have_no_region() -> None:
    cells = np.zeros((SIDE, SIDE, DIM), np.float16)
    cells[..., 20] = 1.0
    assert not heat(cells, EMBEDDINGS, DOG).any()
    assert not heat(cells, EMBEDDINGS[:1], DOG).any()


def test_a_class_that_is_not_encoded_yet_has_no_region_and_disturbs_no_other() -> None:
    embeddings = EMBEDDINGS.copy()
    embeddings[CAT] = np.nan
    cells = made_map((DOG, slice(1, 3), slice(4, 7)))
    assert not heat(cells, embeddings, CAT).any()
    assert region(heat(cells, embeddings, DOG), WHOLE) == Box(0.5, 0.125, 0.875, 0.375)


def test_the_only_class_of_a_library_is_seen_too() -> None:
    cells = made_map((DOG, slice(1, 3), slice(4, 7)))
    assert region(heat(cells, EMBEDDINGS[:1], DOG), WHOLE) == Box(0.5, 0.125, 0.875, 0.375)


def test_only_the_cells_that_touch_the_hottest_one_are_framed() -> None:
    found = np.zeros((SIDE, SIDE), np.float32)
    found[1, 1:3], found[2, 2], found[6, 6] = 1.0, 0.6, 0.9
    assert region(found, WHOLE) == Box(0.125, 0.125, 0.375, 0.375)


def test_a_region_is_in_fractions_of_the_photo_though_the_map_covers_its_middle() -> None:
    found = np.zeros((4, 4), np.float32)
    found[:, 0] = 1.0
    box = region(found, Box(0.2, 0.0, 0.8, 1.0))
    assert box is not None
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0.2, 0.0, 0.35, 1.0))


def test_a_region_ends_where_the_photo_does() -> None:
    found = np.zeros((4, 4), np.float32)
    found[0, :2] = 1.0
    padded = Box(0.0, -0.5, 1.0, 1.5)
    assert region(found, padded) is None
    found[1:3, :2] = 1.0
    assert region(found, padded) == Box(0.0, 0.0, 0.5, 1.0)
