"""A scan reads headers: it decodes no picture, of whatever format and however damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from photo_containers import png_chunk
from photoshop_files import psd
from PIL import Image, PngImagePlugin
from raw_photos import dng, jpeg, patches

from lmpt_desktop.ingest.reading import read_file
from trainer.photo import UnreadablePhoto, photo_size

SIZE = (96, 64)


def picture() -> Image.Image:
    return Image.effect_noise(SIZE, 40).convert("RGB")


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = 1
    made[0x0132] = "2024:05:06 07:08:09"
    return made


def png(path: Path, *after: bytes, before: tuple[bytes, ...] = ()) -> None:
    """A PNG with chunks before and after its pixels."""
    picture().save(path)
    data = path.read_bytes()
    start, end = data.index(b"IDAT") - 4, data.index(b"IEND") - 4
    path.write_bytes(
        data[:start] + b"".join(before) + data[start:end] + b"".join(after) + data[end:]
    )


LONG_TEXT = png_chunk(b"tEXt", b"Comment\0" + b"x" * (1 << 20))
BLOCK = exif().tobytes()

KINDS: dict[str, Callable[[Path], object]] = {
    **{
        f"photo.{suffix}": lambda path: picture().save(path, exif=exif())
        for suffix in ("jpg", "png", "webp", "avif", "tif")
    },
    **{
        f"photo.{suffix}": lambda path: picture().save(path)
        for suffix in ("gif", "bmp", "jp2", "j2k", "ppm", "tga", "pcx")
    },
    "photo.ico": lambda path: picture().save(path, sizes=[SIZE]),
    "photo.psd": lambda path: path.write_bytes(psd(np.asarray(picture()).transpose(2, 0, 1))),
    "photo.jxl": lambda path: path.write_bytes(imagecodecs.jpegxl_encode(np.asarray(picture()))),
    "photo.dng": lambda path: path.write_bytes(dng(patches(*SIZE))),
    "preview.dng": lambda path: path.write_bytes(
        dng(patches(*SIZE), preview=jpeg(picture().resize((960, 640))))
    ),
    "photo.heic": lambda path: pillow_heif.from_pillow(picture()).save(path),
    "photo.mpo": lambda path: picture().save(path, "MPO", save_all=True, append_images=[picture()]),
    "animated.png": lambda path: picture().save(path, save_all=True, append_images=[picture()]),
    "animated.gif": lambda path: picture().save(path, save_all=True, append_images=[picture()]),
    "animated.webp": lambda path: picture().save(path, save_all=True, append_images=[picture()]),
    "without exif.png": png,
    "exif behind.png": lambda path: png(path, png_chunk(b"eXIf", BLOCK[6:])),
    "text behind.png": lambda path: png(path, png_chunk(b"tEXt", b"Comment\0hello")),
    "long texts.png": lambda path: png(path, before=(LONG_TEXT,) * 17),
    "long texts behind.png": lambda path: png(path, *(LONG_TEXT,) * 17),
    "wrong sum behind.png": lambda path: png(path, png_chunk(b"eXIf", BLOCK[6:])[:-1] + b"?"),
}


class _Decoded(BaseException):
    """No handler of the code under test catches it."""


def _image_classes(kind: type) -> Iterator[type]:
    yield kind
    for below in kind.__subclasses__():
        yield from _image_classes(below)


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()

    def refuse(image: Image.Image, *_args: object, **_options: object) -> None:
        raise _Decoded(f"{type(image).__name__} was decoded")

    for kind in set(_image_classes(Image.Image)):
        for name in ("load", "convert"):
            if name in kind.__dict__:
                monkeypatch.setattr(kind, name, refuse)


@pytest.mark.parametrize("name", KINDS)
def test_reading_a_file_decodes_nothing(
    photos: Path, name: str, request: pytest.FixtureRequest
) -> None:
    path = photos / name
    KINDS[name](path)
    request.getfixturevalue("no_decoding")
    reading = read_file(path, with_sample=True)
    assert reading.reason == "" and reading.metadata is not None
    assert (reading.metadata.width, reading.metadata.height) == SIZE
    assert photo_size(path) == SIZE


@pytest.mark.parametrize("name", KINDS)
def test_reading_a_damaged_file_decodes_nothing(
    photos: Path, name: str, request: pytest.FixtureRequest
) -> None:
    path = photos / name
    KINDS[name](path)
    data = path.read_bytes()
    request.getfixturevalue("no_decoding")
    for end in (len(data) // 2, len(data) - 20, 60, 30):
        path.write_bytes(data[:end])
        read_file(path)
        try:
            photo_size(path)
        except UnreadablePhoto as error:
            assert error.reason.endswith(".")
    for place in range(8, len(data), max(1, len(data) // 40)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x5A]) + data[place + 1 :])
        read_file(path)


def test_the_test_notices_decoding(photos: Path, request: pytest.FixtureRequest) -> None:
    path = photos / "photo.png"
    png(path)
    request.getfixturevalue("no_decoding")
    with Image.open(path) as image:
        assert isinstance(image, PngImagePlugin.PngImageFile)
        with pytest.raises(_Decoded):
            image.getexif()
