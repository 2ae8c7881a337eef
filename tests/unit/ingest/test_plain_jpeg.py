"""The header of a plain JPEG: what is read at once is what Pillow says."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from lmpt_desktop.ingest.metadata import Metadata, read_metadata
from trainer import photo
from trainer.photo import UnreadablePhoto
from trainer.plain_jpeg import plain_jpeg

SIZE = (48, 32)
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="8" tiff:Make="Pentax"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def _exif(orientation: int | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "A dog on a beach"
    exif[0x010F], exif[0x0110] = "Canon", "EOS 5D"
    if orientation:
        exif[0x0112] = orientation
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x829A] = "2021:03:04 05:06:07", (1, 125)
    return exif


def jpeg(mode: str = "RGB", size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    stored = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(stored, "JPEG", **options)
    return stored.getvalue()


def with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    return (
        data[:2]
        + bytes((0xFF, marker))
        + (len(content) + 2).to_bytes(2, "big")
        + content
        + data[2:]
    )


_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PLAIN = {
    "plain": jpeg(),
    "grey": jpeg("L"),
    "cmyk": jpeg("CMYK"),
    "whole colours": jpeg(subsampling=0, quality=95),
    "described": jpeg(exif=_exif()),
    "turned": jpeg(exif=_exif(6)),
    "turned by xmp": jpeg(xmp=_XMP),
    "exif and xmp": jpeg(exif=_exif(3), xmp=_XMP),
    "profile": jpeg(icc_profile=_PROFILE, exif=_exif()),
    "comment": jpeg(comment=b"hello", dpi=(300, 300)),
    "restarts": jpeg(restart_marker_blocks=2),
    "unknown segment": with_segment(jpeg(exif=_exif()), 0xEB, b"something of a phone's"),
}
ODD = {
    "progressive": jpeg(progressive=True),
    "two exif": with_segment(jpeg(exif=_exif()), 0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
    "photoshop": with_segment(jpeg(), 0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\0"),
    "filler": jpeg()[:2] + b"\xff" + jpeg()[2:],
    "short profile": with_segment(jpeg(), 0xE2, b"ICC_PROFILE\0"),
    "several profiles": with_segment(jpeg(), 0xE2, b"ICC_PROFILE\0\x01\x02half"),
    "large and long": jpeg(size=(60, 60)).replace(b"\0\x3c\0\x3c", b"\x01\x00\xf0\x00"),
    "no size": jpeg(size=(60, 60)).replace(b"\0\x3c\0\x3c", b"\0\0\0\x3c"),
    "no scan": jpeg()[: jpeg().index(b"\xff\xda")],
}


def told(data: bytes) -> Metadata | str:
    try:
        return read_metadata(Path("no such folder/photo.jpg"), io.BytesIO(data), ())
    except UnreadablePhoto as error:
        return error.reason


@pytest.fixture
def by_pillow(monkeypatch: pytest.MonkeyPatch):
    def ask(data: bytes) -> Metadata | str:
        with monkeypatch.context() as patch:
            patch.setattr(photo, "plain_jpeg", lambda *_args, **_options: None)
            return told(data)

    return ask


def is_plain(data: bytes) -> bool:
    return plain_jpeg(data, at_least=photo.SMALL) is not None


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_one_is_as_pillow_says(name: str, by_pillow) -> None:
    assert is_plain(PLAIN[name])
    assert told(PLAIN[name]) == by_pillow(PLAIN[name])


@pytest.mark.parametrize("name", ODD)
def test_anything_odd_is_left_to_pillow(name: str, by_pillow) -> None:
    assert not is_plain(ODD[name])
    assert told(ODD[name]) == by_pillow(ODD[name])


def test_damage_says_the_same_either_way(by_pillow) -> None:
    draw = random.Random(7)
    plain = 0
    for number, whole in enumerate([*PLAIN.values(), *ODD.values()] * 12):
        data = bytearray(whole)
        end = whole.find(b"\xff\xda") % len(whole) + 10
        for _ in range(1 + number % 3):
            at = draw.randrange(2, min(end, len(data)))
            if number % 4:
                data[at] = draw.choice((0, 1, 3, 8, 0xC0, 0xDA, 0xE1, 0xFF, draw.randrange(256)))
            else:
                del data[at : at + draw.randrange(1, 20)]
        assert told(bytes(data)) == by_pillow(bytes(data)), bytes(data).hex()
        plain += is_plain(bytes(data))
    assert plain > 40, "damage that a header does not show"
