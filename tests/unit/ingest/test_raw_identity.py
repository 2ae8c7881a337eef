"""What is the same picture of a raw, JPEG XL or Photoshop file, and what changes its look."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from photo_containers import write_metadata
from photoshop_files import psd
from PIL import Image
from raw_photos import dng, jpeg, patches

from lmpt_desktop.ingest.metadata import read_metadata
from lmpt_desktop.ingest.reading import read_file
from trainer.picture_hash import PictureData, picture_data

GREEN, BLUE = (20, 200, 40), (20, 40, 200)


def data_of(content: bytes) -> PictureData:
    found = picture_data(io.BytesIO(content), len(content))
    assert found is not None
    return found


def preview(colour: tuple[int, int, int] = GREEN) -> bytes:
    return jpeg(Image.new("RGB", (320, 192), colour))


def test_a_date_or_title_leaves_a_raw_file_the_same_picture() -> None:
    before, after = (
        data_of(dng(patches(), preview=preview(), taken=taken, packet=packet))
        for taken, packet in (("2024:05:06 07:08:09", b""), ("1999:09:09 09:09:09", b"<x/>"))
    )
    assert before == after


def test_another_preview_shows_the_same_picture_anew() -> None:
    before, after = (data_of(dng(patches(), preview=preview(of))) for of in (GREEN, BLUE))
    assert before.picture_hash == after.picture_hash and before.shown != after.shown


def test_other_raw_data_is_another_picture_with_the_same_preview() -> None:
    light = patches()
    light[0, 0] = 0.5
    before, after = (data_of(dng(of, preview=preview())) for of in (patches(), light))
    assert before.picture_hash != after.picture_hash


@pytest.mark.parametrize("name", ["photo.dng", "photo.jxl", "photo.psd"])
def test_exiftool_changes_metadata_only(tmp_path: Path, name: str) -> None:
    pixels = np.asarray(Image.effect_noise((96, 64), 40).convert("RGB"))
    path = tmp_path / name
    path.write_bytes(
        {
            "photo.dng": lambda: dng(patches(), preview=preview()),
            "photo.jxl": lambda: bytes(imagecodecs.jpegxl_encode(pixels, usecontainer=True)),
            "photo.psd": lambda: psd(pixels.transpose(2, 0, 1)),
        }[name]()
    )
    before = read_file(path).identity
    write_metadata(
        path, "-XMP-dc:Description=A cat on a mat", "-EXIF:DateTimeOriginal=2001:02:03 04:05:06"
    )
    after = read_file(path)
    assert after.identity.file_hash != before.file_hash
    assert after.identity.fingerprint == before.fingerprint
    assert after.metadata is not None and after.metadata.caption == "A cat on a mat"
    assert after.metadata.taken == "2001-02-03T04:05:06"


def test_dates_of_raw_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.dng"
    path.write_bytes(dng(patches(), orientation=8, taken="2024:05:06 07:08:09"))
    found = read_metadata(path)
    assert (found.width, found.height, found.orientation) == (192, 320, 8)
    assert found.taken == "2024-05-06T07:08:09"


def test_raw_data_that_is_not_all_there_makes_the_file_the_picture() -> None:
    whole = dng(patches())
    place = struct.unpack_from("<I", whole, 4)[0]
    data = bytearray(whole)
    at = data.index(struct.pack("<HHI", 279, 4, 1), place) + 8
    data[at : at + 4] = struct.pack("<I", len(data))
    assert picture_data(io.BytesIO(data), len(data)) is None


def test_a_codestream_is_the_same_with_and_without_boxes() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    bare = bytes(imagecodecs.jpegxl_encode(pixels))
    box = struct.pack(">I4s", 8 + len(bare), b"jxlc") + bare
    head = b"\0\0\0\x0cJXL \r\n\x87\n"
    assert data_of(bare) == data_of(head + box)
    assert picture_data(io.BytesIO(head), len(head)) is None
