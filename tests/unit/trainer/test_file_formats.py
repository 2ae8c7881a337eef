"""Which files may be photos, and formats that Pillow reads with care: PSD, ICO, TGA, PCX."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from photoshop_files import psd
from PIL import Image, ImageCms
from raw_photos import dng, patches

from trainer.file_formats import (
    FILE_FORMATS,
    HEAD_BYTES,
    OTHER_SUFFIXES,
    PHOTO_SUFFIXES,
    is_odd_name,
    is_photo_head,
)
from trainer.photo import UnreadablePhoto, opened_photo, photo_size, read_photo
from trainer.photoshop import NO_COMPOSITE, TOO_DEEP, TOO_NEW
from trainer.targa import is_targa

SIZE = (96, 64)


def picture(mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    return Image.fromarray(noise).convert(mode)


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    if kind == "HEIC":
        pillow_heif.from_pillow(picture()).save(buffer)
    else:
        picture(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def written(tmp_path: Path, data: bytes, name: str = "photo") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def reason(path: Path) -> str:
    with pytest.raises(UnreadablePhoto) as caught:
        photo_size(path)
    with pytest.raises(UnreadablePhoto):
        read_photo(path)
    return caught.value.reason


def planes(*extra: int) -> np.ndarray:
    """(3 + len(extra), height, width)."""
    colours = np.asarray(picture()).transpose(2, 0, 1)
    return np.concatenate([colours, *(np.full((1, SIZE[1], SIZE[0]), v, np.uint8) for v in extra)])


KINDS = {
    **{
        kind: lambda kind=kind: saved(kind)
        for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIC", "TIFF", "BMP", "JPEG2000", "PPM")
    },
    **{kind: lambda kind=kind: saved(kind) for kind in ("PCX", "ICO")},
    "JXL": lambda: imagecodecs.jpegxl_encode(np.asarray(picture())),
    "PSD": lambda: psd(planes()),
    "DNG": lambda: dng(patches(*SIZE)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_photos_are_known_by_their_first_bytes(kind: str) -> None:
    assert is_photo_head(KINDS[kind]()[:HEAD_BYTES])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BM is how this text begins, which is no bitmap",
        b"P2P is not a picture",
        b"P5",
        b"%PDF-1.7\n",
        b"PK\3\4",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
        b"RIFF\0\0\0\0AVI LIST",
        b"\0\0\2\0\1\0 \0",
        bytes(64),
        b"\xff\xfb\x90\x64",
    ],
)
def test_other_files_are_no_photos(head: bytes) -> None:
    assert not is_photo_head(head.ljust(HEAD_BYTES, b"\0"))


def test_names_that_say_nothing_are_odd() -> None:
    for name in ("photo", "a.jpg_large", "b.jpg!d", "DSC0001.NEF~1", "no.suffix here", "x."):
        assert is_odd_name(name)
    for name in ("a.JPG", "b.nef", "c.jxl", "d.mov", "e.txt", "f.xmp", "g.py"):
        assert not is_odd_name(name)
    assert not PHOTO_SUFFIXES & OTHER_SUFFIXES
    assert len(PHOTO_SUFFIXES) == sum(len(row.suffixes) for row in FILE_FORMATS)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("compression", [None, "tga_rle"])
def test_targa_is_known_by_a_sound_header(
    tmp_path: Path, mode: str, compression: str | None
) -> None:
    data = saved("TGA", mode, compression=compression)
    assert is_targa(data[:HEAD_BYTES])
    path = written(tmp_path, data, "photo.tga")
    assert np.array_equal(np.asarray(read_photo(path)), np.asarray(picture(mode).convert("RGB")))
    for kind in KINDS:
        assert not is_targa(KINDS[kind]()[:HEAD_BYTES])
    assert not is_targa(bytes(64))


def test_targa_without_alpha_bits_is_opaque(tmp_path: Path) -> None:
    data = bytearray(saved("TGA", "RGBA"))
    data[17] &= 0xF0
    data[18 + 3 :: 4] = bytes(len(data[18 + 3 :: 4]))
    path = written(tmp_path, bytes(data[: 18 + 4 * SIZE[0] * SIZE[1]]), "photo.tga")
    assert np.array_equal(np.asarray(read_photo(path)), np.asarray(picture()))


# ------------------------------------------------------------------------- Photoshop


def test_photoshop_files_are_shown_by_their_composite(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[306] = "2024:05:06 07:08:09"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    resources = {1039: profile, 1058: exif.tobytes()[6:], 1060: b"<x/>", 1028: b"\x1c\2"}
    path = written(tmp_path, psd(planes(), resources=resources), "photo.psd")
    assert np.array_equal(np.asarray(read_photo(path)), np.asarray(picture()))
    with opened_photo(path, pixels=False) as image:
        assert image.getexif()[306] == "2024:05:06 07:08:09"
        assert image.info["xmp"] == b"<x/>" and image.info["icc_profile"] == profile


def test_a_fourth_channel_is_transparency_only_if_the_file_says_so(tmp_path: Path) -> None:
    selection = written(tmp_path, psd(planes(0), layers=1))
    assert np.array_equal(np.asarray(read_photo(selection)), np.asarray(picture()))
    transparent = written(tmp_path, psd(planes(0), layers=-1))
    assert np.asarray(read_photo(transparent)).min() == 255


def test_photoshop_files_that_cannot_be_shown_say_why(tmp_path: Path) -> None:
    layers_only = {1057: b"\0\0\0\1\0" + bytes(8)}
    deep = np.zeros((3, 8, 8), ">u2")
    for data, expected in (
        (psd(planes(), resources=layers_only), NO_COMPOSITE),
        (psd(deep, depth=16), TOO_DEEP),
        (psd(planes(), version=2), TOO_NEW),
    ):
        assert reason(written(tmp_path, data)) == expected


# ------------------------------------------------------------------------------ icons


@pytest.mark.parametrize("bitmap", ["png", "bmp"])
def test_an_icon_is_its_largest_picture(tmp_path: Path, bitmap: str) -> None:
    path = tmp_path / "photo.ico"
    large = picture("RGBA").resize((64, 64))
    large.save(path, sizes=[(16, 16), (64, 64), (32, 32)], bitmap_format=bitmap)
    assert photo_size(path) == (64, 64)
    assert np.array_equal(np.asarray(read_photo(path)), np.asarray(large.convert("RGB")))


def test_the_size_of_an_icon_is_that_of_its_picture(tmp_path: Path) -> None:
    """The directory says 16 x 16 of a picture that takes 10 GB."""
    data = bytearray(saved("ICO", sizes=[(16, 16)]))
    at = data.index(b"IHDR") + 4
    data[at : at + 8] = (50_000).to_bytes(4, "big") * 2
    assert "megapixels" in reason(written(tmp_path, bytes(data)))
