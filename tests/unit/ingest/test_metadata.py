"""What photo files say about themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from photoshop_files import psd
from PIL import Image
from raw_photos import dng, patches

from lmpt_desktop.ingest import read_metadata, xmp
from trainer.photo import UnreadablePhoto

XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Not this</rdf:li></rdf:Alt></dc:title>
   <dc:description><rdf:Alt>
    <rdf:li xml:lang="de">Eine Katze</rdf:li>
    <rdf:li xml:lang="x-default">A cat &amp; a caf\u00e9</rdf:li>
   </rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta><?xpacket end="w"?>"""


def exif(**tags: str | bytes) -> Image.Exif:
    made = Image.Exif()
    numbers = {"description": 0x010E, "changed": 0x0132, "orientation": 0x0112}
    for name, value in tags.items():
        if name in numbers:
            made[numbers[name]] = int(value) if name == "orientation" else value
    if "taken" in tags:
        made.get_ifd(0x8769)[0x9003] = tags["taken"]
    return made


def iptc_segment(caption: bytes) -> bytes:
    record = b"\x1c\x02\x78" + len(caption).to_bytes(2, "big") + caption
    block = (
        b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record + b"\0" * (len(record) % 2)
    )
    body = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body


def test_the_size_is_the_one_shown(draw) -> None:
    path = draw("a.jpg", size=(64, 48), exif=exif(orientation="6"))
    data = read_metadata(path)
    assert (data.width, data.height) == (48, 64)
    assert (data.taken, data.caption, data.caption_source) == (None, "", "")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"taken": "2019:05:04 13:22:10"}, "2019-05-04T13:22:10"),
        ({"taken": "2019:05:04 13:22:10", "changed": "2021:01:01 00:00:00"}, "2019-05-04T13:22:10"),
        ({"changed": "2021:01:01 00:00:00"}, "2021-01-01T00:00:00"),
        ({"taken": "0000:00:00 00:00:00"}, None),
        ({"taken": "yesterday"}, None),
    ],
)
def test_the_date_is_when_the_photo_was_taken(draw, tags, expected) -> None:
    assert read_metadata(draw("a.jpg", exif=exif(**tags))).taken == expected


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_xmp_comes_before_exif(draw, name: str) -> None:
    save: dict = {"exif": exif(description="from exif")}
    if name.endswith("png"):
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP)
        save["pnginfo"] = info
    elif name.endswith("tif"):
        save["tiffinfo"] = {700: XMP.encode()}
        del save["exif"]
    else:
        save["xmp"] = XMP.encode()
    data = read_metadata(draw(name, **save))
    assert (data.caption, data.caption_source) == ("A cat & a café", "embedded")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_iptc_captions_are_read_in_either_encoding(draw, encoding: str) -> None:
    path = draw("a.jpg")
    content = path.read_bytes()
    segment = iptc_segment("Ein Café".encode(encoding))
    path.write_bytes(content[:2] + segment + content[2:])
    assert read_metadata(path).caption == "Ein Café"


def test_exif_descriptions_are_read_as_people_write_them(draw) -> None:
    path = draw("a.jpg", exif=exif(description="Über  den\nWolken ".encode()))
    assert read_metadata(path).caption == "Über den Wolken"


@pytest.mark.parametrize("words", ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "", "1234", "\0\0"])
def test_what_cameras_write_is_no_caption(draw, words: str) -> None:
    path = draw("a.jpg", exif=exif(description=words))
    assert read_metadata(path).caption == ""


@pytest.mark.parametrize("beside", ["a.txt", "a.jpg.txt"])
def test_a_text_file_beside_the_photo_is_its_caption(draw, photos: Path, beside: str) -> None:
    path = draw("a.jpg")
    (photos / beside).write_text("\ufeffa dog\non a beach\n", encoding="utf-8")
    data = read_metadata(path)
    assert (data.caption, data.caption_source) == ("a dog on a beach", "sidecar")


def test_boxes_beside_the_photo_are_no_caption(draw, photos: Path) -> None:
    path = draw("a.jpg")
    (photos / "a.txt").write_text("0 0.5 0.5 0.1 0.2\n1 0.3 0.3 0.1 0.1\n")
    assert read_metadata(path).caption == ""


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_metadata_costs_only_the_metadata(draw) -> None:
    path = draw("a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff", xmp=b"<x:xmpmeta")
    data = read_metadata(path)
    assert (data.width, data.height, data.caption, data.taken) == (64, 48, "", None)


def test_a_file_that_is_no_photo_is_unreadable(photos: Path) -> None:
    (photos / "a.jpg").write_text("not a photo")
    with pytest.raises(UnreadablePhoto):
        read_metadata(photos / "a.jpg")


# ----------------------------------------------------------------------------------- xmp


def test_a_document_type_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "boom"><!ENTITY b "&a;&a;">]>' + XMP.partition("?>")[2]
    assert xmp.description(bomb.replace("A cat", "&b;")) == ""
    for encoding in ("utf-16", "utf-16-le"):
        assert xmp.description(bomb.encode(encoding)) == ""
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + XMP.partition("?>")[2]
    assert xmp.description(outside.replace("A cat", "&a;")) == ""


def test_the_short_form_and_other_languages_are_read() -> None:
    short = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:description="a dog"/>'
        "</rdf:RDF>"
    )
    assert xmp.description(short) == "a dog"
    assert xmp.description(XMP.replace("x-default", "fr")) == "Eine Katze"


@pytest.mark.parametrize("packet", [b"", b"\0\0", b"<a>", b"\xff\xfe\x00", b"plain text"])
def test_a_packet_that_is_none_has_no_description(packet: bytes) -> None:
    assert xmp.description(packet) == ""


def test_iptc_captions_of_raw_and_photoshop_files_are_read(tmp_path: Path) -> None:
    records = b"\x1c\x02\x05\0\x05Title\x1c\x02\x78\0\x0cA cat sleeps"
    made = {
        "photo.dng": dng(patches(40, 24), records=records),
        "photo.psd": psd(np.zeros((3, 8, 8), np.uint8), resources={0x0404: records}),
        "title.psd": psd(np.zeros((3, 8, 8), np.uint8), resources={0x0404: records[:10]}),
    }
    captions = []
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
        captions.append(read_metadata(tmp_path / name).caption)
    # A title is no caption.
    assert captions == ["A cat sleeps", "A cat sleeps", ""]
