"""Photos drawn for a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def draw(folder: Path, count: int) -> list[Path]:
    """``count`` JPEGs of 160 x 120 that all look different, the same every time."""
    random = np.random.default_rng(0)
    paths = [folder / f"photo {i}.jpg" for i in range(count)]
    for path in paths:
        coarse = random.integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC).save(path)
    return paths
