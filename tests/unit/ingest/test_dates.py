"""Dates in the spellings that occur."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.ingest.dates import from_timestamp, parse_date


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2023:10:06 14:04:20", "2023-10-06T14:04:20"),
        ("2023:10:06 24:04:20", "2023-10-06T00:04:20"),
        ("2023-10-06", "2023-10-06T00:00:00"),
        ("2023-10-06T14:04:20Z", "2023-10-06T14:04:20+00:00"),
        ("2023-10-06T14:04:20.123+02:00", "2023-10-06T14:04:20+02:00"),
        ("2023-10-06T14:04-0330", "2023-10-06T14:04:00-03:30"),
        ("2023:10:06 14:04:20.55\0", "2023-10-06T14:04:20"),
        ("2023/1/6 4:04:20", "2023-01-06T04:04:20"),
        ("20231006", "2023-10-06T00:00:00"),
        ("20231006T140420+02", "2023-10-06T14:04:20+02:00"),
        ("2016-12-31T23:59:60", "2016-12-31T23:59:59"),
        ("Thu, 05 May 2011 16:42:13 +0200", "2011-05-05T16:42:13+02:00"),
        ("2023-10-06T14:04:20+25:00", "2023-10-06T14:04:20"),
        ("0000:00:00 00:00:00", None),
        ("2023:13:06 14:04:20", None),
        ("2023", None),
        ("    :  :     :  :  ", None),
        ("yesterday", None),
        ("2023-10-06" + " " * 100 + "14:04", None),
        ("", None),
    ],
)
def test_a_date_is_kept_with_its_offset_where_it_is_said(text: str, kept: str | None) -> None:
    assert parse_date(text) == kept


def test_an_offset_beside_the_text_counts_if_the_text_has_none() -> None:
    assert parse_date("2023:10:06 14:04:20", "+02:00") == "2023-10-06T14:04:20+02:00"
    assert parse_date("2023-10-06T14:04:20Z", "+02:00") == "2023-10-06T14:04:20+00:00"
    assert parse_date("2023:10:06", "+02:00") == "2023-10-06T00:00:00"


@given(st.text("0123456789-:/.TZ+ Wedoct,", max_size=40) | st.text(max_size=40))
def test_any_text_is_a_valid_date_or_none(text: str) -> None:
    kept = parse_date(text, text)
    assert kept is None or datetime.fromisoformat(kept).isoformat() == kept


@given(st.integers())
def test_any_number_of_seconds_is_a_valid_date_or_none(seconds: int) -> None:
    kept = from_timestamp(seconds)
    assert kept is None or datetime.fromisoformat(kept).timestamp() == seconds
