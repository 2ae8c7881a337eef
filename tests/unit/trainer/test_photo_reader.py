"""Photos are decoded ahead of the model, in order and within bounds."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import odd_decoder
import pytest
import torch
from drawn_photos import draw
from PIL import Image

from trainer import photo_reader
from trainer.decoding import DecodingPool
from trainer.photo import CRASHED, TOO_SLOW, UnreadablePhoto, read_photo
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


@pytest.mark.parametrize("threads", [1, 2])
def test_a_photo_that_takes_too_long_costs_one_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    paths = draw(tmp_path, 9)
    slow = {paths[1], paths[2], paths[6]}
    gate = threading.Event()

    def read(path: Path, **options: Any) -> Image.Image:
        if path in slow:
            gate.wait(PATIENCE)
        return read_photo(path, **options)

    monkeypatch.setattr(photo_reader, "read_photo", read)
    reader = PhotoReader(as_tensor, at_least=None, threads=threads, window=4, seconds=0.5)
    try:
        reader.add(paths)
        taken = reader.take(9)
        assert isinstance(reader.read_now(paths[2], as_tensor), UnreadablePhoto)
        assert isinstance(reader.read_now(paths[3], as_tensor), torch.Tensor)
    finally:
        gate.set()
        reader.close()
    for path, item in zip(paths, taken, strict=True):
        if path in slow:
            assert isinstance(item, UnreadablePhoto) and item.reason == TOO_SLOW
        else:
            assert isinstance(item, torch.Tensor)
            assert torch.equal(item, as_tensor(read_photo(path)))


def test_a_photo_of_much_memory_is_decoded_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = draw(tmp_path, 4)
    monkeypatch.setattr(photo_reader, "ORDINARY_BYTES", 1000)
    reader = PhotoReader(as_tensor, at_least=None, threads=2, window=4)
    try:
        reader.add(paths)
        taken = reader.take(4)
        for path, item in zip(paths, taken, strict=True):
            assert isinstance(item, torch.Tensor)
            assert torch.equal(item, as_tensor(read_photo(path, to_srgb=False)))
    finally:
        reader.close()


def test_a_decoder_that_crashes_does_not_take_the_reader_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.name == "nt":
        pytest.skip("signals are POSIX's")
    paths = [
        Path(shutil.copy(path, tmp_path / name))
        for path, name in zip(
            draw(tmp_path, 3), ("good.jpg", "crashes.jpg", "better.jpg"), strict=True
        )
    ]
    monkeypatch.setattr(photo_reader, "ORDINARY_BYTES", 1000)
    reader = PhotoReader(as_tensor, at_least=None, threads=2, window=4)
    reader._heavy = DecodingPool(1, command=odd_decoder.COMMAND)
    try:
        reader.add(paths)
        first, second, third = reader.take(3)
        assert isinstance(first, torch.Tensor) and isinstance(third, torch.Tensor)
        assert isinstance(second, UnreadablePhoto) and second.reason == CRASHED
    finally:
        reader.close()
