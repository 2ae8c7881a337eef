"""Photos are decoded ahead of the model, in order and within bounds."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import torch
from drawn_photos import draw
from PIL import Image

from trainer.photo import UnreadablePhoto
from trainer.photo_reader import PhotoReader

PATIENCE = 120.0


def as_tensor(image: Image.Image) -> torch.Tensor:
    return torch.tensor(np.asarray(image.resize((4, 4))), dtype=torch.float32)


def test_photos_come_back_in_order_with_reasons_in_their_places(tmp_path: Path) -> None:
    paths = draw(tmp_path, 12)
    paths[5] = tmp_path / "missing.jpg"
    reader = PhotoReader(as_tensor, at_least=None, threads=4, window=3)
    reader.add(paths[:7])
    reader.add(paths[7:])
    taken = reader.take(4) + reader.take(8)
    reader.close()
    assert len(taken) == 12
    for place, (path, item) in enumerate(zip(paths, taken, strict=True)):
        if place == 5:
            assert isinstance(item, UnreadablePhoto)
        else:
            assert isinstance(item, torch.Tensor)
            assert torch.equal(item, as_tensor(Image.open(path).convert("RGB")))


def test_no_more_is_decoded_ahead_than_the_window(tmp_path: Path) -> None:
    seen: list[int] = []
    gate = threading.Semaphore(0)

    def slow(image: Image.Image) -> torch.Tensor:
        seen.append(1)
        gate.release()
        return as_tensor(image)

    reader = PhotoReader(slow, at_least=None, threads=2, window=3)
    reader.add(draw(tmp_path, 10))
    for _ in range(3):
        assert gate.acquire(timeout=PATIENCE)
    assert not gate.acquire(timeout=0.1)
    assert len(seen) == 3
    assert len(reader.take(20)) == 10
    reader.close()


def test_an_error_while_preparing_costs_one_photo(tmp_path: Path) -> None:
    def fail(_image: Image.Image) -> torch.Tensor:
        raise ValueError("too narrow")

    reader = PhotoReader(fail, at_least=None, threads=1, window=2)
    reader.add(draw(tmp_path, 1))
    [item] = reader.take(1)
    reader.close()
    assert isinstance(item, UnreadablePhoto)
    assert "too narrow" in item.reason
