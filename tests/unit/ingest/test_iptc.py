"""Keywords in IPTC-IIM."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.ingest.iptc import keywords

UTF8 = b"\x1c\x01\x5a\x00\x03\x1b%G"


def record(number: int, value: bytes) -> bytes:
    return bytes((0x1C, 2, number)) + len(value).to_bytes(2, "big") + value


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (record(25, b"Frost") + record(5, b"title") + record(25, b"Yard"), ["Frost", "Yard"]),
        (UTF8 + record(25, "grün".encode()), ["grün"]),
        (record(25, "grün".encode("latin-1")), ["grün"]),
        (record(25, "grün".encode()), ["grün"]),
        (UTF8 + record(25, b"gr\xfcn"), ["gr\ufffdn"]),
        (b"\x1c\x01\x5a\x00\x03\x1b.A" + record(25, b"\xc3\xbc"), ["Ã¼"]),
        (record(25, b"a") + record(25, b"a") + record(25, b" \0"), ["a"]),
        (record(25, b"a") + b"\x1c\x02\x19\x00\x09cut", ["a"]),
        (record(25, b"a") + b"rubbish" + record(25, b"b"), ["a"]),
        (b"\x1c\x02\x19\x80\x04\x00\x00\x00\x03big", ["big"]),
        (b"\x1c\x02\x19\x80\x09\x00\x00\x00\x03big", []),
    ],
)
def test_keywords(data: bytes, expected: list[str]) -> None:
    assert keywords(data) == expected


@given(st.binary(max_size=300))
def test_any_bytes_are_keywords_or_none(data: bytes) -> None:
    assert all(keywords(data))
