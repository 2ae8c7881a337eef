"""Photos as cameras make them, of several kinds and sizes, enlarged from small ones."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image
from raw_photos import dng, jpeg

NOISE = 0.02
"""Of a sensor, so that files are as large as a camera's."""
FULL, PREVIEW = (6000, 4000), (1620, 1080)


def write_kinds(folder: Path, source: Path, count: int) -> dict[str, list[Path]]:
    """Write so many files of each kind, all of the same picture; paths by what they are."""
    with Image.open(source) as opened:
        shown = _grained(opened.convert("RGB").resize(FULL, Image.Resampling.LANCZOS))
    large = jpeg(shown, quality=90)
    made = {
        "JPEG 640 x 480": ("jpg", jpeg(shown.resize((640, 480)), quality=90)),
        "JPEG, 12 megapixels": ("jpg", jpeg(shown.resize((4000, 3000)), quality=90)),
        "JPEG, 24 megapixels": ("jpg", large),
        "progressive JPEG, 24 megapixels": ("jpg", jpeg(shown, quality=90, progressive=True)),
        "JPEG XL, 24 megapixels": (
            "jxl",
            bytes(imagecodecs.jpegxl_encode(np.asarray(shown), lossless=False, effort=3)),
        ),
    }
    coded = np.asarray(shown, np.float32) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    small = jpeg(shown.resize(PREVIEW), quality=85)
    for name, preview in (("of its size", large), ("of 1620 x 1080", small), ("", b"")):
        title = f"raw file, 24 megapixels, {'preview ' + name if name else 'no preview'}"
        made[title] = ("dng", dng(light, preview=preview))
    return {
        name: [_written(folder / f"{at}-{number}.{suffix}", data) for number in range(count)]
        for at, (name, (suffix, data)) in enumerate(made.items())
    }


def _grained(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, np.float32)
    grain = np.random.default_rng(0).normal(0, 255 * NOISE, values.shape[:2]).astype(np.float32)
    return Image.fromarray((values + grain[..., None]).clip(0, 255).astype(np.uint8))


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
