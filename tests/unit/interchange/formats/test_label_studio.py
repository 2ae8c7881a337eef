from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hostile_files import mutated, odd_values, with_odd_value
from hypothesis import given
from hypothesis import strategies as st
from interchange_files import classes_by_path, read_all, read_or_fail, shared_file
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.label_studio import FORMAT, LOCAL_FILES
from lmpt_desktop.interchange.reading.source_files import SourceFile, sample_of
from lmpt_desktop.interchange.record import (
    HIERARCHY_SEPARATOR,
    ClassRecord,
    ImageRecord,
    Origin,
)


def choices(*names: str, control: str = "tags", **more: Any) -> dict[str, Any]:
    return {"from_name": control, "type": "choices", "value": {"choices": list(names)}, **more}


def task(*annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"data": {"image": "/data/upload/3/0a1b2c3d-a.jpg"}, "annotations": annotations, **more}


def written(path: Path, document: Any) -> Path:
    path = path / "export.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_choices_with_tab_newline_and_cyrillic() -> None:
    facts, records, bad = read_all(FORMAT, shared_file("label-studio/choices_export.json"))
    assert (facts.classes, bad) == ((), [])
    (record,) = records
    assert record.path == "rawWork:spotify:publisher:WCPWW008648058000"
    assert record.reviewed is None
    assert record.classes == (
        ClassRecord(
            'Yes " "" \n \t \t а б в \n',
            origin=Origin.HUMAN,
            annotator="user@example.org",
            at=datetime(2022, 11, 4, 18, 50, 53, 17151, UTC),
        ),
    )


def test_polygons_of_an_uploaded_photo() -> None:
    _facts, records, bad = read_all(
        FORMAT, shared_file("label-studio/export_polygon_localupload.json")
    )
    assert bad == []
    (record,) = records
    assert record.path == "/data/upload/29/example.png"
    assert [(item.name, item.annotator) for item in record.classes] == [("Airplane", "1")]


def test_predictions_are_apart_and_what_was_rejected_is_undecided() -> None:
    _facts, records, bad = read_all(
        FORMAT, shared_file("label-studio/export_with_prediction_review.json")
    )
    assert bad == []
    start = "https://data.heartex.net/open-images/train_0/mini/"
    assert [record.path for record in records] == [
        f"{start}0030019819f25b28.jpg",
        f"{start}00155094b7acc33b.jpg",
    ]
    for record, score in zip(records, (0.23053804129850775, 0.2962464632651445), strict=True):
        human, machine = record.classes
        assert (human.name, human.verdict, human.value) == ("Car", None, "rejected")
        assert (human.origin, human.annotator) == (Origin.HUMAN, "user@example.org")
        assert (machine.name, machine.verdict, machine.origin) == (
            "Car",
            Verdict.PRESENT,
            Origin.MACHINE,
        )
        assert (machine.score, machine.annotator) == (score, "model 0")


@pytest.mark.parametrize(
    "name",
    [
        "choices_export.json",
        "export_polygon_localupload.json",
        "export_with_prediction_review.json",
    ],
)
def test_real_exports_are_recognised(name: str) -> None:
    assert FORMAT.sniff is not None
    reason = FORMAT.sniff(sample_of(shared_file(f"label-studio/{name}")))
    assert reason == "It is a list of tasks with annotations, as Label Studio exports them."


def test_each_annotator_speaks_for_themselves_and_skipped_tasks_say_nothing(
    tmp_path: Path,
) -> None:
    path = written(
        tmp_path,
        [
            task(
                {"completed_by": 1, "result": [choices("cat", "dog"), choices("cat")]},
                {"completed_by": {"id": 2}, "result": [choices("dog")]},
                {"completed_by": 3, "was_cancelled": True, "result": [choices("bird")]},
            ),
            task({"completed_by": 1, "result": []}),
            task(),
        ],
    )
    _facts, records, bad = read_all(FORMAT, path)
    assert bad == []
    assert [[(item.name, item.annotator) for item in record.classes] for record in records] == [
        [("cat", "1"), ("dog", "1"), ("dog", "2")],
        [],
        [],
    ]
    assert [record.line for record in records] == [1, 2, 3]


def test_a_taxonomy_is_a_hierarchy(tmp_path: Path) -> None:
    result = {"type": "taxonomy", "value": {"taxonomy": [["animal", "dog"], ["plant"]]}}
    _facts, records, _bad = read_all(FORMAT, written(tmp_path, [task({"result": [result]})]))
    assert [item.name for item in records[0].classes] == [
        f"animal{HIERARCHY_SEPARATOR}dog",
        "plant",
    ]


def test_only_one_control_if_the_user_says_so(tmp_path: Path) -> None:
    path = written(
        tmp_path, [task({"result": [choices("cat"), choices("sharp", control="quality")]})]
    )
    (option,) = FORMAT.options(path)
    assert [choice.value for choice in option.choices] == ["", "tags", "quality"]
    _facts, records, _bad = read_all(FORMAT, path, control="quality")
    assert [item.name for item in records[0].classes] == ["sharp"]


def test_json_min(tmp_path: Path) -> None:
    tail = {
        "annotator": 7,
        "annotation_id": 1,
        "updated_at": "2024-01-30T02:40:43Z",
        "lead_time": 3,
    }
    path = written(
        tmp_path,
        [
            {"image": "/data/local-files/?d=a%20b.jpg", "title": "t", "id": 1, "choice": "cat"}
            | tail,
            {"image": "/data/upload/1/b.jpg", "id": 2, "choice": {"choices": ["cat", "dog"]}}
            | tail,
            {"image": "c.jpg", "id": 3, "label": [{"x": 1, "rectanglelabels": ["car"]}]} | tail,
            {"image": "d.jpg", "id": 4, "taxonomy": [["animal", "dog"]]} | tail,
            {"text": "nothing to see", "id": 5, "choice": "cat"} | tail,
        ],
    )
    assert FORMAT.sniff is not None
    assert "JSON_MIN" in FORMAT.sniff(sample_of(path))
    _facts, records, bad = read_all(FORMAT, path)
    assert {
        name: [item.name for item in classes] for name, classes in classes_by_path(records).items()
    } == {
        "/data/local-files/?d=a%20b.jpg": ["cat"],
        "/data/upload/1/b.jpg": ["cat", "dog"],
        "c.jpg": ["car"],
        "d.jpg": [f"animal{HIERARCHY_SEPARATOR}dog"],
    }
    assert [(row.line, row.reason) for row in bad] == [(5, "The task names no photo.")]
    assert records[0].classes[0].annotator == "7"


def export(folder: Path, case: ExportCase, **options: str) -> Path:
    assert FORMAT.write is not None
    path = folder / "out"
    FORMAT.write(iter(case.records), ExportFacts(case.classes, options), path)
    return path


@given(export_cases())
def test_what_is_written_reads_back_as_announced(case: ExportCase) -> None:
    with TemporaryDirectory() as folder:
        path = export(Path(folder), case)
        facts, records, bad = read_all(FORMAT, path)
    assert bad == []
    held = [FORMAT.held(record, {}) for record in case.records]
    assert [record._replace(line=0) for record in records] == held
    assert FORMAT.held_classes is not None
    assert facts.classes == FORMAT.held_classes(case.classes)


def test_the_folder_is_what_label_studio_imports(tmp_path: Path) -> None:
    record = ImageRecord(
        "a b/c.jpg",
        (
            ClassRecord("cat", Verdict.PRESENT, origin=Origin.HUMAN, source="user"),
            ClassRecord("dog", Verdict.ABSENT, origin=Origin.HUMAN, source="reviewed"),
            ClassRecord("bird", origin=Origin.MACHINE, score=0.75, source="prediction"),
        ),
        reviewed=False,
    )
    classes = (ClassSpec("cat", "a small tiger", ("kitty",), "#102030"), ClassSpec("<dog>"))
    path = export(tmp_path, ExportCase(classes, (record,)))
    assert sorted(item.name for item in path.iterdir()) == ["config.xml", "tasks.json"]
    assert FORMAT.sniff is not None and FORMAT.sniff(sample_of(path))
    (task,) = json.loads((path / "tasks.json").read_text(encoding="utf-8"))
    assert task["data"]["image"] == f"{LOCAL_FILES}a%20b/c.jpg"
    (annotation,) = task["annotations"]
    assert [(item["from_name"], item["value"]) for item in annotation["result"]] == [
        ("classes", {"choices": ["cat"]}),
        ("lmpt_absent", {"choices": ["dog"]}),
    ]
    (prediction,) = task["predictions"]
    assert prediction["score"] == 0.75
    assert prediction["result"][0]["value"] == {"choices": ["bird"]}
    config = (path / "config.xml").read_text(encoding="utf-8")
    assert '<Choice value="cat" hint="a small tiger" background="#102030"/>' in config
    assert config.count('<Choice value="&lt;dog&gt;"/>') == 2


def test_photos_that_nobody_looked_at_are_not_annotated(tmp_path: Path) -> None:
    records = (ImageRecord("a.jpg", reviewed=False), ImageRecord("b.jpg", reviewed=True))
    path = export(tmp_path, ExportCase((), records), prefix="https://example.org/")
    first, second = json.loads((path / "tasks.json").read_text(encoding="utf-8"))
    assert "annotations" not in first
    assert second["annotations"] == [{"result": [], "was_cancelled": False}]
    assert first["data"]["image"] == "https://example.org/a.jpg"


def test_a_config_with_a_document_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tasks.json").write_text("[]")
    (tmp_path / "config.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>')
    assert FORMAT.read is not None
    with pytest.raises(FileMalformed, match="document type"):
        FORMAT.read(SourceFile(tmp_path))


_TASKS = [
    task(
        {
            "completed_by": {"id": 1, "email": "a@example.org"},
            "result": [choices("cat"), choices("dog", control="lmpt_absent", to_name="$image")],
            "reviews": [{"accepted": False}],
            "updated_at": "2024-01-30T02:40:43Z",
        },
        predictions=[{"score": 0.5, "result": [choices("cat", scores=[0.5, None])]}],
    ),
    {"image": "a.jpg", "id": 1, "choice": "cat", "annotator": 1, "lead_time": 1},
    {"task": task(), "result": [choices("cat")]},
]


@given(odd_values, st.integers(0))
def test_values_of_any_type_are_survived(value: Any, seed: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "export.json")
        path.write_bytes(with_odd_value(_TASKS, value, seed))
        read_or_fail(FORMAT, path)


@given(
    st.one_of(st.binary(), st.integers(0).map(lambda n: mutated(json.dumps(_TASKS).encode(), n)))
)
def test_bytes_of_any_kind_are_survived(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        for name in ("export.json", "tasks.json", "config.xml"):
            Path(folder, name).write_bytes(data)
        read_or_fail(FORMAT, Path(folder, "export.json"))
        read_or_fail(FORMAT, Path(folder))
