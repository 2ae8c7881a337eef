"""Values as other programs write them."""

from __future__ import annotations

import os

import pytest

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_path,
    clean_text,
    colour_of,
    excerpt,
    name_of,
    path_of,
    pixels_of,
    score_of,
    unique_specs,
)


def test_lone_surrogates() -> None:
    escaped = os.fsdecode(b"\xe4.jpg")
    assert clean_path(escaped) == path_of(escaped) == escaped
    assert clean_path("\ud800.jpg") == "\ufffd.jpg"
    assert clean_text(escaped) == "\ufffd.jpg"
    assert clean_text("ä👍") == "ä👍"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), (7.0, 7), ("7", 7), (-1, 0), (7.5, 0), (True, 0), ("٧", 0), (2**40, 0), (None, 0)],
)
def test_pixels(value: object, expected: int) -> None:
    assert pixels_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0.0), (0.5, 0.5), (1, 1.0), (1.5, None), (float("nan"), None), (True, None), ("1", None)],
)
def test_score(value: object, expected: float | None) -> None:
    assert score_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("#12aBcd", "#12aBcd"), ([255, 0, 16], "#ff0010"), ([256, 0, 0], ""), ("red", ""), (7, "")],
)
def test_colour(value: object, expected: str) -> None:
    assert colour_of(value) == expected


def test_names() -> None:
    assert [name_of(value) for value in ("a", 7, 1.5)] == ["a", "7", "1.5"]
    assert [name_of(value) for value in (None, [], True)] == ["", "", ""]
    assert len(excerpt("x" * 1000)) == 200
    specs = [ClassSpec("a", "first"), ClassSpec("b"), ClassSpec("a", "second"), ClassSpec("")]
    assert unique_specs(specs) == (ClassSpec("a", "first"), ClassSpec("b"))
