"""Texts of programs that do not say how they are encoded."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from lmpt_desktop.ingest.iptc import keywords
from lmpt_desktop.ingest.metadata import read_metadata
from lmpt_desktop.ingest.western import western


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"gr\xfcn", "grün"),
        (b"\x93quoted\x94 \x96 5 \x80", "“quoted” – 5 €"),
        (b"\x81", "\x81"),  # no letter in either
        (b"", ""),
    ],
)
def test_western(raw: bytes, text: str) -> None:
    assert western(raw) == text


def test_iptc_without_a_character_set_keeps_its_punctuation(tmp_path: Path) -> None:
    """As programs on Windows wrote it."""
    caption, keyword = (f"{text} – a “dog”" for text in ("On the beach", "sand"))
    records = b"".join(
        bytes((0x1C, 2, number)) + len(raw).to_bytes(2, "big") + raw
        for number, raw in ((120, caption.encode("cp1252")), (25, keyword.encode("cp1252")))
    )
    assert keywords(records) == [keyword]
    resource = b"8BIM\x04\x04\0\0" + len(records).to_bytes(4, "big") + records
    resource += b"\0" * (len(records) % 2)
    segment = b"Photoshop 3.0\0" + resource
    made = io.BytesIO()
    Image.new("RGB", (8, 8)).save(made, "JPEG")
    data = made.getvalue()
    path = tmp_path / "photo.jpg"
    path.write_bytes(
        data[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]
    )
    assert read_metadata(path).caption == caption
