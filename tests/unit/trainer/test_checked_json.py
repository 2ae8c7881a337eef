"""Hostile JSON is refused with one sentence, and what is kept has the declared types."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer import checked_json
from trainer.checked_json import Count, Finite, JsonError, Limits

SMALL = Limits(bytes=1000, values=100, depth=5, text=50)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("nul", "not JSON"),
        ("[" * 100_000, "too many values|too deeply|too long"),
        ("[" * 6 + "]" * 6, "too deeply"),
        ('{"a":' * 6 + "1" + "}" * 6, "too deeply"),
        ('{"a": 1, "b": 2, "a": 3}', "key twice"),
        ("[" + "9" * 30 + "]", "too large"),
        ("[-" + "9" * 30 + "]", "too large"),
        ("[" + "9" * 900 + "]", "too large"),
        ("[NaN]", "not finite"),
        ("[1e999]", "not finite"),
        ('[["-Infinity", -Infinity]]', "not finite"),
        ('"\\ud800"', "lone surrogate"),
        ('{"\\udfff": 1}', "lone surrogate"),
        ('["' + "a" * 51 + '"]', "text is too long"),
        ('{"' + "a" * 51 + '": 1}', "text is too long"),
        ("[" + "1," * 150 + "1]", "too many values"),
        (" " * 1001, "too long"),
        (b"[\xff]", "not UTF-8"),
    ],
)
def test_json_beyond_the_limits_is_refused_with_a_reason(text: str | bytes, reason: str) -> None:
    with pytest.raises(JsonError, match=reason):
        checked_json.parse(text, SMALL)


@pytest.mark.parametrize("brackets", [900, 100_000, 1_000_000])
def test_deep_json_is_refused_whatever_the_parser_bears(brackets: int) -> None:
    for text in ("[" * brackets + "]" * brackets, '{"a":' * brackets + "1" + "}" * brackets):
        with pytest.raises(JsonError, match="nested too deeply"):
            checked_json.parse(text, Limits())


def test_whole_numbers_of_more_digits_than_python_converts_are_refused() -> None:
    with pytest.raises(JsonError):
        checked_json.parse("9" * 5000, Limits())


def test_json_within_the_limits_is_read_as_it_is() -> None:
    value = {"a": [1, -2.5, True, None, "ö🐕"], "b": {"c": [[1]]}, "d": 2**63 - 1}
    assert checked_json.parse(json.dumps(value), SMALL) == value
    assert checked_json.parse(json.dumps(value).encode("utf-8-sig"), SMALL) == value


def test_exceptions_for_losses_and_names_of_files() -> None:
    loose = Limits(finite=False, unicode=False)
    assert math.isnan(checked_json.parse("[NaN]", loose)[0])
    assert checked_json.parse('"\\udce9"', loose) == "\udce9"


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a file"):
        checked_json.read(tmp_path, SMALL)
    with pytest.raises(OSError):
        checked_json.read(tmp_path / "none", SMALL)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="not a file"):
            checked_json.read(tmp_path / "pipe", SMALL)
        with pytest.raises(OSError, match="not a file"):
            checked_json.read(Path("/dev/zero"), SMALL)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(JsonError, match="too large"):
        checked_json.read(tmp_path / "sparse", SMALL)


@dataclass(frozen=True)
class Sample:
    number: Finite
    count: Count
    flag: bool = False
    names: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    "value",
    [
        {"number": "3", "count": 1},
        {"number": True, "count": 1},
        {"number": None, "count": 1},
        {"number": math.nan, "count": 1},
        {"number": 10**400, "count": 1},
        {"number": 1, "count": 1.0},
        {"number": 1, "count": "1"},
        {"number": 1, "count": True},
        {"number": 1, "count": -1},
        {"number": 1, "count": 2**63},
        {"number": 1, "count": 1, "flag": 1},
        {"number": 1, "count": 1, "names": "abc"},
        {"number": 1, "count": 1, "names": [1]},
        {"number": 1},
        [1, 1],
        None,
    ],
)
def test_nothing_is_converted(value: Any) -> None:
    with pytest.raises(JsonError):
        checked_json.to_type(value, Sample)


def test_a_whole_number_may_stand_for_a_number_and_fields_may_be_unknown() -> None:
    made = checked_json.to_type({"number": 3, "count": 1, "later": [1]}, Sample)
    assert made == Sample(3.0, 1)
    assert type(made.number) is float


@given(st.text(st.characters()))
def test_any_text_can_be_made_readable(text: str) -> None:
    readable = checked_json.readable_text(text)
    readable.encode()
    assert checked_json.readable_text(readable) == readable
    if not any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        assert readable == text


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    assert checked_json.readable_text("a\ud800b\udcffö") == "a\ufffdb\ufffdö"
    assert checked_json.readable_text("\ud83d\ude00") == "😀"
