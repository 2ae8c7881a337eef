"""What photos say of themselves: camera, exposure, place, keywords and rights."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from photoshop_files import psd
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational
from raw_photos import patches, tiff

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.photo_details import (
    LONGEST_NAME,
    MOST_KEYWORDS,
    NO_DETAILS,
    PhotoDetails,
    Place,
    tidy_keywords,
)
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.ingest import fill, read_metadata, sync
from lmpt_desktop.ingest.exif_details import camera_name, exif_details
from lmpt_desktop.ingest.fill import fill_details
from lmpt_desktop.ingest.xmp import facts

EXIF, GPS = 0x8769, 0x8825
MAIN: dict[int, Any] = {
    0x010F: "Canon",
    0x0110: "Canon EOS 5D",
    0x013B: "Ansel",
    0x8298: "Photographer\0Editor",
}
EXPOSURE: dict[int, Any] = {
    0x829A: IFDRational(1, 250),
    0x829D: IFDRational(28, 10),
    0x8827: 400,
    0x920A: IFDRational(35, 1),
    0xA405: 56,
    0xA434: "EF 35mm f/2",
    0x9003: "2023:10:06 14:04:20",
    0x9011: "+02:00",
    0x9291: "125",
}
BERLIN: dict[int, Any] = {
    1: "N",
    2: (IFDRational(52), IFDRational(31), IFDRational(12)),
    3: "E",
    4: (IFDRational(13), IFDRational(24), IFDRational(0)),
    5: b"\1",
    6: IFDRational(345, 10),
}


def exif(
    main: dict[int, Any] | None = None,
    inner: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
) -> Image.Exif:
    made = Image.Exif()
    made.update(main or {})
    if inner:
        made.get_ifd(EXIF).update(inner)
    if gps:
        made.get_ifd(GPS).update(gps)
    return made


def packet(inside: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
        ' xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
        ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/">'
        f"{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def words(*keywords: str) -> str:
    items = "".join(f"<rdf:li>{word}</rdf:li>" for word in keywords)
    return f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>"


def iptc(*records: tuple[int, bytes]) -> bytes:
    return b"".join(
        bytes((0x1C, 2, number)) + struct.pack(">H", len(text)) + text for number, text in records
    )


def with_iptc(path: Path, block: bytes) -> None:
    body = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block
    body += b"\0" * (len(block) % 2)
    content = path.read_bytes()
    segment = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    path.write_bytes(content[:2] + segment + content[2:])


# ------------------------------------------------------------------------------------ EXIF


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.avif"])
def test_exif_says_camera_exposure_place_and_rights(draw, name: str) -> None:
    path = draw(name, exif=exif(MAIN, EXPOSURE, BERLIN))
    data = read_metadata(path)
    said = data.details
    assert data.taken == "2023-10-06T14:04:20+02:00"
    assert (said.camera, said.lens) == ("Canon EOS 5D", "EF 35mm f/2")
    assert said.exposure == pytest.approx(1 / 250)
    assert (said.aperture, said.iso) == (pytest.approx(2.8), 400)
    assert (said.focal_length, said.focal_length_35) == (35, 56)
    assert said.subseconds == "125"
    assert said.place == Place(52.52, 13.4, -34.5)
    assert (said.creator, said.copyright) == ("Ansel", "Photographer; Editor")


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Canon", "Canon EOS 5D Mark III", "Canon EOS 5D Mark III"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("SONY", "ILCE-7M3", "SONY ILCE-7M3"),
        ("OLYMPUS IMAGING CORP.  ", "E-M5", "OLYMPUS E-M5"),
        ("EASTMAN KODAK COMPANY", "KODAK DX4530 ZOOM", "KODAK DX4530 ZOOM"),
        ("LG Electronics", "LG-H870", "LG-H870"),
        ("LEICA CAMERA AG", "LEICA Q2", "LEICA Q2"),
        ("Apple", "iPhone 12 Pro", "Apple iPhone 12 Pro"),
        ("RICOH IMAGING COMPANY, LTD.", "GR III", "RICOH GR III"),
        ("", "Pixel 7", "Pixel 7"),
        ("Camera Co.", "", "Camera Co."),
        ("Camera Co.", "X1", "Camera Co. X1"),
        ("", "", ""),
        ("Ca\nnon", "EOS\u202e 5D", "Ca non EOS 5D"),
        ("M" * 300, "x" * 300, "M" * LONGEST_NAME),
    ],
)
def test_a_camera_is_called_as_people_call_it(make: str, model: str, expected: str) -> None:
    assert camera_name(make, model) == expected


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ({0x829A: IFDRational(0, 0)}, NO_DETAILS),
        ({0x829A: IFDRational(0, 1), 0x829D: IFDRational(0, 10), 0x8827: 0}, NO_DETAILS),
        ({0x829D: float("inf"), 0x920A: "35 mm", 0xA405: (), 0x8827: None}, NO_DETAILS),
        ({0x8827: 65535, 0x8832: 102400}, PhotoDetails(iso=102400)),
        ({0x8827: (200, 0)}, PhotoDetails(iso=200)),
        ({0xA434: "----"}, NO_DETAILS),
        ({0xA434: "0.0 mm"}, PhotoDetails(lens="0.0 mm")),
        ({0xA434: "l" * 1000}, PhotoDetails(lens="l" * LONGEST_NAME)),
    ],
)
def test_what_cannot_be_is_not_said(inner: dict[int, Any], expected: PhotoDetails) -> None:
    assert exif_details(exif({}, inner)) == expected


@pytest.mark.parametrize(
    "gps",
    [
        {2: BERLIN[2], 1: "N"},
        {1: "N", 2: (0, 0, 0), 3: "E", 4: (0, 0, 0)},
        {1: "N", 2: (91, 0, 0), 3: "E", 4: (13, 0, 0)},
        {1: "N", 2: (IFDRational(0, 0),) * 3, 3: "E", 4: (13, 0, 0)},
        {1: "N", 2: "52", 3: "E", 4: (1, 2, 3, 4)},
    ],
)
def test_what_is_no_place_is_none(gps: dict[int, Any]) -> None:
    assert exif_details(exif({}, {}, gps)).place is None


def test_south_and_west_are_negative() -> None:
    gps = {1: "S", 2: (33, 30), 3: "W", 4: (70.5,)}
    assert exif_details(exif({}, {}, gps)).place == Place(-33.5, -70.5)


def test_keywords_of_windows_are_read(draw) -> None:
    text = "grün; Ansel ;;grün\0".encode("utf-16-le")
    path = draw("a.jpg", exif=exif({0x9C9E: text, 0x9C9B: "Ein Tag\0".encode("utf-16-le")}))
    said = read_metadata(path).details
    assert (said.keywords, said.title) == (("grün", "Ansel"), "Ein Tag")


@given(
    st.dictionaries(
        st.sampled_from([0x010F, 0x0110, 0x013B, 0x8298, 0x9C9B, 0x9C9E]),
        st.one_of(st.text(), st.binary(), st.integers(), st.tuples(st.integers())),
    ),
    st.dictionaries(
        st.sampled_from([*EXPOSURE]),
        st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.tuples()),
    ),
)
def test_any_values_are_bounded_details(main: dict[int, Any], inner: dict[int, Any]) -> None:
    made = Image.Exif()
    made._data.update(main)
    made._ifds[EXIF] = inner
    exif_details(made)  # raises nothing


# ------------------------------------------------------------------------- XMP and IPTC


def test_keywords_of_the_file_come_from_xmp_iptc_and_exif(draw) -> None:
    path = draw(
        "a.jpg",
        xmp=packet(words("sea", "beach")),
        exif=exif({0x9C9E: "beach;dune".encode("utf-16-le")}),
    )
    with_iptc(path, iptc((25, b"sea"), (25, "grün".encode("latin-1"))))
    assert read_metadata(path).details.keywords == ("sea", "beach", "grün", "dune")


def test_iptc_says_title_author_and_rights(draw) -> None:
    path = draw("a.jpg", exif=exif(MAIN))
    block = iptc((5, b"Title"), (80, b"A"), (80, b"B"), (105, b"Headline"), (116, b"(c) me"))
    with_iptc(path, block)
    said = read_metadata(path).details
    assert (said.title, said.headline) == ("Title", "Headline")
    assert (said.creator, said.copyright) == ("A, B", "(c) me")


def test_xmp_says_what_the_photo_alone_is_called() -> None:
    said = facts(
        packet(
            "<dc:title><rdf:Alt><rdf:li xml:lang='de'>Meer</rdf:li>"
            "<rdf:li xml:lang='x-default'>Sea</rdf:li></rdf:Alt></dc:title>"
            "<dc:creator><rdf:Seq><rdf:li>A</rdf:li><rdf:li>B</rdf:li></rdf:Seq></dc:creator>"
            "<photoshop:Headline>News</photoshop:Headline><tiff:Model>E-M5</tiff:Model>"
            "<aux:Lens>45 mm</aux:Lens>"
            "<exif:GPSLatitude>52,31.2N</exif:GPSLatitude>"
            "<exif:GPSLongitude>13,24,0W</exif:GPSLongitude>"
            "<exif:GPSAltitude>345/10</exif:GPSAltitude>"
            # What the photo was made of has properties of its own.
            "<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description>"
            f"<dc:title>Other</dc:title>{words('other')}"
            "</rdf:Description></rdf:li></rdf:Bag></xmpMM:Pantry>" + words("sea")
        )
    )
    assert (said.title, said.headline, said.creators) == ("Sea", "News", ("A", "B"))
    assert (said.model, said.lens, said.keywords) == ("E-M5", "45 mm", ("sea",))
    assert said.place == Place(52.52, -13.4, 34.5)


@pytest.mark.parametrize("coordinate", ["", "52N", "52,31.2", "52,31.2X", "5200,1N", "52,1e9N"])
def test_what_is_no_coordinate_is_no_place(coordinate: str) -> None:
    inside = f"<exif:GPSLatitude>{coordinate}</exif:GPSLatitude>"
    said = facts(packet(inside + "<exif:GPSLongitude>13,24,0E</exif:GPSLongitude>"))
    assert said.place is None


def test_keywords_are_few_and_short() -> None:
    found = tidy_keywords([f"{n}" for n in range(10_000)] + ["x" * 10_000])
    assert found == tuple(f"{n}" for n in range(MOST_KEYWORDS))
    assert tidy_keywords(["a\0\n b", "x" * 10_000, "", " "]) == ("a b", "x" * LONGEST_NAME)


# ------------------------------------------------------------------------- other formats


def _dng(block: bytes) -> bytes:
    light = np.rint(patches(64, 48)[:, :, 1] * 4095).astype("<u2")
    main: dict[int, Any] = {
        256: (4, 64),
        257: (4, 48),
        258: (3, 16),
        259: (3, 1),
        262: (3, 32803),
        271: (2, "Test"),
        272: (2, "Hand-made"),
        273: (4, light.tobytes()),
        277: (3, 1),
        278: (4, 48),
        279: (4, light.nbytes),
        33723: (7, block),
        50706: (1, (1, 4, 0, 0)),
    }
    return tiff(main, (), {0x829A: (5, 0.004), 0x8827: (3, 400)})


def test_raw_files_have_exif_and_iptc(photos: Path) -> None:
    (photos / "a.dng").write_bytes(_dng(iptc((25, b"sea"))))
    said = read_metadata(photos / "a.dng").details
    assert (said.camera, said.iso, said.keywords) == ("Test Hand-made", 400, ("sea",))
    assert said.exposure == pytest.approx(0.004)


def test_photoshop_files_have_exif_xmp_and_iptc(photos: Path) -> None:
    resources = {
        1028: iptc((25, b"sea"), (120, b"By the sea")),
        1058: exif(MAIN, EXPOSURE).tobytes()[6:],
        1060: packet(words("dune")),
    }
    planes = np.zeros((3, 8, 8), np.uint8)
    (photos / "a.psd").write_bytes(psd(planes, resources=resources))
    data = read_metadata(photos / "a.psd")
    assert (data.details.camera, data.details.keywords) == ("Canon EOS 5D", ("dune", "sea"))
    assert data.caption == "By the sea"


def test_exif_behind_a_damaged_sum_of_a_png_is_read(draw) -> None:
    """A reader of pictures leaves such a block out."""
    path = draw("a.png")
    block = exif(MAIN).tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + b"\0\0\0\0"
    content = path.read_bytes()
    place = content.index(b"IDAT") - 4
    path.write_bytes(content[:place] + chunk + content[place:])
    assert read_metadata(path).details.camera == "Canon EOS 5D"


def test_xmp_in_a_png_is_read(draw) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet(words("sea")).decode())
    assert read_metadata(draw("a.png", pnginfo=info)).details.keywords == ("sea",)


# ------------------------------------------------------------------------------ side files


def test_side_files_say_more_than_the_file(draw, photos: Path) -> None:
    path = draw("a.jpg", exif=exif(MAIN, EXPOSURE, BERLIN), xmp=packet(words("sea")))
    (photos / "a.jpg.xmp").write_bytes(
        packet(
            words("dune", "sea") + "<dc:rights><rdf:Alt><rdf:li>mine</rdf:li></rdf:Alt></dc:rights>"
            "<tiff:Model>Other</tiff:Model>"
            "<exif:GPSLatitude>10,0N</exif:GPSLatitude><exif:GPSLongitude>20,0E</exif:GPSLongitude>"
        )
    )
    (photos / "a.xmp").write_bytes(packet(words("sand")))
    said = read_metadata(path).details
    assert (said.keywords, said.side_keywords) == (("sea",), ("dune", "sea", "sand"))
    assert (said.copyright, said.place) == ("mine", Place(10, 20))
    # The camera is what it was.
    assert said.camera == "Canon EOS 5D"


def test_parts_of_seconds_are_of_the_date_that_counts(draw, photos: Path) -> None:
    path = draw("a.jpg", exif=exif({}, EXPOSURE))
    side = "<exif:DateTimeOriginal>2020-01-01T10:00:00.5</exif:DateTimeOriginal>"
    (photos / "a.xmp").write_bytes(packet(side))
    data = read_metadata(path)
    assert (data.taken, data.details.subseconds) == ("2020-01-01T10:00:00", "5")
    (photos / "a.xmp").write_bytes(packet(side.replace(".5", "")))
    assert read_metadata(path).details.subseconds == ""


@pytest.mark.parametrize(
    ("geo", "expected"),
    [
        ({"latitude": 52.52, "longitude": 13.4, "altitude": 34.5}, Place(52.52, 13.4, 34.5)),
        ({"latitude": 52.52, "longitude": 13.4, "altitude": 0.0}, Place(52.52, 13.4)),
        ({"latitude": 0.0, "longitude": 0.0, "altitude": 0.0}, None),
        ({"latitude": "52", "longitude": 13.4}, None),
        ({"latitude": 1e300, "longitude": 13.4}, None),
        ([], None),
    ],
)
def test_takeout_says_the_place(draw, photos: Path, geo: Any, expected: Place | None) -> None:
    path = draw("a.jpg")
    body = {"photoTakenTime": {"timestamp": "1696601060"}, "geoData": geo}
    (photos / "a.jpg.json").write_text(json.dumps(body))
    assert read_metadata(path, None, ["a.jpg.json"]).details.place == expected


def test_keywords_of_a_side_file_are_updated_with_it(
    draw, photos: Path, catalogue: Catalogue
) -> None:
    draw("a.jpg", exif=exif(MAIN))
    folder = catalogue.folders.add(photos).id
    (image,) = sync(catalogue, folder).new
    assert catalogue.photo_details.of([image])[image].side_keywords == ()
    (photos / "a.xmp").write_bytes(packet(words("sea")))
    assert sync(catalogue, folder).changed == [image]
    said = catalogue.photo_details.of([image])[image]
    assert (said.side_keywords, said.camera) == (("sea",), "Canon EOS 5D")
    (photos / "a.xmp").unlink()
    sync(catalogue, folder)
    assert catalogue.photo_details.of([image])[image].side_keywords == ()


# -------------------------------------------------------------------- earlier versions


@pytest.fixture
def undescribed(
    draw, photos: Path, catalogue: Catalogue
) -> Callable[[], tuple[Folder, dict[str, int]]]:
    """Three photos as an earlier version has left them."""

    def make() -> tuple[Folder, dict[str, int]]:
        for seed, name in enumerate(("a.jpg", "b/c.jpg", "b/d.jpg")):
            draw(name, seed, exif=exif(MAIN))
        folder = catalogue.folders.add(photos)
        sync(catalogue, folder.id)
        with catalogue._store.write() as connection:
            connection.exec_driver_sql("DELETE FROM photo_details")
            connection.exec_driver_sql("UPDATE images SET camera_id = 0")
        table = catalogue.images.table()
        return folder, dict(zip(table.names, table.ids.tolist(), strict=True))

    return make


def test_photos_of_an_earlier_version_are_described(
    undescribed, photos: Path, catalogue: Catalogue
) -> None:
    folder, ids = undescribed()
    (photos / "b" / "C.XMP").write_bytes(packet(words("sea")))
    (photos / "b" / "d.jpg").write_bytes(b"changed meanwhile")
    assert fill_details(catalogue.photo_details, folder, lambda: False)
    found = catalogue.photo_details.of(list(ids.values()))
    assert found.keys() == {ids["a.jpg"], ids["b/c.jpg"]}
    assert found[ids["b/c.jpg"]].side_keywords == ("sea",)
    table = catalogue.images.table()
    assert [table.camera_names.get(number) for number in table.cameras.tolist()] == [
        "Canon EOS 5D",
        "Canon EOS 5D",
        None,
    ]


def test_describing_goes_on_where_it_was_stopped(
    undescribed, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fill, "DETAILS_BATCH_FILES", 2)
    folder, ids = undescribed()
    asked = iter([False, True])
    assert not fill_details(catalogue.photo_details, folder, lambda: next(asked))
    assert len(catalogue.photo_details.of(list(ids.values()))) == 1
    told: list[int] = []
    assert fill_details(catalogue.photo_details, folder, lambda: False, told.append)
    assert told == [2]
    assert catalogue.photo_details.unread(folder.id) == []
