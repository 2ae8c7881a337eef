"""Which format a file is taken for, where several could read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interchange_files import shared_file

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord

BOXES = ("coco", "cvat", "voc", "yolo", "fiftyone", "datumaro")


def _found(path: Path) -> list[str]:
    return [item.format.name for item in registry.detect(path) if item.format.name in BOXES]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("coco/instances_val2017_tiny.json", ["coco"]),
        ("coco/captions_val2017_tiny.json", ["coco"]),
        ("coco/panoptic_examples.json", ["coco"]),
        ("coco/images_info_examples.json", ["coco"]),
        ("cvat/project_annotations.xml", ["cvat"]),
        ("cvat/task_train.xml", ["cvat"]),
        ("datumaro/train.json", ["datumaro"]),
        ("label-studio/choices_export.json", []),
        ("label-studio/export_polygon_localupload.json", []),
        ("label-studio/export_with_prediction_review.json", []),
        ("camtrap-dp/datapackage.json", []),
        ("camtrap-dp/media.csv", []),
        ("camtrap-dp", []),
        ("xmp/immich_2010.xmp", []),
        ("xmp", []),
    ],
)
def test_real_files(name: str, expected: list[str]) -> None:
    assert _found(shared_file(name)) == expected


@pytest.mark.parametrize("name", [name for name in BOXES if name != "yolo"])
def test_what_we_write(tmp_path: Path, name: str) -> None:
    format_ = registry.named(name)
    assert format_.write
    path = tmp_path / f"out{format_.suffixes[0] if format_.suffixes else ''}"
    record = ImageRecord("a.jpg", (ClassRecord("dog"),), reviewed=True, state="ok")
    format_.write(iter([record]), ExportFacts((ClassSpec("dog"),)), path)
    assert _found(path) == [name]
    # Many classes and long names: what tells the formats apart may be beyond the sample.
    classes = tuple(ClassSpec(f"{i} {'x' * 200}") for i in range(1000))
    path = tmp_path / f"large{path.suffix}"
    format_.write(iter([record._replace(classes=())]), ExportFacts(classes), path)
    if name != "fiftyone":
        assert _found(path) == [name]


def test_a_list_of_results(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{"image_id": 1, "category_id": 2, "score": 0.5}]))
    assert _found(path) == ["coco"]
