"""Batches of photos through a model: places, failures, memory."""

from __future__ import annotations

import queue
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from trainer.photo import UnreadablePhoto
from trainer.photo_encoder import OutOfMemoryError, PhotoEncoder


class FakeTower:
    """Answers with each photo's first pixel; fails as told."""

    dim = 2
    windows = 3
    device = torch.device("cpu")

    def __init__(self, fits: int = 1000, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.fits = fits
        self.error = error
        self.sizes: list[int] = []

    def encode_with_windows(self, pixels: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        if len(pixels) > self.fits:
            raise self.error("MPS backend out of memory")
        self.sizes.append(len(pixels))
        first = pixels.flatten(1)[:, 0].numpy()
        features = np.stack([first, np.ones_like(first)], axis=1).astype(np.float32)
        windows = np.nan_to_num(features)[:, None].repeat(self.windows, axis=1)
        return features, windows.astype(np.int8)


def photos(values: Sequence[float | None]) -> queue.SimpleQueue[torch.Tensor | UnreadablePhoto]:
    waiting: queue.SimpleQueue[torch.Tensor | UnreadablePhoto] = queue.SimpleQueue()
    for value in values:
        waiting.put(
            UnreadablePhoto("Broken.") if value is None else torch.full((3, 2, 2), float(value))
        )
    return waiting


def run_encoder(encoder: PhotoEncoder, values: Sequence[float | None]) -> tuple:
    waiting = photos(values)
    result = encoder.encode(len(values), lambda count: [waiting.get() for _ in range(count)])
    # The windows of a photo go where its feature goes.
    assert result.windows.shape == (len(result.features), 3, 2)
    assert (result.windows == result.features[:, None]).all()
    return result.positions.tolist(), result.features[:, 0].tolist(), result.failures


def test_batches_keep_places_and_failures() -> None:
    tower = FakeTower()
    values = [0, 1, None, 3, 4, None, None, 7]
    positions, features, failures = run_encoder(PhotoEncoder(tower, batch=3), values)
    assert positions == features == [0, 1, 3, 4, 7]
    assert failures == [(2, "Broken."), (5, "Broken."), (6, "Broken.")]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_out_of_memory_halves_the_batch_and_remembers(error: type[Exception]) -> None:
    tower = FakeTower(fits=3, error=error)
    encoder = PhotoEncoder(tower, batch=16)
    positions, features, failures = run_encoder(encoder, list(range(20)))
    assert positions == features == list(range(20))
    assert failures == []
    assert encoder.batch == 2
    assert max(tower.sizes) <= 3


def test_out_of_memory_with_one_photo_gives_a_clear_error() -> None:
    with pytest.raises(OutOfMemoryError, match="smaller backbone"):
        run_encoder(PhotoEncoder(FakeTower(fits=0), batch=4), [1, 2])


def test_other_errors_of_the_model_do_not_count_as_out_of_memory() -> None:
    class Broken(FakeTower):
        def encode_with_windows(self, pixels: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        run_encoder(PhotoEncoder(Broken(), batch=4), [1])


def test_a_feature_that_is_not_finite_is_a_failure_not_a_feature() -> None:
    positions, _, failures = run_encoder(PhotoEncoder(FakeTower(), batch=4), [1, float("nan"), 3])
    assert positions == [0, 2]
    assert [place for place, _ in failures] == [1]


def test_a_request_without_photos_gives_none() -> None:
    assert run_encoder(PhotoEncoder(FakeTower()), []) == ([], [], [])
