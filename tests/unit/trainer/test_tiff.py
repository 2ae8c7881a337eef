"""TIFF of every kind: colours as ImageMagick shows them, and a sentence for what is not read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from colour_profiles import swapped_profile
from numpy.typing import NDArray
from PIL import Image
from tiff_tags import rewrite_tags

from trainer import raw, tiff
from trainer.photo import HeavyPhoto, UnreadablePhoto, opened_photo, photo_size, read_photo

HEIGHT, WIDTH = 48, 64
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH]
COLOURS = np.stack([_X / (WIDTH - 1), _Y / (HEIGHT - 1), ((_X + _Y) % 32) / 31], -1)
"""(48, 64, 3) red, green and blue in [0, 1]."""
ALPHA = np.clip((_X + _Y) / 90, 0, 1)[..., None]
PLACES = ((0, 0), (24, 32), (40, 5))
"""Row and column of the pixels that are compared."""

PLAIN = [(0, 0, 0), (130, 130, 197), (20, 217, 107)]
GREY = [(0, 0, 0), (130, 130, 130), (20, 20, 20)]
INVERTED = [(255, 255, 255), (125, 125, 125), (235, 235, 235)]
ON_WHITE = [(255, 255, 255), (177, 177, 219), (137, 236, 181)]
"""What ImageMagick 6.9.11 (``convert FILE -background white -alpha remove -depth 8``) shows at the
places; for ``f2``, ``>u4`` and packed bits of white-is-zero, which it does not invert, TIFF 6.0."""


def stored(values: NDArray[Any], kind: str, bits: int = 0) -> NDArray[Any]:
    """Values in [0, 1] as samples of a type."""
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return values.astype(dtype)
    depth = bits or 8 * dtype.itemsize
    low = 0.0 if dtype.kind == "u" else -(2.0 ** (depth - 1))
    return np.rint(values * (2.0**depth - 1) + low).astype(dtype)


def planes(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def save(path: Path, values: NDArray[Any], **settings: Any) -> Path:
    tifffile.imwrite(path, values, metadata=None, **settings)
    return path


def rgba(kind: str) -> NDArray[Any]:
    return stored(np.concatenate([COLOURS, ALPHA], -1), kind)


WITH_ALPHA: dict[str, Any] = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
SEPARATE: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate"}
KINDS: dict[str, tuple[NDArray[Any], dict[str, Any], list[tuple[int, int, int]]]] = {
    "planar 16": (planes(stored(COLOURS, "<u2")), SEPARATE, PLAIN),
    "planar 16, other order": (
        planes(stored(COLOURS, ">u2")),
        SEPARATE | {"byteorder": ">"},
        PLAIN,
    ),
    "planar 16 in packed tiles": (
        planes(stored(COLOURS, "<u2")),
        SEPARATE | {"compression": "lzw", "predictor": True, "tile": (32, 32)},
        PLAIN,
    ),
    "white is zero, 16": (stored(COLOURS[..., 0], "<u2"), {"photometric": 0}, INVERTED),
    "white is zero, half": (stored(COLOURS[..., 0], "<f2"), {"photometric": 0}, INVERTED),
    "grey 32": (stored(COLOURS[..., 0], ">u4"), {"byteorder": ">"}, GREY),
    "grey 64": (stored(COLOURS[..., 0] * 0.999999, "<u8"), {}, GREY),
    "grey half": (stored(COLOURS[..., 0], "<f2"), {}, GREY),
    "grey double": (stored(COLOURS[..., 0], "<f8"), {}, GREY),
    "grey, signed 16": (stored(COLOURS[..., 0], "<i2"), {}, GREY),
    "half": (stored(COLOURS, "<f2"), {"photometric": "rgb"}, PLAIN),
    "float": (stored(COLOURS, ">f4"), {"photometric": "rgb", "byteorder": ">"}, PLAIN),
    "float, predicted": (
        stored(COLOURS, "<f4"),
        {"photometric": "rgb", "compression": "deflate", "predictor": True},
        PLAIN,
    ),
    "double": (stored(COLOURS, "<f8"), {"photometric": "rgb"}, PLAIN),
    "float in a range": (
        (COLOURS * 300 - 20).astype("f4"),
        {
            "photometric": "rgb",
            "extratags": [(340, 11, 1, -20.0, True), (341, 11, 1, 280.0, True)],
        },
        PLAIN,
    ),
    "32": (stored(COLOURS, "<u4"), {"photometric": "rgb"}, PLAIN),
    "10 bit": (stored(COLOURS, "<u2", 10), {"photometric": "rgb", "bitspersample": 10}, PLAIN),
    "12 bit": (stored(COLOURS[..., 0], "<u2", 12), {"bitspersample": 12}, GREY),
    "12 bit, white is zero": (
        stored(COLOURS[..., 0], "<u2", 12),
        {"photometric": 0, "bitspersample": 12},
        INVERTED,
    ),
    "alpha 16": (rgba("<u2"), WITH_ALPHA, ON_WHITE),
    "alpha, float": (rgba("<f4"), WITH_ALPHA, ON_WHITE),
    "alpha, planar": (planes(rgba("<u1")), WITH_ALPHA | SEPARATE, ON_WHITE),
    "associated alpha, planar": (
        planes(stored(np.concatenate([COLOURS * ALPHA, ALPHA], -1), "<u2")),
        SEPARATE | {"extrasamples": ["assocalpha"]},
        ON_WHITE,
    ),
    "grey and alpha 16": (
        stored(np.concatenate([COLOURS[..., :1], ALPHA], -1), "<u2"),
        {"photometric": 1, "planarconfig": "contig", "extrasamples": ["unassalpha"]},
        [(255, 255, 255), (177, 177, 177), (137, 137, 137)],
    ),
    "grey and associated alpha": (
        stored(np.concatenate([COLOURS[..., :1] * ALPHA, ALPHA], -1), "<u1"),
        {"photometric": 1, "planarconfig": "contig", "extrasamples": ["assocalpha"]},
        [(255, 255, 255), (177, 177, 177), (137, 137, 137)],
    ),
    "five channels": (
        stored(np.concatenate([COLOURS, ALPHA, ALPHA], -1), "<u2"),
        {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]},
        ON_WHITE,
    ),
    "CMYK 16, planar": (
        planes(stored(np.concatenate([COLOURS, COLOURS[..., :1] * 0.3], -1), "<u2")),
        {"photometric": "separated", "planarconfig": "separate"},
        [(255, 255, 255), (106, 106, 49), (229, 37, 144)],
    ),
    "CMYK and alpha": (
        stored(np.concatenate([COLOURS, COLOURS[..., :1] * 0.3, ALPHA * 0 + 1], -1), "<u2"),
        {"photometric": "separated", "extrasamples": ["unassalpha"]},
        [(255, 255, 255), (106, 106, 49), (229, 37, 144)],
    ),
}


def at_places(image: Image.Image) -> list[tuple[int, ...]]:
    return [tuple(int(v) for v in np.asarray(image)[place]) for place in PLACES]


@pytest.mark.parametrize("kind", KINDS)
def test_the_colours_are_those_that_imagemagick_shows(tmp_path: Path, kind: str) -> None:
    values, settings, expected = KINDS[kind]
    settings = {"photometric": 1, **settings}
    path = save(tmp_path / "photo.tif", values, **settings)
    image = read_photo(path)
    assert photo_size(path) == image.size == (WIDTH, HEIGHT)
    shown = at_places(image)
    assert np.abs(np.array(shown) - np.array(expected)).max() <= 2, shown


@pytest.mark.parametrize("photometric", [8, 9])
def test_lab_of_16_bits_is_that_of_8(tmp_path: Path, photometric: int) -> None:
    lab = np.stack([COLOURS[..., 0], COLOURS[..., 1] - 0.5, COLOURS[..., 2] - 0.5], -1) * 100
    full = 65280 if photometric == 9 else 65535
    eight = np.rint(lab * [2.55, 1, 1])
    deep = np.rint(lab * [full / 100, 256, 256])
    if photometric == 9:
        deep[..., 1:] += 32768
    first = save(tmp_path / "8.tif", eight.astype(np.int16).astype(np.uint8), photometric="cielab")
    second = save(
        tmp_path / "16.tif",
        deep.astype(np.int32).astype(np.uint16),
        photometric="cielab" if photometric == 8 else "icclab",
    )
    difference = np.abs(
        np.asarray(read_photo(first)).astype(int) - np.asarray(read_photo(second)).astype(int)
    )
    assert difference.max() <= 4
    assert difference.mean() < 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_upright(tmp_path: Path, orientation: int) -> None:
    """As Pillow turns the same photo."""
    turned = [(274, 3, 1, orientation, True)]
    deep = planes(stored(COLOURS, "<u2"))
    path = save(tmp_path / "deep.tif", deep, **SEPARATE, extratags=turned)
    plain = save(tmp_path / "8.tif", stored(COLOURS, "u1"), photometric="rgb", extratags=turned)
    image, expected = read_photo(path), read_photo(plain)
    assert photo_size(path) == image.size == expected.size
    assert np.abs(np.asarray(image).astype(int) - np.asarray(expected)).max() <= 1


def test_colours_are_converted(tmp_path: Path) -> None:
    path = save(
        tmp_path / "photo.tif",
        planes(stored(COLOURS, "<u2")),
        **SEPARATE,
        iccprofile=swapped_profile(),
    )
    shown, as_stored = (
        np.asarray(read_photo(path, to_srgb=yes)).astype(int) for yes in (True, False)
    )
    assert np.abs(shown - as_stored).mean() > 20
    assert np.abs(as_stored - np.rint(COLOURS * 255)).max() <= 1


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "bits that differ": ({"tags": {258: (5, 6, 5)}}, tiff.UNKNOWN_COLOURS),
    "complex": ({"tags": {339: (6, 6, 6), 258: (64, 64, 64)}}, tiff.UNKNOWN_COLOURS),
    "many samples": ({"tags": {277: 1000}}, tiff.UNKNOWN_COLOURS),
    "other compression": ({"tags": {259: 34710, 258: (16, 16, 16)}}, tiff.UNKNOWN_COMPRESSION),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_known_is_refused_with_a_sentence(tmp_path: Path, kind: str) -> None:
    changes, reason = REFUSED[kind]
    path = tmp_path / "photo.tif"
    Image.new("RGB", (8, 8)).save(path, tiffinfo=changes["tags"])
    data = bytearray(path.read_bytes())
    rewrite_tags(data, changes["tags"])
    path.write_bytes(data)
    for read in (read_photo, photo_size):
        with pytest.raises(UnreadablePhoto) as caught:
            read(path)
        assert caught.value.reason == reason


def test_what_a_sensor_saw_is_for_the_reader_of_raw_files(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    Image.new("RGB", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    rewrite_tags(data, {262: 32803})
    path.write_bytes(data)
    with pytest.raises(UnreadablePhoto) as caught:
        read_photo(path)
    assert caught.value.reason == raw.UNSUPPORTED


def pyramid(path: Path, side: int, *, levels: str) -> Path:
    """Red at full size, green at a half, blue at a quarter."""
    with tifffile.TiffWriter(path) as file:
        for number in range(3):
            picture = np.zeros((side >> number, side >> number, 3), np.uint8)
            picture[..., number] = 200
            below: dict[str, Any] = {"subifds": 2} if levels == "below" and number == 0 else {}
            file.write(
                picture,
                photometric="rgb",
                compression="deflate",
                tile=(256, 256),
                subfiletype=int(number > 0 and levels != "unmarked"),
                metadata=None,
                **below,
            )
    return path


@pytest.mark.parametrize("levels", ["below", "after", "unmarked"])
def test_a_smaller_level_is_decoded_where_it_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, levels: str
) -> None:
    monkeypatch.setattr(tiff, "LARGE_PIXELS", 100_000)
    path = pyramid(tmp_path / "scan.tif", 1024, levels=levels)
    assert photo_size(path) == (1024, 1024)
    for at_least, size, colour in ((None, 1024, 0), (513, 1024, 0), (512, 512, 1), (200, 256, 2)):
        image = read_photo(path, at_least=at_least)
        assert image.size == (size, size)
        assert np.asarray(image)[9, 9].tolist() == [200 * (i == colour) for i in range(3)]


def test_a_scan_of_more_pixels_than_allowed_is_shown_by_a_smaller_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "LARGE_PIXELS", 100_000)
    monkeypatch.setattr("trainer.photo.MAX_PIXELS", 1_000_000)
    path = pyramid(tmp_path / "scan.tif", 2048, levels="below")
    assert photo_size(path) == (2048, 2048)
    assert read_photo(path, at_least=300).size == (512, 512)
    with pytest.raises(UnreadablePhoto, match="megapixels"):
        read_photo(path)


def test_a_large_photo_is_reduced_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "LARGE_PIXELS", 1000)
    path = save(tmp_path / "photo.tif", planes(stored(COLOURS, "<u2")), **SEPARATE)
    whole = read_photo(path)
    monkeypatch.setattr(tiff, "_MOST_VALUES", 2000)
    small = read_photo(path, at_least=16)
    assert small.size == (22, 16)
    assert np.abs(np.asarray(small).astype(int) - np.asarray(whole.reduce(3))).max() <= 1


def test_its_memory_is_known_before_it_is_decoded(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.tif", planes(stored(COLOURS, "<u2")), **SEPARATE)
    data = bytearray(path.read_bytes())
    rewrite_tags(data, {256: 14_000, 257: 14_000})
    path.write_bytes(data)
    with pytest.raises(UnreadablePhoto, match="memory"):
        read_photo(path)


def test_an_encoder_decodes_it_in_another_process(tmp_path: Path) -> None:
    """Decoders of what is rare stay out of a process that must not crash."""
    path = save(tmp_path / "photo.tif", stored(COLOURS, "<f2"), photometric="rgb")
    with pytest.raises(HeavyPhoto):
        read_photo(path, most_bytes=256 << 20)


def test_metadata_is_read_as_from_every_tiff(tmp_path: Path) -> None:
    path = save(
        tmp_path / "photo.tif",
        stored(COLOURS, "<f2"),
        photometric="rgb",
        description="A dog on a beach",
        extratags=[(700, 1, 7, b"<x:xmp/", True)],
    )
    with opened_photo(path, pixels=False) as image:
        assert image.getexif()[270] == "A dog on a beach"
        assert image.info["xmp"] == b"<x:xmp/"


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_what_is_cut_short_is_refused(tmp_path: Path, cut: float) -> None:
    kinds: dict[str, dict[str, Any]] = {"plain": {}, "packed": {"compression": "deflate"}}
    for name, more in kinds.items():
        made = io.BytesIO()
        tifffile.imwrite(
            made, stored(COLOURS, "<f4"), photometric="rgb", metadata=None, rowsperstrip=8, **more
        )
        data = made.getvalue()
        path = tmp_path / f"{name}.tif"
        path.write_bytes(data[: int(len(data) * cut)])
        with pytest.raises(UnreadablePhoto):
            read_photo(path)
