"""Reading packets: what is in them, whatever the encoding; and never more than a sentence."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xmp_samples import RDF, SAMPLES

from lmpt_desktop.interchange.errors import FileMalformed, FileTooLarge, InterchangeError
from lmpt_desktop.interchange.xmp.packet import (
    MAX_DEPTH,
    KeywordList,
    Packet,
    attributes_of,
    decode,
    parse,
    read_packet,
)

DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'


def subjects(raw: bytes) -> list[str]:
    return read_packet(raw)[0].keywords(KeywordList.SUBJECT)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lightroom", ["animal", "dog", "Frühling"]),
        ("digikam", ["Hamburg", "boat"]),
        ("darktable", ["bird", "darktable", "exported", "format", "heron", "nature"]),
        ("bridge", ["R&D <lab>", "night"]),
        ("picasa", ["Frost", "Yard"]),
        ("acdsee", ["Horse"]),
        ("exiftool", ["Frost", "it's"]),
        ("no-keywords", []),
        ("attribute", ["tr&m"]),
        ("empty-bag", []),
        ("simple-value", ["lone"]),
        ("cdata", ["R&D <x>"]),
        ("other-prefix", ["a"]),
        ("latin1", ["café"]),
        ("utf16", ["animal", "dog", "Frühling"]),
        ("utf16-big", ["Hamburg", "boat"]),
        ("utf8-mark", ["R&D <lab>", "night"]),
    ],
)
def test_flat_keywords_of_each_program(name: str, expected: list[str]) -> None:
    assert subjects(SAMPLES[name]) == expected


def test_the_lists_of_paths() -> None:
    packet, _ = read_packet(SAMPLES["digikam"])
    assert packet.keywords(KeywordList.HIERARCHICAL) == ["Places|Hamburg", "boat"]
    assert packet.keywords(KeywordList.TAGS) == ["Places/Hamburg", "boat"]
    assert packet.keywords(KeywordList.LAST_KEYWORD) == ["Places/Hamburg", "boat"]


def test_a_real_file_in_utf_16_without_keywords(real_files: Path) -> None:
    packet, encoded = read_packet((real_files / "immich_2010.xmp").read_bytes())
    assert encoded.mark == codecs.BOM_UTF16_LE and encoded.codec == "utf-16-le"
    assert all(packet.keywords(which) == [] for which in KeywordList)
    assert len(packet.rdf_children) == 1


def test_several_descriptions_and_a_keyword_with_qualifiers() -> None:
    raw = (
        f"<rdf:RDF {RDF} {DC}><rdf:Description><dc:subject><rdf:Bag><rdf:li>one</rdf:li>"
        "</rdf:Bag></dc:subject></rdf:Description>"
        "<rdf:Description dc:subject='two'><dc:title>no</dc:title>"
        "</rdf:Description><rdf:Description><dc:subject><rdf:Bag><rdf:li>\n three \n</rdf:li>"
        "<rdf:li><rdf:Description><rdf:value>four</rdf:value><dc:x>no</dc:x></rdf:Description>"
        "</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF>"
    )
    assert sorted(subjects(raw.encode())) == ["four", "one", "three", "two"]


def test_angle_brackets_in_attributes_and_split_character_data() -> None:
    raw = (
        f"<rdf:RDF {RDF} {DC}><rdf:Description dc:format='a>b' dc:title=\"it's >\"><dc:subject>"
        "<rdf:Bag><rdf:li><![CDATA[a ]]]]><![CDATA[> b]]></rdf:li></rdf:Bag></dc:subject>"
        "</rdf:Description></rdf:RDF>"
    )
    assert subjects(raw.encode()) == ["a ]]> b"]


def test_what_is_inside_another_property_is_no_keyword_of_the_photo() -> None:
    raw = (
        f"<rdf:RDF {RDF} {DC}><rdf:Description><dc:source><rdf:Description><dc:subject>"
        "<rdf:Bag><rdf:li>other</rdf:li></rdf:Bag></dc:subject></rdf:Description></dc:source>"
        "</rdf:Description></rdf:RDF>"
    )
    assert subjects(raw.encode()) == []


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE x>",
        '<!DOCTYPE x [<!ENTITY a "b">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_type_is_refused(head: str) -> None:
    with pytest.raises(FileMalformed, match="document type"):
        read_packet(f"{head}<rdf:RDF {RDF}/>".encode())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "damaged"),
        (b"no xml", "damaged"),
        (b"<a>", "line 1"),
        (b"\xff\xfe<", "UTF-16"),
        (b"\xff\xfe\x00\xd8\x00\x00", "UTF-16"),
        (b"<a>\xff</a>", "UTF-8"),
        (b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>', "EBCDIC-CP-US"),
        (b"<a>&undefined;</a>", "damaged"),
    ],
)
def test_damaged_data_is_a_sentence(raw: bytes, message: str) -> None:
    with pytest.raises(FileMalformed, match=message):
        read_packet(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * 500_001 + b"</a>",
        b"\0" * (16 * 1024 * 1024 + 1),
        f"<rdf:RDF {RDF} {DC}><rdf:Description dc:subject='{'x' * 30_000}'/></rdf:RDF>".encode(),
        (
            f"<rdf:RDF {RDF} {DC}><rdf:Description><dc:subject><rdf:Bag>"
            + "<rdf:li>x</rdf:li>" * 20_001
            + "</rdf:Bag></dc:subject></rdf:Description></rdf:RDF>"
        ).encode(),
    ],
    ids=["deep", "many", "large", "long", "keywords"],
)
def test_bombs_are_refused(raw: bytes) -> None:
    with pytest.raises(FileTooLarge):
        read_packet(raw)


@pytest.mark.parametrize(
    "raw",
    [
        f"<rdf:RDF {RDF}><rdf:Description{' ' * 4_000_000}/></rdf:RDF>",
        f"<rdf:RDF {RDF}><rdf:Description {'a' * 4_000_000}=''/></rdf:RDF>",
        f"<rdf:RDF {RDF}><rdf:Description a='{'>' * 4_000_000}'/></rdf:RDF>",
        f"<rdf:RDF {RDF}><rdf:Description>{' ' * 4_000_000}</rdf:Description></rdf:RDF>",
        "<?xml " + "encoding " * 400_000,
    ],
    ids=["space", "name", "value", "text", "declaration"],
)
def test_long_runs_take_no_time(raw: str) -> None:
    """With a pattern that backtracks this would never end."""
    _read_or_sentence(raw.encode())


@pytest.mark.parametrize("name", SAMPLES)
def test_decoding_gives_back_the_same_bytes(name: str) -> None:
    data, encoded = decode(SAMPLES[name])
    assert encoded.encode(data) == SAMPLES[name]


def test_places_are_those_of_the_elements() -> None:
    packet = parse(SAMPLES["cdata"])
    [item] = packet.properties
    data = packet.data
    assert data[item.span.start : item.span.stop].startswith(b"<dc:subject>")
    assert data[item.span.start : item.span.stop].endswith(b"</dc:subject>")
    [entry] = item.items
    assert data[entry.span.start : entry.span.stop].startswith(b"<rdf:li><![CDATA[R&D")
    assert data[entry.span.start : entry.span.stop].endswith(b"</rdf:li>")


def test_attributes_as_written() -> None:
    packet = parse(SAMPLES["attribute"])
    names = [item.name for item in attributes_of(packet.data, packet.rdf_children[0])]
    assert names == ["rdf:about", "xmlns:d", "d:subject", "d:format"]


@given(st.binary(max_size=400))
def test_any_bytes_are_a_packet_or_a_sentence(raw: bytes) -> None:
    _read_or_sentence(raw)


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=8), st.integers(0, 30))),
)
def test_mutated_packets_are_a_packet_or_a_sentence(
    name: str, changes: list[tuple[int, bytes, int]]
) -> None:
    raw = SAMPLES[name]
    for number, new, removed in changes:
        place = number % (len(raw) + 1)
        raw = raw[:place] + new + raw[place + removed :]
    _read_or_sentence(raw)


def _read_or_sentence(raw: bytes) -> Packet | None:
    try:
        packet, encoded = read_packet(raw)
    except InterchangeError as error:
        assert str(error)[-1] == "."
        return None
    assert encoded.encode(packet.data) == raw
    return packet
