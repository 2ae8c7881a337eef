"""JPEG XL: pixels, turning, depth and colours."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from colour_profiles import swapped_profile
from PIL import Image

from trainer.jpeg_xl_headers import CODESTREAM, CONTAINER
from trainer.photo import UnreadablePhoto, opened_photo, photo_size, read_photo

RED, GREY = (255, 0, 0), (128, 128, 128)

# 16 x 8 pixels, left red (black), right 128, by cjxl 0.7 with -q 100 -x color_space=...
PIXELS = "0802010080004b188b1500d42263648cd205420088241600482100f04b1244cfb90521019417"
COLOURS = {
    "Display P3": ("ff0ac14140261702" + PIXELS, 128),
    "linear": ("ff0ac14140d120" + PIXELS, 188),
    "gamma": ("ff0ac141407ddd2a82" + PIXELS, 129),
    "PQ": ("ff0ac10510904787381c0000000002" + PIXELS, 181),
    "HLG": ("ff0ac10510906700d0630000000008" + PIXELS, 137),
    "linear grey": ("ff0ac1415034080802010054004b188b1500d48c8c3188170001606c760400e41f00", 188),
}
"""The file, and what 128 becomes."""


def halves(width: int = 64, height: int = 32) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = RED, GREY
    return pixels


def encoded(pixels: np.ndarray, **options: Any) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(pixels, **options))


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "photo.jxl"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("options", [{"lossless": True}, {"level": 95}, {"usecontainer": True}])
@pytest.mark.parametrize("size", [(64, 32), (600, 333), (1, 7)])
def test_photos_are_read(tmp_path: Path, options: dict[str, Any], size: tuple[int, int]) -> None:
    path = written(tmp_path, encoded(halves(*size), **options))
    image = read_photo(path)
    assert image.size == photo_size(path) == size
    assert np.abs(np.asarray(image).astype(int) - halves(*size)).max() <= (
        40 if "level" in options else 0
    )


@pytest.mark.parametrize("depth", [10, 12, 16, "float", "grey", "grey 16", "alpha"])
def test_values_of_every_depth_become_8_bits(tmp_path: Path, depth: int | str) -> None:
    """imagecodecs says of its deep pictures that they are linear: 128 becomes 188."""
    coded, linear = halves(), depth not in ("grey", "alpha")
    if isinstance(depth, int):
        full = (1 << depth) - 1
        values = np.rint(coded / 255 * full).astype(np.uint16)
        data = encoded(values, lossless=True, bitspersample=depth)
    elif depth == "float":
        data = encoded((coded / 255).astype(np.float32), lossless=True)
    elif depth == "alpha":
        opaque = np.dstack([coded, np.full(coded.shape[:2], 255, np.uint8)])
        opaque[0, 0] = 0
        coded[0, 0] = 255  # on white
        data = encoded(opaque, lossless=True)
    else:
        coded[:] = coded[:, :, 2:]
        deep = coded[:, :, 0].astype(np.uint16) * 257
        grey = deep if depth == "grey 16" else coded[:, :, 0].copy()
        data = encoded(grey, lossless=True)
    image = read_photo(written(tmp_path, data))
    expected = np.where(coded == GREY[0], 188, coded) if linear else coded
    assert np.abs(np.asarray(image).astype(int) - expected).max() <= 1


def test_an_animation_is_its_first_frame(tmp_path: Path) -> None:
    frames = np.stack([halves(), 255 - halves()])
    path = written(tmp_path, encoded(frames, lossless=True))
    assert np.array_equal(np.asarray(read_photo(path)), halves())


class Bits:
    """Writes bits, the lowest first."""

    def __init__(self) -> None:
        self.value = self.count = 0

    def put(self, value: int, count: int) -> Bits:
        self.value |= value << self.count
        self.count += count
        return self

    def done(self) -> bytes:
        return CODESTREAM + self.value.to_bytes((self.count + 7) // 8, "little") + bytes(64)


def opened(tmp_path: Path, data: bytes):
    with opened_photo(written(tmp_path, data), pixels=False) as image:
        return image


def test_turning_is_in_the_codestream(tmp_path: Path) -> None:
    """32 x 16, of which EXIF says something else."""
    bits = Bits().put(1, 1).put(1, 5).put(7, 3)  # small, 16 high, twice as wide
    bits.put(0, 1).put(1, 1).put(5, 3).put(0, 3)  # extra fields: orientation 6
    bits.put(0, 1).put(0, 2).put(1, 1).put(0, 2).put(1, 1).put(1, 1)
    exif = Image.Exif()
    exif[274] = 3
    exif[306] = "2024:05:06 07:08:09"

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    block = bytes(4) + exif.tobytes()[6:]
    packed = box(b"brob", b"Exif" + imagecodecs.brotli_encode(block))
    for metadata in (box(b"Exif", block), packed):
        stream = bits.done()
        parts = box(b"jxlp", bytes(4) + stream[:3]) + box(b"jxlp", b"\x80\0\0\1" + stream[3:])
        image = opened(tmp_path, CONTAINER + box(b"ftyp", b"jxl ") + metadata + parts)
        assert image.size == (32, 16)
        assert photo_size(tmp_path / "photo.jxl") == (16, 32)
        with opened_photo(tmp_path / "photo.jxl", pixels=False) as image:
            assert image.getexif()[274] == 6 and image.getexif()[306] == "2024:05:06 07:08:09"


@pytest.mark.parametrize("name", COLOURS)
def test_colours_are_converted(tmp_path: Path, name: str) -> None:
    data, expected = COLOURS[name]
    path = written(tmp_path, bytes.fromhex(data))
    image = read_photo(path)
    assert image.size == photo_size(path) == (16, 8)
    assert image.getpixel((3, 4)) == ((0, 0, 0) if "grey" in name else RED)
    assert image.getpixel((12, 4)) == (expected,) * 3


def test_a_packed_jpeg_keeps_its_profile(tmp_path: Path) -> None:
    made = io.BytesIO()
    profile = swapped_profile()
    Image.fromarray(halves()).save(made, "JPEG", quality=100, subsampling=0, icc_profile=profile)
    jpeg = tmp_path / "photo.jpg"
    jpeg.write_bytes(made.getvalue())
    path = written(tmp_path, bytes(imagecodecs.jpegxl_encode_jpeg(made.getvalue())))
    for to_srgb in (True, False):
        shown, expected = (np.asarray(read_photo(p, to_srgb=to_srgb)) for p in (path, jpeg))
        assert np.array_equal(shown, expected)


def test_files_without_a_header_are_refused(tmp_path: Path) -> None:
    whole = encoded(halves(), lossless=True)
    for data in (whole[:2], whole[:6], whole[: len(whole) // 2], CONTAINER, CONTAINER + b"\0" * 40):
        with pytest.raises(UnreadablePhoto):
            read_photo(written(tmp_path, data))
