"""The long tail as CSV: every figure, and nothing a spreadsheet would run."""

from __future__ import annotations

import csv
from io import StringIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tail_libraries import tail_of, with_presents

from lmpt_desktop.inference.co_occurrence import CoOccurrence
from lmpt_desktop.interchange.tail_figures import (
    CLASS_COLUMNS,
    text_cell,
    write_class_figures,
    write_together,
)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text)))


def test_classes_are_written_in_the_order_asked_for_with_plain_numbers() -> None:
    tail = tail_of(
        with_presents(1, 0, 2000, images=3000), names=["a, b", "none", "many"], judged={"many": 0.5}
    )
    file = StringIO()
    assert write_class_figures(tail, np.array([2, 1]), file) == 2
    header, many, none = read(file.getvalue())
    assert header == list(CLASS_COLUMNS)
    assert many[:7] == ["many", "head", "2000", "1000", "0", "0", "0.5"]
    assert float(many[8]) == pytest.approx(0.4 / 2000**0.25, rel=1e-5)
    assert none == ["none", "tail", "0", "3000", "0", "0", "", "", "", ""]


def test_classes_found_together_are_a_square_table() -> None:
    tail = tail_of(with_presents(1, 2, 3), names=["=a", "b", "c"])
    file = StringIO()
    write_together(tail, CoOccurrence(np.array([2, 0]), np.array([[3, 1], [1, 1]])), file)
    assert read(file.getvalue()) == [["class", "c", "'=a"], ["c", "3", "1"], ["'=a", "1", "1"]]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_name_that_looks_like_a_formula_is_text(name: str) -> None:
    assert text_cell(name) == f"'{name}"


@given(st.text())
def test_no_cell_begins_like_a_formula(name: str) -> None:
    assert not text_cell(name).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert text_cell(name).endswith(name)
