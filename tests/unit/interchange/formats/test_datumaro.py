"""Datumaro JSON of other tools and ours, and files that are neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from example_counts import examples
from hostile_files import changed_json
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail, shared_file
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.datumaro import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import PREDICTION, ClassRecord, ImageRecord, Origin

DOCUMENT: dict[str, Any] = {
    "categories": {"label": {"labels": [{"name": "dog"}, {"name": "cat"}, "kite"]}},
    "items": [
        {
            "id": "a",
            "annotations": [
                {"type": "label", "label_id": 0},
                {"type": "bbox", "label_id": 0, "bbox": [0, 0, 1, 1]},
                {"type": "polygon", "label_id": 2, "points": [1.5, 2.5, 3.5]},
                {"type": "label", "label_id": 1, "attributes": {"score": 0.5}},
                {"type": "caption", "caption": "A dog."},
                {"type": "label", "label_id": 9},
            ],
            "image": {"path": "sub/a.jpg", "size": [3, 4]},
        },
        {"id": "b/c", "annotations": []},
        {"id": "d", "attr": {"lmpt": {"reviewed": True, "absent": [1], "predicted": [[0, 0.5]]}}},
        {},
    ],
}


def _written(tmp_path: Path, document: object, name: str = "file.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _sniff(path: Path) -> str:
    assert FORMAT.sniff
    return FORMAT.sniff(sample_of(path))


def test_real_file() -> None:
    path = shared_file("datumaro/train.json")
    assert _sniff(path) == "A JSON object with categories and items of Datumaro."
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    names = ("car", "bicycle", "tom", "mary")
    assert facts.classes == tuple(ClassSpec(name) for name in names)
    assert records == [
        ImageRecord(
            "train/a.jpg",
            (ClassRecord("car", origin=Origin.MACHINE, score=1.0),),
            1,
            split="train",
        ),
        ImageRecord("train/b.jpg", tuple(ClassRecord(name) for name in names), 2, split="train"),
    ]


def test_each_kind_of_annotation(tmp_path: Path) -> None:
    path = _written(tmp_path, DOCUMENT)
    assert _sniff(path)
    __, records, bad_rows = read_all(FORMAT, path)
    assert records == [
        ImageRecord(
            "sub/a.jpg",
            (
                ClassRecord("dog"),
                ClassRecord("kite"),
                ClassRecord("cat", origin=Origin.MACHINE, score=0.5),
            ),
            1,
            caption="A dog.",
            width=4,
            height=3,
        ),
        ImageRecord("b/c", line=2),
        ImageRecord(
            "d",
            (
                ClassRecord("dog", origin=Origin.MACHINE, score=0.5, source=PREDICTION),
                ClassRecord("cat", Verdict.ABSENT, "absent", Origin.HUMAN, source="user"),
            ),
            3,
            reviewed=True,
        ),
    ]
    assert [(row.line, row.reason) for row in bad_rows] == [
        (1, "The annotation has no label of the file."),
        (4, "The item has no path and no id."),
    ]


def test_items_may_come_first(tmp_path: Path) -> None:
    turned = dict(reversed(DOCUMENT.items()))
    assert read_all(FORMAT, _written(tmp_path, turned)) == (
        read_all(FORMAT, _written(tmp_path, DOCUMENT, "other.json"))
    )


@pytest.mark.parametrize("document", [{}, [], {"images": []}, {"categories": [{"id": 1}]}])
def test_what_is_no_datumaro_is_not_taken(tmp_path: Path, document: object) -> None:
    path = _written(tmp_path, document)
    assert _sniff(path) == ""
    if document != {"categories": [{"id": 1}]}:
        with pytest.raises(InterchangeError, match="no items of Datumaro"):
            read_all(FORMAT, path)


@settings(max_examples=examples(100), deadline=None)
@given(export_cases())
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, case: ExportCase
) -> None:
    path = tmp_path_factory.mktemp("datumaro") / "train.json"
    assert FORMAT.write
    FORMAT.write(iter(case.records), ExportFacts(case.classes), path)
    assert _sniff(path)
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert [record._replace(line=0) for record in records] == [
        FORMAT.held(record, {}) for record in case.records
    ]
    assert FORMAT.held_classes
    assert facts.classes == FORMAT.held_classes(case.classes)
    # A plain reader sees what is present, and distinct ids.
    items = json.loads(path.read_bytes())["items"]
    assert len({item["id"] for item in items}) == len(items)
    names = [spec.name for spec in case.classes]
    assert [[names[entry["label_id"]] for entry in item["annotations"]] for item in items] == [
        [
            item.name
            for item in record.classes
            if item.verdict == Verdict.PRESENT and item.source != PREDICTION
        ]
        for record in case.records
    ]


@settings(max_examples=examples(200), deadline=None)
@given(st.one_of(changed_json(DOCUMENT), st.binary(max_size=200)))
def test_whatever_the_file_there_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("datumaro") / "file.json"
    path.write_bytes(data)
    read_or_fail(FORMAT, path)
    _sniff(path)
