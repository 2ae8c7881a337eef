"""No spreadsheet runs what a CSV of ours holds, whichever part writes it, and it reads back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmpt_desktop
from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.ingest.verify import Finding, FindingKind
from lmpt_desktop.interchange.cells import from_cell, is_formula
from lmpt_desktop.interchange.class_lists import format_csv, parse_csv
from lmpt_desktop.interchange.csv_rows import CsvRows
from lmpt_desktop.interchange.findings import write_findings
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin
from lmpt_desktop.interchange.registry import named
from lmpt_desktop.interchange.tags import CSV, TagRow
from lmpt_desktop.interchange.tail_figures import write_table

FORMULAS = (
    "=HYPERLINK(\"http://x\")", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1",
    "'=1", "''+1",
)  # fmt: skip
cells = st.text(st.characters(exclude_characters="\0"), max_size=12)
starts = st.sampled_from(["", *"=+-@\t\r\n'\uff1d\uff0b\uff0d\uff20", "''", "'="])
texts = st.builds(lambda start, text: start + text, starts, cells)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@given(st.lists(st.lists(texts, min_size=3, max_size=3), max_size=4))
def test_texts_read_back_and_none_is_a_formula(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    table = CsvRows(file, ("one", "two", "three"))
    for row in rows:
        table.write(*row)
    assert table.count == len(rows)
    found = read(file.getvalue().encode("utf-8").decode("utf-8"))[1:]
    assert [[from_cell(cell) for cell in row] for row in found] == rows
    assert not any(is_formula(cell) for row in found for cell in row)


def test_numbers_stay_numbers() -> None:
    file = io.StringIO()
    table = CsvRows(file, ("a", "=b", "c"))
    table.write(-1, -0.25, 1234567)
    table.write(float("nan"), 1e6, "")
    assert file.getvalue() == "a,'=b,c\n-1,-0.25,1234567\n,1e+06,\n"


def tags(name: str) -> str:
    file = io.StringIO(newline="")
    CSV.write([TagRow(name, name, 0.5, "head", "user")], file, with_source=True)
    return file.getvalue()


def findings(name: str) -> str:
    file = io.StringIO(newline="")
    write_findings([Finding(FindingKind.GONE, Path(name), name)], file)
    return file.getvalue()


def tail(name: str) -> str:
    file = io.StringIO(newline="")
    write_table([name, "n"], [[name, 1]], file)
    return file.getvalue()


def class_list(name: str) -> str:
    return format_csv([ClassSpec(name, name, (name,))])


@pytest.mark.parametrize("write", [tags, findings, tail, class_list])
@pytest.mark.parametrize("name", FORMULAS)
def test_no_writer_writes_a_formula(write: Callable[[str], str], name: str) -> None:
    for row in read(write(name)):
        assert not any(is_formula(cell) for cell in row), row


@pytest.mark.parametrize("name", ["=1+1", "'=1", "@home", "-5", "+1"])
def test_a_class_that_begins_like_a_formula_keeps_its_name(name: str) -> None:
    spec = ClassSpec(name, f"{name} described", (f"{name} too", "x"))
    assert parse_csv(format_csv([spec])) == [spec]


@pytest.mark.parametrize("name", ["=1+1", "'=1", "@home", "-5"])
def test_camera_trap_tables_hold_no_formula_and_read_back(tmp_path: Path, name: str) -> None:
    said = ClassRecord(name, Verdict.PRESENT, origin=Origin.HUMAN)
    record = ImageRecord(f"{name}/a.jpg", (said,), folder=f"/photos/{name}")
    format_ = named("camtrap-dp")
    facts = ExportFacts((ClassSpec(name),), {}, "My photos")
    assert format_.write is not None
    format_.write([record], facts, tmp_path / "out")
    for table in (tmp_path / "out").glob("*.csv"):
        for row in read(table.read_text(encoding="utf-8")):
            assert not any(is_formula(cell) for cell in row), row


def test_no_other_module_writes_csv() -> None:
    """But the tables of camera traps, whose cells are numbers, dates and those tested above."""
    root = Path(lmpt_desktop.__file__).parent
    found = {
        path.name
        for path in root.rglob("*.py")
        if {"csv.writer(", "csv.DictWriter("}
        & set(re.findall(r"csv\.\w+\(", path.read_text("utf-8")))
    }
    assert found == {"camtrap_dp.py"}
