"""What is written reads back as what the format says it holds."""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_records import NASTY_NAMES, ExportCase, export_cases
from read_tables import read_table

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.cells import from_cell, to_cell
from lmpt_desktop.interchange.format import ExportFacts, Format
from lmpt_desktop.interchange.formats.tables.dialect import DELIMITERS
from lmpt_desktop.interchange.formats.tables.formats import (
    CSV,
    CSV_LONG,
    CSV_WIDE,
    EXIFTOOL_CSV,
)
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin
from lmpt_desktop.interchange.registry import detect

FORMATS = pytest.mark.parametrize(
    "format_", [CSV_WIDE, CSV_LONG, EXIFTOOL_CSV], ids=lambda item: item.name
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def written(
    format_: Format, case: ExportCase, folder: Path, options: dict[str, str], suffix: str = ".csv"
) -> Path:
    path = folder / f"out{suffix}"
    assert format_.write is not None
    format_.write(iter(case.records), ExportFacts(case.classes, options), path)
    return path


@FORMATS
@given(
    case=export_cases(),
    delimiter=st.sampled_from(["", "comma", "semicolon", "tab"]),
    suffix=st.sampled_from([".csv", ".tsv"]),
    split=st.sampled_from(["no", "yes"]),
)
def test_every_record_reads_back_as_held_and_no_cell_is_a_formula(
    format_: Format, case: ExportCase, delimiter: str, suffix: str, split: str
) -> None:
    options = {} if format_ is EXIFTOOL_CSV else {"delimiter": delimiter, "split": split}
    with tempfile.TemporaryDirectory() as folder:
        path = written(format_, case, Path(folder), options, suffix)
        facts, records, bad = read_table(format_, path)
        if format_ is not EXIFTOOL_CSV:  # which finds photos by the bytes of their names
            path.read_bytes().decode()
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            mark = DELIMITERS[delimiter or ("tab" if suffix == ".tsv" else "comma")]
            rows = csv.reader(file, delimiter="," if format_ is EXIFTOOL_CSV else mark)
            cells = [cell for row in rows for cell in row]

    assert not [cell for cell in cells if cell.startswith(FORMULA_STARTS)]
    assert bad == []
    assert facts.notes == ()
    expected = [format_.held(record, options) for record in case.records]
    assert [record._replace(line=0) for record in records] == expected
    if format_ is CSV_WIDE:
        assert format_.held_classes is not None
        assert facts.classes == format_.held_classes(case.classes)


@FORMATS
def test_our_own_files_are_recognised(format_: Format, tmp_path: Path) -> None:
    case = ExportCase(
        (ClassSpec("class"), ClassSpec("verdict")),
        (
            ImageRecord(
                "a.jpg",
                (
                    ClassRecord("class", Verdict.PRESENT, origin=Origin.HUMAN, source="user"),
                    ClassRecord("verdict", Verdict.ABSENT, origin=Origin.HUMAN, source="user"),
                ),
                folder="/photos",
            ),
            ImageRecord("b.jpg", folder="/photos"),
        ),
    )
    path = written(format_, case, tmp_path, {})

    assert detect(path)[0].format is format_
    assert detect(path)[0].reason


def test_a_wide_table_says_nothing_in_the_name_of_a_machine(tmp_path: Path) -> None:
    said = (
        ClassRecord("cat", Verdict.PRESENT, origin=Origin.HUMAN, source="user"),
        ClassRecord("dog", Verdict.ABSENT, origin=Origin.HUMAN, source="reviewed"),
        ClassRecord("fox", Verdict.PRESENT, "", Origin.MACHINE, 0.9, source="prediction"),
    )
    case = ExportCase(
        (ClassSpec("cat"), ClassSpec("dog"), ClassSpec("fox")),
        (ImageRecord("a, b.jpg", said, split="test"), ImageRecord("c.jpg")),
    )

    wide = written(CSV_WIDE, case, tmp_path, {})
    assert wide.read_text() == 'path,cat,dog,fox\n"a, b.jpg",1,0,\nc.jpg,,,\n'
    wide = written(CSV_WIDE, case, tmp_path, {"split": "yes", "delimiter": "tab"})
    assert wide.read_text() == (
        'split\tpath\tcat\tdog\tfox\ntest\t"a, b.jpg"\t1\t0\t\n\tc.jpg\t\t\t\n'
    )
    long = written(CSV_LONG, case, tmp_path, {})
    assert long.read_text() == (
        "path,class,verdict,score,source\n"
        '"a, b.jpg",cat,present,,user\n'
        '"a, b.jpg",dog,absent,,reviewed\n'
        '"a, b.jpg",fox,present,0.9,prediction\n'
        "c.jpg,,,,\n"
    )


def test_photos_of_the_same_path_in_two_folders_stay_two(tmp_path: Path) -> None:
    one = ClassRecord("cat", Verdict.PRESENT, origin=Origin.HUMAN, source="user")
    case = ExportCase(
        (ClassSpec("cat"),),
        (
            ImageRecord("a.jpg", (one,), folder="/one"),
            ImageRecord("a.jpg", (one,), folder="/two"),
            ImageRecord("a.jpg", (), folder="/three"),
        ),
    )
    for format_ in (CSV_WIDE, CSV_LONG):
        records = read_table(format_, written(format_, case, tmp_path, {}))[1]
        assert [len(record.classes) for record in records] == [1, 1, 0]


@given(
    st.one_of(st.sampled_from(NASTY_NAMES), st.text(), st.from_regex(r"'*[=+@-]?\\*udc[0-9a-f]{2}"))
)
def test_any_text_survives_a_cell(text: str) -> None:
    cell = to_cell(text)
    assert from_cell(cell) == text
    assert not cell.startswith(FORMULA_STARTS)


@given(st.text(st.sampled_from("\\ud8cf\udc80'=")))
def test_bytes_that_are_not_utf_8_survive_a_cell(text: str) -> None:
    cell = to_cell(text)
    cell.encode()
    assert from_cell(cell) == text


def test_cells_of_others_are_read_as_they_are() -> None:
    for text in ("'tis", "''", "C:\\photos\\udder.jpg", "a=b", "'a", "\\u00e4"):
        assert from_cell(text) == text
        assert to_cell(text) == text
    assert to_cell("=1+1") == "'=1+1"
    assert to_cell("'=1+1") == "''=1+1"
    assert to_cell(os.fsdecode(b"\xe4.jpg")) == "\\udce4.jpg"


@settings(max_examples=examples(25))
@given(
    case=export_cases(predictions=False).filter(
        lambda case: all(spec.name.strip() for spec in case.classes) and case.classes
    )
)
def test_the_general_reader_reads_wide_tables_alike(case: ExportCase) -> None:
    options = {"preset": "-", "layout": "wide", "path": "#1", "header": "yes", "delimiter": "comma"}
    with tempfile.TemporaryDirectory() as folder:
        path = written(CSV_WIDE, case, Path(folder), {"delimiter": "comma"})
        _facts, records, bad = read_table(CSV, path, options)

    assert bad == []
    found = {(record.path, said.name) for record in records for said in record.classes}
    expected = [held for record in case.records if (held := CSV_WIDE.held(record, {}))]
    assert [record.path for record in records] == [record.path for record in expected]
    assert found <= {
        (record.path, said.name.strip()) for record in expected for said in record.classes
    }
