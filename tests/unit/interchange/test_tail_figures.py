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
from lmpt_desktop.interchange.cells import to_cell
from lmpt_desktop.interchange.tail_figures import write_co_occurrence, write_table


def read(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text)))


def test_cells_are_plain_numbers_and_what_is_unknown_is_empty() -> None:
    file = StringIO()
    rows = [["=a", 2000, 0.1234567], ["b", 0, float("nan")]]
    assert write_table(["class", "present", "average_precision"], rows, file) == 2
    assert read(file.getvalue()) == [
        ["class", "present", "average_precision"], ["'=a", "2000", "0.123457"], ["b", "0", ""],
    ]  # fmt: skip


def test_classes_found_together_are_a_square_table() -> None:
    tail = tail_of(with_presents(1, 2, 3), names=["=a", "b", "c"])
    file = StringIO()
    write_co_occurrence(tail, CoOccurrence(np.array([2, 0]), np.array([[3, 1], [1, 1]])), file)
    assert read(file.getvalue()) == [["class", "c", "'=a"], ["c", "3", "1"], ["'=a", "1", "1"]]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_name_that_looks_like_a_formula_is_text(name: str) -> None:
    assert to_cell(name) == f"'{name}"


@given(st.text())
def test_no_cell_begins_like_a_formula(name: str) -> None:
    assert not to_cell(name).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert to_cell(name).endswith(name)
