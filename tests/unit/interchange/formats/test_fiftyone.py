"""FiftyOne's labels and samples, ours, and files that are neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from example_counts import examples
from hostile_files import changed_json
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.fiftyone import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import PREDICTION, ClassRecord, ImageRecord, Origin

LABELS: dict[str, Any] = {
    "classes": ["dog", "cat"],
    "labels": {
        "one": 0,
        "sub/two": [1, {"label": 0, "confidence": 0.5}, {"label": 0, "confidence": 0.75}],
        "three": None,
        "four": {"label": 1, "confidence": None, "attributes": {"breed": "x"}},
        "five": [{"label": "kite", "bounding_box": [0.5, 0.5, 0.1, 0.1]}, 9],
    },
}
SAMPLES: dict[str, Any] = {
    "samples": [
        {
            "_id": {"$oid": "0"},
            "filepath": "data/a.jpg",
            "tags": ["x", "validation"],
            "metadata": {"_cls": "ImageMetadata", "width": 4, "height": 3},
            "ground_truth": {
                "_cls": "Classifications",
                "classifications": [{"_cls": "Classification", "label": "dog"}],
            },
            "predictions": {
                "_cls": "Detections",
                "detections": [{"_cls": "Detection", "label": "cat", "confidence": 0.25}],
            },
            "weather": {"_cls": "Classification", "label": "sunny"},
        },
        {"filepath": "data/b.jpg", "tags": [], "ground_truth": None},
        {"tags": []},
    ]
}


def _written(tmp_path: Path, document: object, name: str = "labels.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _sniff(path: Path) -> str:
    assert FORMAT.sniff
    return FORMAT.sniff(sample_of(path))


def _machine(name: str, score: float) -> ClassRecord:
    return ClassRecord(name, origin=Origin.MACHINE, score=score)


def test_labels(tmp_path: Path) -> None:
    path = _written(tmp_path, LABELS)
    assert _sniff(path) == "A JSON object with classes and labels of FiftyOne."
    assert _sniff(tmp_path) == "A folder with labels.json of FiftyOne."
    facts, records, bad_rows = read_all(FORMAT, path)
    assert facts.classes == (ClassSpec("dog"), ClassSpec("cat"))
    assert records == [
        ImageRecord("one", (ClassRecord("dog"),), 1),
        ImageRecord("sub/two", (ClassRecord("cat"), _machine("dog", 0.75)), 2),
        ImageRecord("three", (), 3),
        ImageRecord("four", (ClassRecord("cat"),), 4),
        ImageRecord("five", (ClassRecord("kite"),), 5),
    ]
    assert [(row.line, row.reason, row.text) for row in bad_rows] == [
        (5, "There is no class of this number.", "9")
    ]
    assert read_all(FORMAT, tmp_path)[1] == records


def test_labels_are_names_where_there_are_no_classes(tmp_path: Path) -> None:
    path = _written(tmp_path, {"labels": {"a": "dog", "b": ["cat", "7"]}, "classes": None})
    assert [[item.name for item in record.classes] for record in read_all(FORMAT, path)[1]] == [
        ["dog"],
        ["cat", "7"],
    ]


def test_samples(tmp_path: Path) -> None:
    path = _written(tmp_path, SAMPLES, "samples.json")
    _written(tmp_path, {"default_classes": ["dog", "cat"], "classes": {}}, "metadata.json")
    assert _sniff(path) == "A JSON object with samples of FiftyOne."
    assert _sniff(tmp_path) == "A folder with samples.json of FiftyOne."
    facts, records, bad_rows = read_all(FORMAT, tmp_path)
    assert facts.classes == (ClassSpec("dog"), ClassSpec("cat"))
    assert records == [
        ImageRecord(
            "data/a.jpg",
            (ClassRecord("dog"), _machine("cat", 0.25), ClassRecord("sunny")),
            1,
            split="validation",
            width=4,
            height=3,
        ),
        ImageRecord("data/b.jpg", (), 2),
    ]
    assert [(row.line, row.reason) for row in bad_rows] == [(3, "The sample has no file path.")]
    (option,) = FORMAT.options(path)
    assert [choice.value for choice in option.choices] == [
        "",
        "ground_truth",
        "predictions",
        "weather",
    ]
    chosen = read_all(FORMAT, path, field="weather")[1]
    assert chosen[0].classes == (ClassRecord("sunny"),)
    assert FORMAT.options(_written(tmp_path, LABELS)) == ()


def test_what_is_no_fiftyone_is_said(tmp_path: Path) -> None:
    path = _written(tmp_path, {"classes": [], "images": []})
    assert _sniff(path) == ""
    with pytest.raises(InterchangeError, match="no labels of FiftyOne"):
        read_all(FORMAT, path)
    assert _sniff(tmp_path) == ""


@settings(max_examples=examples(100), deadline=None)
@given(export_cases())
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, case: ExportCase
) -> None:
    path = tmp_path_factory.mktemp("fiftyone") / "labels.json"
    assert FORMAT.write
    FORMAT.write(iter(case.records), ExportFacts(case.classes), path)
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert [record._replace(line=0) for record in records] == [
        FORMAT.held(record, {}) for record in case.records
    ]
    assert FORMAT.held_classes
    assert facts.classes == FORMAT.held_classes(case.classes)
    # A plain reader sees what is present.
    labels = json.loads(path.read_bytes())["labels"]
    names = [spec.name for spec in case.classes]
    assert [[names[number] for number in listed or ()] for listed in labels.values()] == [
        [
            item.name
            for item in record.classes
            if item.verdict == Verdict.PRESENT and item.source != PREDICTION
        ]
        for record in case.records
    ]


def test_names_without_suffix_stay_apart(tmp_path: Path) -> None:
    assert FORMAT.write
    records = [
        ImageRecord("a/x.jpg", folder="/one", reviewed=True),
        ImageRecord("a/x.png", folder="/one"),
        ImageRecord("a/x.jpg", folder="/two"),
        ImageRecord("a/x.jpg", folder="/three"),
        ImageRecord("/abs/x.jpg"),
    ]
    path = tmp_path / "labels.json"
    FORMAT.write(iter(records), ExportFacts(), path)
    assert json.loads(path.read_bytes())["labels"] == {
        "a/x": [],
        "a/x.png": None,
        "a/x.jpg": None,
        "a/x.jpg-2": None,
        "/abs/x.jpg": None,
    }


@settings(max_examples=examples(200), deadline=None)
@given(
    st.one_of(
        changed_json(LABELS),
        changed_json(SAMPLES),
        changed_json(
            LABELS | {"lmpt": [{"key": "one", "path": "one.jpg", "predicted": [[0, 0.5]]}]}
        ),
        st.binary(max_size=200),
    )
)
def test_whatever_the_file_there_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("fiftyone") / "labels.json"
    path.write_bytes(data)
    path.with_name("metadata.json").write_bytes(data)
    read_or_fail(FORMAT, path)
    _sniff(path)
    FORMAT.options(path)
