from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lmpt_desktop.inference import likeness
from lmpt_desktop.inference.likeness import (
    DATE_DIFFERS,
    DATE_SAME,
    Likeness,
    unit,
)

DIM = 128


def drawn(n: int, seed: int = 0, common: float = 0.0) -> NDArray[np.float32]:
    """(n, DIM) unit norm; the more they have in ``common``, the higher their cosines."""
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(n, DIM)) / np.sqrt(DIM) + common * np.eye(DIM)[0])


def moved(features: NDArray[np.float32], cosine: float, seed: int = 9) -> NDArray[np.float32]:
    """Features at exactly this cosine from each."""
    other = np.random.default_rng(seed).normal(size=features.shape).astype(np.float32)
    other = unit(other - (other * features).sum(axis=1, keepdims=True) * features)
    return unit(cosine * features + np.sqrt(1 - cosine**2) * other)


def test_likeness_is_one_for_equal_features_and_about_zero_for_usual_ones() -> None:
    library = drawn(400)
    compare = Likeness(library)
    np.testing.assert_allclose(compare.of_pairs(library, library), 1, atol=1e-5)
    strangers = compare.of_pairs(library[:200], library[200:])
    assert abs(float(np.median(strangers))) < 0.05


@pytest.mark.parametrize("common", [0.0, 1.0, 2.0])
def test_the_level_of_a_backbone_does_not_matter(common: float) -> None:
    library = drawn(1200, common=common)
    usual = float(np.median(library[:600] @ library[600:].T))
    compare = Likeness(library)
    # The same way from the usual distance to none, whatever the backbone's cosines are.
    near, far = (moved(library, 1 - (1 - usual) * (1 - share)) for share in (0.75, 0.25))
    assert compare.is_same_photo(library, near).mean() > 0.99
    assert not compare.is_same_photo(library, far).any()
    assert not compare.is_same_photo(library[:600], library[600:]).any()
    np.testing.assert_allclose(np.median(compare.of_pairs(library, near)), 0.75, atol=0.05)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_small_libraries_work(n: int, dtype: type[np.floating]) -> None:
    library = drawn(5).astype(dtype)
    compare = Likeness(library[:n])
    light = moved(drawn(5), 0.97).astype(dtype)
    assert compare.is_same_photo(library, light).all()
    assert not compare.is_same_photo(library, np.roll(library, 1, axis=0)).any()


def test_a_photo_that_is_less_near_than_another_one_is_not_the_same() -> None:
    library = drawn(300)
    old = library[:1]
    new = moved(old, 0.8)
    assert Likeness(library).is_same_photo(old, new).all()
    third = moved(new, 0.85, seed=5)  # the new picture is rather an edit of this one
    assert not Likeness(np.concatenate([library, third])).is_same_photo(old, new).any()


def test_a_photo_is_turned_if_one_of_its_turns_is_nearly_the_old_one() -> None:
    library = drawn(300)
    old = library[0]
    compare = Likeness(library)
    others = drawn(2, seed=3)
    turned = np.concatenate([others, moved(library[:1], 0.85)])
    assert compare.is_turned_photo(old, turned, DATE_SAME)
    assert not compare.is_turned_photo(old, turned, DATE_DIFFERS)
    assert compare.is_turned_photo(old, np.concatenate([others, moved(library[:1], 0.97)]))
    # Enough for an edit, but not for a turn.
    assert compare.is_same_photo(library[:1], moved(library[:1], 0.75)).all()
    assert not compare.is_turned_photo(old, np.concatenate([others, moved(library[:1], 0.75)]))
    assert not compare.is_turned_photo(old, others)
    assert not compare.is_turned_photo(old, others[:0])


def test_copies_in_the_library_are_no_argument_against_an_edit() -> None:
    library = drawn(300)
    copies = [library[:1]] * 3 + [moved(library[:1], 0.97, seed) for seed in range(3)]
    compare = Likeness(np.concatenate([library, *copies]))
    assert compare.is_same_photo(library[:1], moved(library[:1], 0.85)).all()


def test_the_new_picture_may_be_in_the_library_already() -> None:
    library = drawn(300)
    new = moved(library[:1], 0.85)
    compare = Likeness(np.concatenate([library, new]).astype(np.float16))
    assert compare.is_same_photo(library[:1].astype(np.float16), new.astype(np.float16)).all()


def test_copies_alone_do_not_divide_by_zero() -> None:
    library = np.repeat(drawn(1), 6, axis=0)
    answer = Likeness(library).of_pairs(library, drawn(6, seed=3))
    assert np.isfinite(answer).all()


def test_dates_are_evidence_for_and_against() -> None:
    library = drawn(1000)
    old, doubtful, clear = library[:3], moved(library[:3], 0.47), moved(library[:3], 0.8)
    compare = Likeness(library)
    dates = np.array([DATE_DIFFERS, 0, DATE_SAME], np.int8)
    assert compare.is_same_photo(old, doubtful, dates).tolist() == [False, False, True]
    assert compare.is_same_photo(old, clear, dates).tolist() == [False, True, True]
    assert compare.is_same_photo(old, moved(old, 0.97), dates).all()


def test_a_photo_without_a_usable_feature_is_never_the_same() -> None:
    library = drawn(50)
    old = library[:4].copy()
    old[1] = np.nan
    old[2] = 0
    new = old.copy()
    new[3] = np.inf
    assert Likeness(library).is_same_photo(old, new).tolist() == [True, False, False, False]
    unusable = np.full((3, DIM), np.nan, np.float16)
    with_them = Likeness(np.concatenate([library.astype(np.float16), unusable]))
    assert with_them.is_same_photo(old[:1], old[:1]).all()


def test_features_of_different_backbones_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        Likeness(drawn(5)).of_pairs(drawn(5)[:, :8], drawn(5)[:, :8])
    with pytest.raises(ValueError, match="cannot be compared"):
        Likeness(drawn(5)).of_pairs(drawn(5), drawn(4))


def test_no_pairs_give_no_answers() -> None:
    nothing = np.zeros((0, DIM), np.float16)
    assert Likeness(drawn(5)).is_same_photo(nothing, nothing).shape == (0,)
    assert Likeness(nothing).of_pairs(nothing, nothing).shape == (0,)


def test_blocks_and_samples_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    library = drawn(90)
    new = moved(library, 0.8)
    whole = Likeness(library)
    expected = whole.of_pairs(library, new)
    monkeypatch.setattr(likeness, "PAIR_BLOCK", 7)
    np.testing.assert_allclose(whole.of_pairs(library, new), expected, atol=1e-5)
    sampled = Likeness(drawn(3000), sample=1000)
    close = np.abs(sampled.of_pairs(library, new) - Likeness(drawn(3000)).of_pairs(library, new))
    assert float(close.max()) < 0.03


# ----------------------------------------------------------------------------- real photos

PHOTOS = 8
PLAIN = ("brighter (x 1.4)", "crop to 90 %", "mirror", "caption written on it")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.float32]]:
    """Lite's features of some shared photos ("") and of their edits, (PHOTOS, 384) each."""
    root = Path(os.environ.get("LMPT_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    paths = sorted((root / "photos" / "images").glob("*.jpg"))[:PHOTOS]
    if len(paths) < PHOTOS:
        pytest.skip(f"no shared photos in {root}")
    import torch
    from photo_edits import EDITS

    from trainer.backbone import BackboneError, load_backbone
    from trainer.photo import read_photo

    try:
        backbone = load_backbone("lite", "cpu")
    except BackboneError as error:
        pytest.skip(f"no Lite backbone here: {error}")
    folder = tmp_path_factory.mktemp("edits")

    def encoded(files: list[Path]) -> NDArray[np.float32]:
        read = [read_photo(file, at_least=backbone.input_side, to_srgb=False) for file in files]
        return backbone.encode_images(torch.stack([backbone.preprocess(image) for image in read]))

    found = {"": encoded(paths)}
    for title in PLAIN:
        copies = [folder / path.name for path in paths]
        for path, copy in zip(paths, copies, strict=True):
            EDITS[title](read_photo(path)).save(copy, "JPEG", quality=90)
        found[title] = encoded(copies)
    return found


def test_edits_of_real_photos_are_recognised(pictures: dict[str, NDArray[np.float32]]) -> None:
    compare = Likeness(pictures[""].astype(np.float16))
    for title in PLAIN:
        alike = compare.is_same_photo(pictures[""], pictures[title])
        assert alike.sum() >= PHOTOS - 1, title


def test_other_real_photos_are_not(pictures: dict[str, NDArray[np.float32]]) -> None:
    originals = pictures[""]
    for size in (3, PHOTOS):
        library = originals[:size]
        for shift in range(1, size):
            other = np.roll(library, shift, axis=0)
            assert not Likeness(library).is_same_photo(library, other).any()
