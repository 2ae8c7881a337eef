"""The fast preprocessing gives open_clip's pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from trainer import pixels
from trainer.photo_encoder import stacked
from trainer.pixels import THIN, FastPreprocess, bounded

SIZES = [
    (640, 428),
    (428, 640),
    (50, 50),
    (64, 64),
    (65, 64),
    (301, 97),
    (1200, 31),
    (1, 1),
    (97, 65),
]


def noise(size: tuple[int, int]) -> Image.Image:
    """Blurred noise with hard edges: what resizing may get wrong."""
    random = np.random.default_rng(size[0])
    values = random.integers(0, 255, (size[1], size[0], 3), np.uint8)
    values[: size[1] // 2, : size[0] // 2] = 255
    return Image.fromarray(values)


@pytest.mark.parametrize("vectorised", [True, False])
@pytest.mark.parametrize("resize_mode", ["shortest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_pixels_equal_open_clips_to_one_level(
    resize_mode: str, interpolation: str, vectorised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "_VECTORISED", vectorised)
    settings = PreprocessCfg(size=64, resize_mode=resize_mode, interpolation=interpolation)
    fast = FastPreprocess.of(settings)
    assert fast is not None
    plain: Any = image_transform_v2(settings, is_train=False)
    level = 1.0 / (255.0 * min(settings.std))
    for size in SIZES:
        expected = plain(noise(size))
        got = fast(noise(size))
        assert got.dtype == torch.uint8
        normalised = fast.normalise(got[None])[0]
        assert normalised.shape == expected.shape == (3, 64, 64)
        assert (normalised - expected).abs().max() <= 1.01 * level
        assert (normalised - expected).abs().mean() <= 0.05 * level


THIN_SIZES = [(1, 900), (1, 901), (2, 901), (700, 3), (3, 1201), (1, 64), (1, 65)]


@pytest.mark.parametrize("vectorised", [True, False])
def test_of_a_thin_photo_only_the_middle_is_resized(
    vectorised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the same pixels as the whole of it."""
    monkeypatch.setattr(pixels, "_VECTORISED", vectorised)
    settings = PreprocessCfg(size=64)
    fast = FastPreprocess.of(settings)
    assert fast is not None
    plain: Any = image_transform_v2(settings, is_train=False)
    seen: list[tuple[int, int]] = []

    def watched(image: Image.Image) -> torch.Tensor:
        seen.append(image.size)
        return plain(image)

    level = 1.0 / (255.0 * min(settings.std))
    for size in THIN_SIZES:
        expected = plain(noise(size))
        got = (
            fast.normalise(fast(noise(size))[None])[0],
            bounded(watched, "shortest")(noise(size)),
        )
        # A size is a whole number: the scale of the whole photo differs in its last digits.
        for found in got:
            assert (found - expected).abs().mean() <= 2 * level
    assert all(max(size) <= THIN * min(size) + 1 for size in seen)
    assert bounded(plain, "squash") is plain


def test_a_thin_photo_takes_no_more_memory_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    largest: list[int] = []
    resized = FastPreprocess._resized

    def watched(self: FastPreprocess, image: Image.Image, width: int, height: int) -> torch.Tensor:
        largest.append(width * height)
        return resized(self, image, width, height)

    monkeypatch.setattr(FastPreprocess, "_resized", watched)
    fast = FastPreprocess.of(PreprocessCfg(size=64))
    assert fast is not None
    for size in ((1, 20_000), (65_000, 2)):
        assert fast(Image.new("RGB", size, (1, 2, 3))).unique().tolist() == [1, 2, 3]
    assert max(largest) <= (THIN + 1) * 64 * 64


def test_unusual_settings_are_left_to_open_clip() -> None:
    assert FastPreprocess.of(PreprocessCfg(size=64, resize_mode="longest")) is None
    assert FastPreprocess.of(PreprocessCfg(size=(64, 32))) is None
    assert FastPreprocess.of(PreprocessCfg(size=(64, 64))) is not None
    assert FastPreprocess.of(PreprocessCfg(size=64, interpolation="random")) is None


def test_grey_images_are_taken_too() -> None:
    fast = FastPreprocess.of(PreprocessCfg(size=8))
    assert fast is not None
    assert fast(Image.new("L", (20, 10), 77)).unique().tolist() == [77]


def test_channels_come_last_from_the_photo_to_the_model() -> None:
    fast = FastPreprocess.of(PreprocessCfg(size=32, mean=(0.1, 0.4, 0.7), std=(0.2, 0.3, 0.6)))
    assert fast is not None
    photos = [fast(noise((97, 65))), fast(noise((40, 90)))]
    batch = stacked(photos)
    assert torch.equal(batch, torch.stack(photos))
    last = torch.channels_last
    assert batch.is_contiguous(memory_format=last)
    normalised = fast.normalise(batch)
    assert normalised.is_contiguous(memory_format=last)
    mean = torch.tensor(fast.mean).view(1, 3, 1, 1)
    std = torch.tensor(fast.std).view(1, 3, 1, 1)
    assert torch.allclose(normalised, (batch / 255.0 - mean) / std, atol=1e-5)
