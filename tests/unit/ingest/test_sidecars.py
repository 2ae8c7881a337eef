"""What files beside a photo, and the less usual places in it, say of when and what it shows."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.ingest import read_metadata, sync, xmp
from lmpt_desktop.ingest.loose_metadata import loose_metadata
from lmpt_desktop.ingest.sidecars import FolderSidecars
from lmpt_desktop.ingest.takeout import TakeoutFacts, takeout_facts

EXIF_IFD, GPS_IFD = 0x8769, 0x8825


def packet(date: str = "", description: str = "", *, short: bool = True) -> bytes:
    name = "photoshop:DateCreated"
    attribute = f'{name}="{date}"' if date and short else ""
    element = f"<{name}>{date}</{name}>" if date and not short else ""
    if description:
        element += (
            "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>"
            f"{description}</rdf:li></rdf:Alt></dc:description>"
        )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" {attribute}>{element}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def takeout(seconds: str = "1696601060", description: str = "") -> str:
    return json.dumps({"photoTakenTime": {"timestamp": seconds}, "description": description})


def exif(**ifds: dict[int, Any]) -> Image.Exif:
    made = Image.Exif()
    for name, number in (("exif", EXIF_IFD), ("gps", GPS_IFD)):
        made.get_ifd(number).update(ifds.get(name, {}))
    return made


def iptc_jpeg(path: Path, *records: tuple[int, bytes]) -> None:
    body = b"".join(
        bytes((0x1C, 2, number)) + struct.pack(">H", len(text)) + text for number, text in records
    )
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(body)) + body
    content = path.read_bytes()
    segment = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    path.write_bytes(content[:2] + segment + content[2:])


def add_png_chunks(path: Path, *chunks: tuple[bytes, bytes]) -> None:
    """Behind the picture, as ImageMagick writes them."""
    content = path.read_bytes()
    end = content.rindex(b"IEND") - 4
    added = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    path.write_bytes(content[:end] + added + content[end:])


def test_exif_says_the_zone_and_hours_from_1_to_24(draw) -> None:
    tags = {0x9003: "2023:10:06 24:04:20", 0x9011: "+02:00"}
    assert read_metadata(draw("a.jpg", exif=exif(exif=tags))).taken == "2023-10-06T00:04:20+02:00"


def test_satellites_tell_the_time_in_utc(draw) -> None:
    path = draw("a.jpg", exif=exif(gps={7: (12.0, 4.0, 20.0), 29: "2023:10:06"}))
    assert read_metadata(path).taken == "2023-10-06T12:04:20+00:00"


@pytest.mark.parametrize("short", [True, False])
def test_xmp_in_the_photo_has_a_date_in_either_form(draw, short: bool) -> None:
    path = draw("a.jpg", xmp=packet("2023-10-06T14:04:20.5Z", short=short))
    assert read_metadata(path).taken == "2023-10-06T14:04:20+00:00"


def test_iptc_has_day_and_time_apart(draw) -> None:
    path = draw("a.jpg")
    iptc_jpeg(path, (55, b"20231006"), (60, b"140420+0200"))
    assert read_metadata(path).taken == "2023-10-06T14:04:20+02:00"


def test_png_has_dates_behind_its_picture(draw) -> None:
    changed = (b"tIME", struct.pack(">HBBBBB", 2023, 10, 7, 1, 2, 3))
    path = draw("a.png")
    add_png_chunks(path, changed)
    assert read_metadata(path).taken == "2023-10-07T01:02:03+00:00"
    path = draw("b.png")
    add_png_chunks(path, changed, (b"tEXt", b"Creation Time\0" + b"2023:10:06 14:04:20"))
    assert read_metadata(path).taken == "2023-10-06T14:04:20"
    path = draw("c.png")
    block = exif(exif={0x9003: "2020:01:02 03:04:05"}).tobytes().removeprefix(b"Exif\0\0")
    add_png_chunks(path, changed, (b"eXIf", block))
    assert read_metadata(path).taken == "2020-01-02T03:04:05"


def test_jpeg_2000_has_xmp_in_a_box(draw) -> None:
    path = draw("a.jp2")
    body = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet("2023-10-06", "a dog")
    content = path.read_bytes()
    box = struct.pack(">I", len(body) + 8) + b"uuid" + body
    at = content.index(b"jp2c") - 4
    path.write_bytes(content[:at] + box + content[at:])
    found = read_metadata(path)
    assert (found.taken, found.caption) == ("2023-10-06T00:00:00", "a dog")


def test_side_files_come_before_what_is_in_the_photo_and_the_photos_own_first(
    draw, photos: Path
) -> None:
    path = draw("a.jpg", exif=exif(exif={0x9003: "2020:01:02 03:04:05"}))
    (photos / "a.xmp").write_bytes(packet("2021-01-01", "of both"))
    assert read_metadata(path).taken == "2021-01-01T00:00:00"
    (photos / "a.jpg.xmp").write_bytes(packet("2022-02-02"))
    found = read_metadata(path)
    assert (found.taken, found.caption, found.caption_source) == (
        "2022-02-02T00:00:00",
        "of both",
        "sidecar",
    )


def test_takeout_says_when_and_what_if_nothing_else_does(draw, photos: Path) -> None:
    path = draw("a.jpg")
    (photos / "a.jpg.json").write_text(takeout(description="on the beach"))
    found = read_metadata(path, sidecars=["a.jpg.json"])
    assert (found.taken, found.caption) == ("2023-10-06T14:04:20+00:00", "on the beach")
    (photos / "a.txt").write_text("a dog")
    tags = {0x9003: "2020:01:02 03:04:05"}
    path = draw("a.jpg", exif=exif(exif=tags))
    found = read_metadata(path, sidecars=["a.txt", "a.jpg.json"])
    assert (found.taken, found.caption) == ("2020-01-02T03:04:05", "a dog")


@pytest.mark.parametrize(
    ("photo", "beside"),
    [
        ("a.JPG", "a.TXT"),
        ("a.jpg", "A.JPG.xmp"),
        ("a.jpg", "a.jpg.supplemental-metadata.json"),
        ("a.jpg", "a.jpg.suppl.json"),
        ("a(2).jpg", "a.jpg.supplemental-metadata(2).json"),
        ("a(2).jpg", "a.jpg(2).json"),
        ("a" * 50 + ".jpg", "a" * 46 + ".json"),
        ("a" * 50 + "(1).jpg", "a" * 46 + "(1).json"),
    ],
)
def test_sidecars_are_found_by_name(photo: str, beside: str) -> None:
    others = ("b.txt", "a.json.txt", "a.jpg.supplement.txt.json", "a(3).jpg.json", "ab.jpg.json")
    there = FolderSidecars((name, name) for name in (*others, beside))
    assert there.of(photo) == [beside]


def test_a_change_beside_a_photo_is_read_and_the_photo_stays_the_same(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a.jpg")
    folder = catalogue.folders.add(photos)
    (image_id,) = sync(catalogue, folder.id).new
    hashes = catalogue.images.hashes([image_id])
    side = photos / "a.jpg.XMP"
    side.write_bytes(packet("2023-10-06T14:04:20+02:00", "a dog"))
    assert sync(catalogue, folder.id).changed == [image_id]
    image = catalogue.images.details(image_id)
    assert image.taken is not None
    assert image.taken.isoformat() == "2023-10-06T14:04:20+02:00"
    assert image.caption == "a dog"
    # The column is by the camera's clock.
    [seconds] = catalogue.images.table().taken.tolist()
    [of_one] = catalogue.images.table(ids=[image_id]).taken.tolist()
    assert seconds == of_one == 1696601060
    assert catalogue.images.hashes([image_id]) == hashes
    os.utime(side, ns=(1, 1))
    side.write_bytes(packet("2024-01-01"))
    assert sync(catalogue, folder.id).changed == [image_id]
    side.unlink()
    assert sync(catalogue, folder.id).changed == [image_id]
    assert catalogue.images.details(image_id).taken is None


def test_a_photo_without_its_end_stays_marked_when_a_sidecar_changes(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    path = draw("a.jpg")
    path.write_bytes(path.read_bytes()[:-2])
    folder = catalogue.folders.add(photos)
    sync(catalogue, folder.id)
    assert catalogue.images.table().damaged.tolist() == [True]
    (photos / "a.txt").write_text("a dog")
    assert len(sync(catalogue, folder.id).changed) == 1
    assert catalogue.images.table().damaged.tolist() == [True]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"photoTakenTime": 3}',
        b'{"photoTakenTime": {"timestamp": "9e9"}}',
        b'{"photoTakenTime": {"timestamp": "99999999999999999999"}}',
        b"[" * 5000,
        b'{"title": "of another program"}',
        b"\xff\xfe",
    ],
)
def test_other_json_says_nothing(content: bytes) -> None:
    assert takeout_facts(content) == TakeoutFacts()


def test_a_forbidden_or_large_packet_says_nothing() -> None:
    good = packet("2023-10-06", "a dog")
    assert xmp.facts(good).dates == ("2023-10-06",)
    assert xmp.facts(b"<!DOCTYPE x>" + good) == xmp.XmpFacts()
    assert xmp.facts(good + b" " * 10 + b"<!--" + b"x" * xmp.MAX_BYTES + b"-->") == xmp.XmpFacts()


HEADS = (b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0cjP  \r\n\x87\n", b"")
PARTS = st.lists(
    st.tuples(
        st.integers(0, 2**32 - 1) | st.integers(0, 40),
        st.sampled_from([b"tIME", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"uuid", b"jp2c"]),
        st.binary(max_size=40),
    ),
    max_size=4,
)


@given(st.sampled_from(HEADS), PARTS)
def test_damaged_chunks_and_boxes_end_the_search(
    head: bytes, parts: list[tuple[int, bytes, bytes]]
) -> None:
    body = b"".join(struct.pack(">I", size) + kind + content for size, kind, content in parts)
    found = loose_metadata(io.BytesIO(head + body))
    assert isinstance(found.exif, bytes) and isinstance(found.xmp, bytes)
