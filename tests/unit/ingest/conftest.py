"""A folder for photos, a library beside it, and photos that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lmpt_desktop.catalogue import Catalogue

Draw = Callable[..., Path]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def draw(photos: Path) -> Draw:
    """``draw("a/b.jpg", seed=3, size=(64, 48), **save)``: noise, another for each seed."""

    def make(name: str, seed: int = 0, size: tuple[int, int] = (64, 48), **save: Any) -> Path:
        path = photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(noise).save(path, **save)
        return path

    return make


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue.open(tmp_path / "library") as opened:
        yield opened
