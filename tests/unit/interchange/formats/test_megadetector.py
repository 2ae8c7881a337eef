from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hostile_files import mutated, odd_values, with_odd_value
from hypothesis import given
from hypothesis import strategies as st
from interchange_files import classes_by_path, read_all, read_or_fail

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.formats.megadetector import FORMAT
from lmpt_desktop.interchange.reading.source_files import SourceFile, sample_of
from lmpt_desktop.interchange.record import ClassRecord, Origin

_IMAGES: list[dict[str, Any]] = [
    {
        "file": "a/animal.jpg",
        "detections": [
            {
                "category": "1",
                "conf": 0.926,
                "bbox": [0.0, 0.2, 0.1, 0.2],
                "classifications": [["3", 0.901], ["1", 0.071], ["77", 0.5]],
            },
            {"category": "1", "conf": 0.061, "bbox": [0, 0, 1, 1]},
            {"category": "9", "conf": 0.9, "bbox": [0, 0, 1, 1]},
        ],
    },
    {"file": "b/empty.jpg", "detections": [], "max_detection_conf": 0.0, "failure": None},
    {"file": "c/broken.jpg", "failure": "Failure image access", "detections": None},
]
_TABLES: dict[str, Any] = {
    "detection_categories": {"0": "empty", "1": "animal", "2": "person", "3": "vehicle"},
    "classification_categories": {"1": "elk", "3": "bear"},
    "info": {
        "format_version": "1.5",
        "detector": "MDV5A",
        "classifier": "speciesnet",
        "detection_completion_time": "2026-05-26 19:11:27",
    },
}
_OLD = {"images": _IMAGES} | _TABLES
_NEW = _TABLES | {"images": _IMAGES}


def written(folder: Path, document: Any) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize("document", [_OLD, _NEW], ids=["categories last", "categories first"])
def test_the_highest_score_of_each_category_counts(tmp_path: Path, document: Any) -> None:
    path = written(tmp_path, document)
    assert FORMAT.sniff is not None
    assert "as MegaDetector writes them" in FORMAT.sniff(sample_of(path))
    facts, records, bad = read_all(FORMAT, path)
    assert facts.classes == tuple(
        ClassSpec(name) for name in ("animal", "person", "vehicle", "elk", "bear")
    )
    at = datetime(2026, 5, 26, 19, 11, 27)
    machine = ClassRecord("", origin=Origin.MACHINE, annotator="MDV5A", at=at)
    absent = machine._replace(verdict=Verdict.ABSENT, value="not found")
    assert classes_by_path(records) == {
        "a/animal.jpg": [
            machine._replace(name="animal", score=0.926),
            machine._replace(name="bear", score=0.901, annotator="speciesnet"),
            machine._replace(name="elk", score=0.071, annotator="speciesnet"),
            absent._replace(name="person"),
            absent._replace(name="vehicle"),
        ],
        "b/empty.jpg": [
            absent._replace(name="animal"),
            absent._replace(name="person"),
            absent._replace(name="vehicle"),
        ],
    }
    assert [(row.line, row.reason) for row in bad] == [
        (3, "The photo was not processed: Failure image access.")
    ]


def test_a_plain_list_of_files(tmp_path: Path) -> None:
    document = [
        {"file": "a.jpg", "detections": [{"category": "animal", "confidence": 0.93}]},
        {"file": "b.jpg", "detections": []},
    ]
    path = written(tmp_path, document)
    assert FORMAT.sniff is not None
    assert "PyTorch-Wildlife" in FORMAT.sniff(sample_of(path))
    assert classes_by_path(read_all(FORMAT, path)[1]) == {
        "a.jpg": [ClassRecord("animal", origin=Origin.MACHINE, score=0.93)],
        "b.jpg": [],
    }


def test_other_json_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {"annotations": []})
    assert FORMAT.sniff is not None and FORMAT.read is not None
    assert FORMAT.sniff(sample_of(path)) == ""
    with pytest.raises(FileMalformed, match="no results of MegaDetector"):
        FORMAT.read(SourceFile(path))


@given(odd_values, st.integers(0), st.sampled_from([_OLD, _NEW, _IMAGES]))
def test_values_of_any_type_are_survived(value: Any, seed: int, document: Any) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "results.json")
        path.write_bytes(with_odd_value(document, value, seed))
        read_or_fail(FORMAT, path)


@given(st.one_of(st.binary(), st.integers(0).map(lambda n: mutated(json.dumps(_NEW).encode(), n))))
def test_bytes_of_any_kind_are_survived(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "results.json").write_bytes(data)
        read_or_fail(FORMAT, Path(folder, "results.json"))
