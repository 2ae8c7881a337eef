"""Whether the end of a file is missing, by its structure."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from photo_containers import big_tiff, frames, noise
from raw_photos import cr3, dng, jpeg, orf, patches, raf, rw2
from tiff_tags import rewrite_tags

from trainer.file_ends import is_cut_short
from trainer.photo import UnreadablePhoto, read_photo

pillow_heif.register_heif_opener()


def saved(kind: str, mode: str = "RGB", **settings: Any) -> bytes:
    made = io.BytesIO()
    noise().convert(mode).save(made, kind, **settings)
    return made.getvalue()


def pages(kind: str) -> bytes:
    made = io.BytesIO()
    first, *others = frames()
    first.save(made, kind, save_all=True, append_images=others)
    return made.getvalue()


def deep(*, planes: bool = False, **settings: Any) -> bytes:
    made = io.BytesIO()
    values = np.asarray(noise()).astype("<u2") * 257
    if planes:
        values = np.ascontiguousarray(np.moveaxis(values, -1, 0))
        settings["planarconfig"] = "separate"
    tifffile.imwrite(made, values, photometric="rgb", metadata=None, **settings)
    return made.getvalue()


def jpeg_xl_in_boxes() -> bytes:
    stream = bytes(imagecodecs.jpegxl_encode(np.asarray(noise())))
    if stream[:2] != b"\xff\x0a":
        return stream
    parts = ((b"JXL ", b"\r\n\x87\n"), (b"ftyp", b"jxl \0\0\0\0jxl "), (b"jxlc", stream))
    return b"".join(struct.pack(">I4s", 8 + len(body), kind) + body for kind, body in parts)


def text_after_header(data: bytes) -> bytes:
    """A Netpbm with comments in its header."""
    return data.replace(b"\n", b"\n# 9 9 a dog\n", 1)


KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: saved("JPEG"),
    "progressive JPEG": lambda: saved("JPEG", progressive=True),
    "PNG": lambda: saved("PNG"),
    "WebP": lambda: saved("WEBP"),
    "moving WebP": lambda: pages("WEBP"),
    "HEIC": lambda: saved("HEIF"),
    "AVIF": lambda: saved("AVIF"),
    "JPEG 2000": lambda: saved("JPEG2000"),
    "JPEG XL": jpeg_xl_in_boxes,
    "TIFF": lambda: saved("TIFF"),
    "TIFF, LZW": lambda: saved("TIFF", compression="tiff_lzw"),
    "TIFF, tiles": lambda: deep(tile=(16, 16), compression="deflate"),
    "TIFF, planes": lambda: deep(planes=True, rowsperstrip=7),
    "BigTIFF": big_tiff,
    "BigTIFF, Motorola's order": lambda: big_tiff(">"),
    "Netpbm": lambda: saved("PPM"),
    "grey Netpbm": lambda: saved("PPM", "L"),
    "bilevel Netpbm": lambda: saved("PPM", "1"),
    "Netpbm with a comment": lambda: text_after_header(saved("PPM")),
    "deep Netpbm": lambda: b"P5 8 8 65535\n" + bytes(128),
    "Netpbm of floats": lambda: b"Pf\n4 4\n-1.0\n" + bytes(64),
    "ICO": lambda: saved("ICO", "RGBA", sizes=[(16, 16), (48, 48)]),
    "DNG": lambda: dng(patches(96, 64), preview=jpeg(noise())),
    "CR3": lambda: cr3(jpeg(noise())),
    "ORF": lambda: orf(jpeg(noise())),
    "RAF": lambda: raf(jpeg(noise())),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_end_is_seen(kind: str) -> None:
    data = KINDS[kind]()
    assert not is_cut_short(io.BytesIO(data))
    for missing in (1, 2, 4, 30, len(data) // 3):
        assert is_cut_short(io.BytesIO(data[:-missing])), missing


def test_of_panasonic_it_is_known_whether_the_raw_data_begins() -> None:
    data = rw2(jpeg(noise()))
    assert not is_cut_short(io.BytesIO(data))
    assert is_cut_short(io.BytesIO(data[: len(data) // 2]))


def test_a_gif_may_lack_its_last_byte() -> None:
    data = pages("GIF")
    assert not is_cut_short(io.BytesIO(data))
    assert not is_cut_short(io.BytesIO(data[:-1]))
    assert not is_cut_short(io.BytesIO(data + bytes(100)))
    for end in (len(data) - 2, len(data) // 2, 500, 20):
        assert is_cut_short(io.BytesIO(data[:end]))


@pytest.mark.parametrize(
    "data",
    [
        saved("JPEG") + b"more" * 1000,  # what phones append
        saved("PNG") + b"more",
        saved("HEIF") + b"more" * 100,
        saved("GIF") + b"more",
        saved("TIFF") + b"more",
        saved("BMP"),
        saved("TGA"),
        b"P3 1 1 255\n1 2 3\n",
        b"P6 9\n",
        b"",
        b"text",
    ],
)
def test_what_is_behind_the_end_and_what_is_not_known_is_not_missing(data: bytes) -> None:
    assert not is_cut_short(io.BytesIO(data))


def test_a_length_that_is_too_large_for_the_last_strip_is_not_believed() -> None:
    data = bytearray(saved("TIFF"))
    rewrite_tags(data, {279: 60_000})
    assert not is_cut_short(io.BytesIO(data))


def test_the_end_of_a_thumbnail_is_not_that_of_the_photo() -> None:
    exif = b"Exif\0\0" + saved("JPEG")[:60_000]
    data = saved("JPEG")
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    assert not is_cut_short(io.BytesIO(data[:2] + segment + data[2:]))
    assert is_cut_short(io.BytesIO(data[:2] + segment + data[2:-2]))


def test_a_png_of_very_many_chunks_is_not_walked_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = saved("PNG")[:-12] + (bytes(4) + b"teXt" + bytes(4)) * 100
    assert is_cut_short(io.BytesIO(data))
    monkeypatch.setattr("trainer.file_ends._MAX_CHUNKS", 50)
    file = io.BytesIO(data)
    assert not is_cut_short(file)
    assert file.tell() < len(data)


def test_directories_that_lead_back_are_left() -> None:
    data = bytearray(saved("TIFF"))
    place = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[place : place + 2], "little")
    data[place + 2 + 12 * count : place + 6 + 12 * count] = struct.pack("<I", place)
    assert not is_cut_short(io.BytesIO(data))


def test_a_picture_in_a_tiff_of_which_strips_are_missing_is_never_what_memory_held(
    tmp_path: Path,
) -> None:
    data = deep(planes=True, rowsperstrip=4)
    path = tmp_path / "photo.tif"
    for end in range(20, 400, 20):
        path.write_bytes(data[:end])
        with pytest.raises(UnreadablePhoto):
            read_photo(path)
