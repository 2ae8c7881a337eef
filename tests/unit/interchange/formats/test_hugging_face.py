from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hostile_files import mutated, odd_values, with_odd_value
from hypothesis import given
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.hugging_face import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin


def lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def names(path: Path, **options: str) -> list[list[str]]:
    return [[item.name for item in r.classes] for r in read_all(FORMAT, path, **options)[1]]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"label": "cat"}, ["cat"]),
        ({"label": 3}, ["3"]),
        ({"text": "a cat", "tags": ["cat", "dog", "cat"]}, ["cat", "dog"]),
        ({"objects": {"bbox": [[0, 0, 1, 1]], "categories": ["cat"]}}, ["cat"]),
        ({"objects": [{"category": "cat"}, {"label": "dog"}]}, ["cat", "dog"]),
        ({"labels": None}, []),
        ({"score": 0.5}, []),
    ],
)
def test_usual_columns(tmp_path: Path, columns: dict[str, Any], expected: list[str]) -> None:
    assert names(lines(tmp_path / "metadata.jsonl", {"file_name": "a.jpg"} | columns)) == [expected]


def test_true_and_false_for_each_class(tmp_path: Path) -> None:
    path = lines(tmp_path / "metadata.jsonl", {"file_name": "a.jpg", "cat": True, "dog": False})
    (record,) = read_all(FORMAT, path)[1]
    assert record.classes == (
        ClassRecord("cat", Verdict.PRESENT, "true"),
        ClassRecord("dog", Verdict.ABSENT, "false"),
    )


def test_the_user_chooses_the_column(tmp_path: Path) -> None:
    row = {"file_name": "a.jpg", "label": "cat", "scene": ["beach"], "sharp": True}
    path = lines(tmp_path / "metadata.jsonl", row)
    (option,) = FORMAT.options(path)
    assert [choice.value for choice in option.choices] == ["", "label", "scene", "*"]
    assert names(path, column="scene") == [["beach"]]
    assert names(path, column="*") == [["sharp"]]
    assert names(path) == [["cat"]]


def test_a_folder_with_splits(tmp_path: Path) -> None:
    lines(tmp_path / "train" / "metadata.jsonl", {"file_name": "0.jpg", "label": "cat"})
    for number in range(2100):
        (tmp_path / "test" / f"{number}.jpg").parent.mkdir(exist_ok=True)
        (tmp_path / "test" / f"{number}.jpg").touch()
    lines(tmp_path / "test" / "metadata.jsonl", {"image_file_name": "1.jpg", "label": "dog"})
    _facts, records, bad = read_all(FORMAT, tmp_path)
    assert bad == []
    assert [(record.path, record.split) for record in records] == [
        ("test/1.jpg", "test"),
        ("train/0.jpg", "train"),
    ]
    assert FORMAT.sniff is not None
    assert "metadata.jsonl" in FORMAT.sniff(sample_of(tmp_path))
    assert "file_name" in FORMAT.sniff(sample_of(tmp_path / "train" / "metadata.jsonl"))


def test_bad_lines_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_text('{"file_name": "a.jpg"}\n\n[1]\n{"file\n{"label": 1}\n{"file_name": "b.jpg"}')
    _facts, records, bad = read_all(FORMAT, path)
    assert [(record.path, record.line) for record in records] == [("a.jpg", 1), ("b.jpg", 6)]
    assert [(row.line, row.reason) for row in bad] == [
        (3, "This line is no JSON object."),
        (4, "This line is no JSON object."),
        (5, "The line names no photo."),
    ]


def export(folder: Path, case: ExportCase) -> Path:
    assert FORMAT.write is not None
    path = folder / "metadata.jsonl"
    FORMAT.write(iter(case.records), ExportFacts(case.classes), path)
    return path


@given(export_cases())
def test_what_is_written_reads_back_as_announced(case: ExportCase) -> None:
    with TemporaryDirectory() as folder:
        _facts, records, bad = read_all(FORMAT, export(Path(folder), case))
    assert bad == []
    held = [FORMAT.held(record, {}) for record in case.records]
    assert [record._replace(line=0) for record in records] == held


def test_every_line_has_the_same_columns(tmp_path: Path) -> None:
    classes = (
        ClassRecord("cat", origin=Origin.HUMAN),
        ClassRecord("dog", Verdict.ABSENT, origin=Origin.HUMAN),
        ClassRecord("bird", origin=Origin.MACHINE, score=0.25),
        ClassRecord("fish", Verdict.ABSENT, origin=Origin.MACHINE),
    )
    records = (ImageRecord("a.jpg", classes, reviewed=True), ImageRecord("b.jpg", reviewed=False))
    path = export(tmp_path, ExportCase((), records))
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert list(first) == list(second)
    assert first == {
        "file_name": "a.jpg",
        "present": ["cat"],
        "absent": ["dog"],
        "predicted": ["bird"],
        "predicted_scores": [0.25],
        "predicted_absent": ["fish"],
        "reviewed": True,
        "split": "",
        "text": "",
    }


_ROW = {
    "file_name": "a.jpg",
    "present": ["cat"],
    "absent": ["dog"],
    "predicted": ["bird"],
    "predicted_scores": [0.5],
    "predicted_absent": ["fish"],
    "labels": [{"category": "cat"}],
    "split": "test",
    "text": "caption",
}


@given(odd_values, st.integers(0), st.sampled_from(["", "*", "labels"]))
def test_values_of_any_type_are_survived(value: Any, seed: int, column: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "metadata.jsonl")
        path.write_bytes(with_odd_value(_ROW, value, seed))
        read_or_fail(FORMAT, path, column=column)


@given(st.one_of(st.binary(), st.integers(0).map(lambda n: mutated(json.dumps(_ROW).encode(), n))))
def test_bytes_of_any_kind_are_survived(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "metadata.jsonl").write_bytes(data)
        read_or_fail(FORMAT, Path(folder, "metadata.jsonl"))
        read_or_fail(FORMAT, Path(folder))
