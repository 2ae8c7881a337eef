"""Metadata of a JPEG or TIFF that is cut short or points nowhere does not cost the picture."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lmpt_desktop.ingest.metadata import read_metadata
from trainer.damaged_metadata import without_damage
from trainer.photo import opened_photo, photo_size, read_photo


def saved(kind: str) -> bytes:
    made = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(made, kind)
    return made.getvalue()


JPEG, TIFF = saved("JPEG"), saved("TIFF")


def with_segment(marker: int, body: bytes) -> bytes:
    return JPEG[:2] + bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body + JPEG[2:]


def with_tag(tag: int, kind: int, count: int, value: int) -> bytes:
    """The TIFF with a directory of one more entry at its end."""
    (place,) = struct.unpack("<I", TIFF[4:8])
    (entries,) = struct.unpack("<H", TIFF[place : place + 2])
    old = TIFF[place + 2 : place + 2 + 12 * entries]
    known = [old[at : at + 12] for at in range(0, len(old), 12)]
    known.append(struct.pack("<HHII", tag, kind, count, value))
    known.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    directory = struct.pack("<H", len(known)) + b"".join(known) + bytes(4)
    return TIFF[:4] + struct.pack("<I", len(TIFF)) + TIFF[8:] + directory


SEGMENTS = [
    (0xE0, b"JFIF\0"),
    (0xE0, b"JFIF\0\1\1\1"),
    (0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
    (0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<x"),
    (0xE2, b"ICC_PROFILE\0"),
    (0xE2, b"ICC_PROFILE\0\5\1aaaa"),
    (0xE2, b"MPF\0II*\0\x08\0\0\0\3\0" + b"\1\xb0\4\0\1\0\0\0\2\0\0\0" * 3),
    (0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\xff\xff\xff\xff"),
    (0xEE, b"Adobe\0d"),
]
TAGS = [270, 271, 306, 315, 700, 33723, 34377, 34665, 34675, 34853, 40965, 65000]
PLACES = [(0, 0), (1, 8), (3, 7), (100, 10), (1 << 31, 5), (5, 1 << 31), (1, 0xFFFFFFFF)]
NEEDED = frozenset((347, *range(512, 533)))
"""Tags above 341 that say how pixels are stored."""
FILES = [
    *(with_segment(*segment) for segment in SEGMENTS),
    *(with_tag(tag, kind, *at) for tag in TAGS for kind in (2, 4, 7, 13, 16) for at in PLACES),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_metadata_does_not_cost_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    expected = {}
    for data in (JPEG, TIFF):
        path.write_bytes(data)
        expected[data[:2]] = np.asarray(read_photo(path))
    for data in FILES:
        path.write_bytes(data)
        assert photo_size(path) == (64, 48)
        assert read_metadata(path).height == 48
        assert np.array_equal(np.asarray(read_photo(path)), expected[data[:2]])


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=60)
@given(
    entry=st.tuples(st.integers(342, 0xFFFF), st.integers(0, 20), *[st.integers(0, 2**32 - 1)] * 2),
    segment=st.tuples(st.integers(0xE0, 0xED), st.binary(max_size=40)),
)
def test_nothing_in_metadata_costs_the_picture(
    entry: tuple[int, int, int, int], segment: tuple[int, bytes]
) -> None:
    tag = 700 if entry[0] in NEEDED else entry[0]
    for data in (with_tag(tag, *entry[1:]), with_segment(*segment)):
        with opened_photo(io.BytesIO(data)) as image:
            image.load()
            assert image.size == (64, 48)


def test_sound_files_are_left_as_they_are() -> None:
    for data in (JPEG, TIFF, saved("PNG"), saved("WEBP"), b"", b"\xff\xd8\xff", b"II*\0"):
        assert without_damage(io.BytesIO(data)) is None


def test_what_is_left_out_is_only_the_damage() -> None:
    for broken, whole in ((with_segment(0xE2, b"ICC_PROFILE\0"), JPEG),):
        clean = without_damage(io.BytesIO(broken))
        assert clean is not None
        assert clean.read() == whole
    clean = without_damage(io.BytesIO(with_tag(270, 2, 9, 1 << 30)))
    assert clean is not None
    assert clean.read()[8 : len(TIFF)] == TIFF[8:]
