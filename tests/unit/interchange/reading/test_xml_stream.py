"""XML that is not trusted."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.reading import xml_stream
from lmpt_desktop.interchange.reading.xml_stream import XmlReader, xml_escaped, xml_safe


def _read(data: bytes) -> tuple[list[dict[str, str]], str]:
    """Attributes of each element, and the text."""
    attributes: list[dict[str, str]] = []
    texts: list[str] = []
    reader = XmlReader(
        Path("file.xml"),
        lambda _name, found: attributes.append(found),
        lambda _name: None,
        texts.append,
    )
    for __ in reader.parse(io.BytesIO(data)):
        pass
    return attributes, "".join(texts)


@given(st.text(st.characters()))
def test_any_text_reads_back(text: str) -> None:
    escaped = xml_escaped(text)
    attributes, found = _read(f'<a b="{escaped}">{escaped}</a>'.encode())
    assert attributes == [{"b": xml_safe(text)}]
    assert found == xml_safe(text)


def test_elements_within_elements_are_bounded() -> None:
    depth = xml_stream.MAX_DEPTH
    assert len(_read(b"<a>" * depth + b"</a>" * depth)[0]) == depth
    assert len(_read(b"<a>" + b"<b></b>" * 2 * depth + b"</a>")[0]) == 2 * depth + 1
    with pytest.raises(FileMalformed, match="nested too deeply"):
        _read(b"<a>" * (depth + 1))


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a SYSTEM "http://host/a.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ],
)
def test_entities_are_refused(document: str) -> None:
    with pytest.raises(FileMalformed, match="document type"):
        _read(document.encode())


def test_a_tag_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_stream, "MAX_TOKEN_BYTES", 200_000)
    with pytest.raises(FileMalformed, match="too large"):
        _read(b'<a b="' + b"x" * 2_000_000)
    assert _read(b"<a>" + b"x" * 2_000_000 + b"</a>")[1] == "x" * 2_000_000
