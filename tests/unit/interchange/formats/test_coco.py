"""COCO files of other tools, ours, and files that are neither."""

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
from lmpt_desktop.interchange.formats.coco import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import PREDICTION, ClassRecord, ImageRecord, NotListed, Origin

DOCUMENT: dict[str, Any] = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 4, "height": 3},
        {"id": "x", "coco_url": "http://host/train2017/b%20c.jpg"},
        {"id": 3, "file_name": "sub/c.jpg", "neg_category_ids": [7, 9]},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 7, "iscrowd": 1, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 1, "category_id": 7, "segmentation": [[1.5, 2, 3, 4]]},
        {"id": 3, "image_id": "x", "category_id": 9, "score": 0.25},
        {"id": 4, "image_id": "x", "category_id": 9, "score": 0.75},
        {"id": 5, "image_id": 3, "segments_info": [{"category_id": 7}, {"category_id": 8}]},
        {"id": 6, "image_id": 3, "caption": "A dog."},
    ],
    "categories": [
        {"id": 7, "name": "dog", "supercategory": "animal", "color": [255, 0, 16]},
        {"id": 8, "name": "cat", "synonyms": ["cat", "kitty"], "def": "a small animal"},
        {"id": 9, "name": "kite"},
    ],
}


def _written(tmp_path: Path, document: object, name: str = "file.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _names(record: ImageRecord) -> list[str]:
    return [item.name for item in record.classes]


# -- real files --------------------------------------------------------------------------------


def test_real_instances() -> None:
    path = shared_file("coco/instances_val2017_tiny.json")
    assert FORMAT.sniff
    assert FORMAT.sniff(sample_of(path))
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert len(facts.classes) == 80
    assert facts.classes[0].name == "person"
    assert facts.not_listed is NotListed.ABSENT
    assert facts.notes[0] == "1 crowd counts as present."
    assert facts.images == 6
    assert {record.path: set(_names(record)) for record in records} == {
        "000000471345.jpg": {"fork", "dining table", "knife", "broccoli", "cup"},
        "000000444010.jpg": {
            *("fork", "wine glass", "spoon", "carrot", "dining table", "bottle", "bowl"),
            *("knife", "chair", "person", "cup"),
        },
        "000000565004.jpg": {"wine glass", "dining table", "bottle", "bowl", "person"},
        "000000516168.jpg": {
            *("wine glass", "dining table", "bottle", "book", "chair", "person", "suitcase"),
        },
        "000000547503.jpg": {"bottle", "wine glass", "person", "cup"},
        "000000475546.jpg": {"wine glass", "person", "refrigerator", "sink", "cup"},
    }
    assert (records[0].width, records[0].height) == (640, 480)


def test_real_captions() -> None:
    facts, records, bad_rows = read_all(FORMAT, shared_file("coco/captions_val2017_tiny.json"))
    assert bad_rows == []
    assert facts.classes == ()
    assert facts.not_listed is NotListed.UNKNOWN
    assert len(records) == 50
    assert all(record.caption and not record.classes for record in records)
    captions = {record.path: record.caption for record in records}
    assert captions["000000397133.jpg"] == "A man is in a kitchen making pizzas."


def test_real_panoptic() -> None:
    path = shared_file("coco/panoptic_examples.json")
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert len(facts.classes) == 133
    assert facts.classes[0] == ClassSpec("person", colour="#dc143c")
    assert facts.notes[0] == "3 crowds count as present."
    assert [record.path for record in records] == ["000000142238.jpg", "000000439180.jpg"]
    assert _names(records[0])[:1] == ["person"]
    assert sum(len(record.classes) for record in records) == 12


def test_real_images_without_annotations() -> None:
    path = shared_file("coco/images_info_examples.json")
    assert FORMAT.sniff
    assert FORMAT.sniff(sample_of(path)) == (
        "A JSON object with images that have ids and file names."
    )
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert len(facts.classes) == 133
    assert facts.not_listed is NotListed.UNKNOWN
    assert [(record.path, record.classes, record.caption) for record in records] == [
        ("000000142238.jpg", (), ""),
        ("000000439180.jpg", (), ""),
    ]


# -- what COCO says ------------------------------------------------------------------------------


def test_each_kind_of_annotation(tmp_path: Path) -> None:
    facts, records, bad_rows = read_all(FORMAT, _written(tmp_path, DOCUMENT))
    assert bad_rows == []
    assert facts.classes == (
        ClassSpec("dog", colour="#ff0010"),
        ClassSpec("cat", "a small animal", ("kitty",)),
        ClassSpec("kite"),
    )
    assert facts.not_listed is NotListed.UNKNOWN
    assert facts.notes == ("1 crowd counts as present.", "Supercategories are left out.")
    assert records == [
        ImageRecord("a.jpg", (ClassRecord("dog"),), 1, width=4, height=3),
        ImageRecord(
            "http://host/train2017/b%20c.jpg",
            (ClassRecord("kite", origin=Origin.MACHINE, score=0.75),),
            2,
        ),
        ImageRecord(
            "sub/c.jpg",
            (
                ClassRecord("dog"),
                ClassRecord("dog", Verdict.ABSENT, "neg_category_ids"),
                ClassRecord("cat"),
                ClassRecord("kite", Verdict.ABSENT, "neg_category_ids"),
            ),
            3,
            caption="A dog.",
        ),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_keys_come_in_any_order_and_encoding(tmp_path: Path, encoding: str) -> None:
    document = {key: DOCUMENT[key] for key in ("categories", "annotations", "images")}
    path = tmp_path / "file.json"
    path.write_bytes(json.dumps(document, indent=1).encode(encoding))
    assert read_all(FORMAT, path) == read_all(FORMAT, _written(tmp_path, DOCUMENT, "other.json"))


def test_numbers_and_texts_are_the_same_ids(tmp_path: Path) -> None:
    document = {
        "images": [{"id": "1", "file_name": "a.jpg"}, {"id": 2.0, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 1, "category_id": "5"},
            {"image_id": "2", "category_id": 5},
        ],
        "categories": [{"id": 5, "name": "dog"}],
    }
    __, records, bad_rows = read_all(FORMAT, _written(tmp_path, document))
    assert bad_rows == []
    assert [_names(record) for record in records] == [["dog"], ["dog"]]


def test_categories_of_the_same_name_are_one(tmp_path: Path) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 1, "category_id": item} for item in (1, 2, 3)],
        "categories": [
            {"id": 1, "name": "dog"},
            {"id": 2, "name": "dog"},
            {"id": 3, "name": "Dog"},
        ],
    }
    facts, records, __ = read_all(FORMAT, _written(tmp_path, document))
    assert [spec.name for spec in facts.classes] == ["dog", "Dog"]
    assert facts.notes == ("Categories of the same name are one class: dog.",)
    assert _names(records[0]) == ["dog", "Dog"]


def test_what_refers_to_nothing_is_a_bad_row(tmp_path: Path) -> None:
    document = {
        "images": [
            {"id": 1, "file_name": "a.jpg"},
            {"id": 2, "file_name": "first.jpg"},
            {"id": 2, "file_name": "second.jpg"},
            {"file_name": "no id.jpg"},
            {"id": 4},
            "text",
            {"id": 1, "file_name": "a.jpg"},
        ],
        "annotations": [
            {"image_id": 1, "category_id": 5},
            {"image_id": 99, "category_id": 5},
            {"image_id": 1, "category_id": 6},
            {"image_id": 2, "category_id": 5},
            {"category_id": 5},
            {"image_id": 1},
            [],
            {"image_id": 1, "category_id": 7},
        ],
        "categories": [
            {"id": 5, "name": "dog"},
            {"id": 6},
            {"id": 7, "name": "cat"},
            {"id": 7, "name": "kite"},
            {"id": 5, "name": "dog"},
        ],
    }
    __, records, bad_rows = read_all(FORMAT, _written(tmp_path, document))
    assert [(record.path, _names(record)) for record in records] == [("a.jpg", ["dog"])]
    same = "Two images have the same id: which of them the annotations mean is unknown."
    assert sorted((row.line, row.reason, row.text) for row in bad_rows) == [
        (2, "The annotation refers to an image that the file does not have.", "99"),
        (2, "The category has no id or no name.", '{"id": 6}'),
        (2, same, "first.jpg"),
        (3, "The annotation refers to a category that the file does not describe.", "6"),
        (3, same, "second.jpg"),
        (4, "The image has no id, so that no annotation can refer to it.", "no id.jpg"),
        (4, "Two categories have the same id.", '{"id": 7, "name": "kite"}'),
        (5, "The annotation names no image.", '{"category_id": 5}'),
        (5, "The image has no file name.", '{"id": 4}'),
        (6, "The annotation names no category.", '{"image_id": 1}'),
        (6, "The image is not a JSON object.", "text"),
        (7, "The annotation is not a JSON object.", "[]"),
        (8, "The annotation refers to a category that the file does not describe.", "7"),
    ]


def test_results_need_the_file_with_the_images(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        [
            {"image_id": 1, "category_id": 9, "score": 0.5},
            {"image_id": 8, "category_id": 9, "score": 0.5},
        ],
        "results.json",
    )
    images = _written(tmp_path, DOCUMENT)
    assert FORMAT.sniff
    assert FORMAT.sniff(sample_of(path)) == (
        "A JSON list of results, which refer to the images of a COCO file."
    )
    assert [option.name for option in FORMAT.options(path)] == ["images"]
    assert FORMAT.options(images) == ()
    with pytest.raises(InterchangeError, match="has results only"):
        read_all(FORMAT, path)
    facts, records, bad_rows = read_all(FORMAT, path, images=str(images))
    assert facts.not_listed is NotListed.UNKNOWN
    assert records[0].classes == (ClassRecord("kite", origin=Origin.MACHINE, score=0.5),)
    assert [row.text for row in bad_rows] == ["8"]


def test_masks_need_not_be_decoded(tmp_path: Path) -> None:
    # Several chunks, so that lists are cut at any place.
    annotations = [
        {"segmentation": [[i + 0.5] * 40, [1]], "image_id": 1, "category_id": 1 + i % 2}
        for i in range(9000)
    ]
    annotations[0]["note"] = '"segmentation": [1], "image_id": 7'
    document = {
        "annotations": annotations,
        "images": [{"id": 1, "file_name": 'a "bbox": [1].jpg'}],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
    }
    path = _written(tmp_path, document)
    assert path.stat().st_size > 2_000_000
    __, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert records[0].path == 'a "bbox": [1].jpg'
    assert _names(records[0]) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither an object nor a list"),
        ("7", "neither an object nor a list"),
        ("{}", "no list of images"),
        ('{"images": 5}', "no list of images"),
        ('{"images": [', "not valid JSON"),
        ('{"images": []} x', "something follows"),
        ('{"images": [1 2]}', "a comma is missing"),
        ('{"images" []}', "a colon is missing"),
        ("{images: []}", "a name in quotes is missing"),
        ('{"images": ' + "[" * 100_000, "nested too deeply"),
        ('{"images": [' + "9" * 5000 + "]}", "a number is too long"),
        ("[]", "has results only"),
    ],
)
def test_what_is_no_coco_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(InterchangeError, match=message):
        read_all(FORMAT, path)


@pytest.mark.parametrize(
    "document",
    [
        {"images": [{"file": "a.jpg", "detections": []}], "detection_categories": {}},
        [{"id": 1, "annotations": [], "data": {"image": "a.jpg"}}],
        {"items": [], "categories": {"label": {}}},
        {"resources": []},
        {"classes": ["a"], "labels": {"a": [0]}},
        {},
        [],
    ],
)
def test_json_of_other_formats_is_not_taken(tmp_path: Path, document: object) -> None:
    assert FORMAT.sniff
    assert FORMAT.sniff(sample_of(_written(tmp_path, document))) == ""


# -- out -----------------------------------------------------------------------------------------


def _round_trip(folder: Path, case: ExportCase) -> Path:
    assert FORMAT.write
    path = folder / "out.json"
    FORMAT.write(iter(case.records), ExportFacts(case.classes, name="Zoo"), path)
    return path


@settings(max_examples=examples(150), deadline=None)
@given(export_cases())
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, case: ExportCase):
    path = _round_trip(tmp_path_factory.mktemp("coco"), case)
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert [record._replace(line=0) for record in records] == [
        FORMAT.held(record, {}) for record in case.records
    ]
    assert FORMAT.held_classes
    assert facts.classes == FORMAT.held_classes(case.classes)
    # What a plain reader sees: one annotation for each class that is present.
    document = json.loads(path.read_bytes())
    ids = {item["id"]: i for i, item in enumerate(document["images"])}
    names = {item["id"]: item["name"] for item in document["categories"]}
    assert sorted(
        (ids[i["image_id"]], names[i["category_id"]]) for i in document["annotations"]
    ) == (
        sorted(
            (i, item.name)
            for i, record in enumerate(case.records)
            for item in record.classes
            if item.verdict == Verdict.PRESENT and item.source != PREDICTION
        )
    )
    assert len(ids) == len(case.records)
    assert all(item["segmentation"] == [] for item in document["annotations"])
    numbers = [item["id"] for item in document["annotations"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_only_the_folder_is_lost() -> None:
    record = ImageRecord(
        "a/b.jpg",
        (ClassRecord("dog", origin=Origin.MACHINE, score=0.5, source=PREDICTION),),
        folder="/photos",
        reviewed=True,
    )
    assert FORMAT.held(record, {}) == record._replace(folder="")


def test_ids_stay_when_photos_are_added(tmp_path: Path) -> None:
    assert FORMAT.write
    facts = ExportFacts((ClassSpec("dog"),))
    records = [ImageRecord(f"{name}.jpg", folder="/p") for name in "abc"]
    ids: list[dict[str, int]] = []
    for some in (records, records[1:]):
        path = tmp_path / "file.json"
        FORMAT.write(iter(some), facts, path)
        images = json.loads(path.read_bytes())["images"]
        ids.append({image["file_name"]: image["id"] for image in images})
    assert ids[0].items() > ids[1].items()


def test_equal_names_in_two_folders_are_two_images(tmp_path: Path) -> None:
    case = ExportCase(
        (ClassSpec("dog"),),
        (
            ImageRecord("a.jpg", (ClassRecord("dog"),), folder="/one"),
            ImageRecord("a.jpg", folder="/two"),
        ),
    )
    __, records, bad_rows = read_all(FORMAT, _round_trip(tmp_path, case))
    assert bad_rows == []
    assert [len(record.classes) for record in records] == [1, 0]


# -- anything --------------------------------------------------------------------------------------


@settings(max_examples=examples(300), deadline=None)
@given(st.one_of(changed_json(DOCUMENT), st.binary(max_size=200)))
def test_whatever_the_file_there_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("coco") / "file.json"
    path.write_bytes(data)
    read_or_fail(FORMAT, path)
    sample = sample_of(path)
    assert FORMAT.sniff
    assert FORMAT.sniff(sample) == "" or data.lstrip()
    FORMAT.options(path)
