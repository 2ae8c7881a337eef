"""Which format each real file of another tool is taken for."""

from __future__ import annotations

import pytest
from interchange_files import shared_file

from lmpt_desktop.interchange.registry import detect


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("label-studio/choices_export.json", "label-studio"),
        ("label-studio/export_polygon_localupload.json", "label-studio"),
        ("label-studio/export_with_prediction_review.json", "label-studio"),
        ("camtrap-dp", "camtrap-dp"),
        ("camtrap-dp/datapackage.json", "camtrap-dp"),
        ("darwincore", "darwin-core"),
        ("darwincore/dwc_occurrence.csv", "darwin-core"),
        ("darwincore/dwc_audubon.csv", "darwin-core"),
    ],
)
def test_real_files_are_recognised(name: str, format_name: str) -> None:
    assert detect(shared_file(name))[0].format.name == format_name


@pytest.mark.parametrize(
    "name",
    [
        "coco/instances_val2017_tiny.json",
        "coco/captions_val2017_tiny.json",
        "coco/panoptic_examples.json",
        "coco/images_info_examples.json",
        "csv/chexpert_labeled_reports.csv",
        "cvat/project_annotations.xml",
        "datumaro/train.json",
        "wildlife-insights/camtraptor_images.csv",
        "wildlife-insights",
        "xmp/immich_2010.xmp",
        "xmp/picasa_embedded.jpg",
    ],
)
def test_files_of_other_tools_are_not_taken_for_ours(name: str) -> None:
    formats = {
        *("label-studio", "megadetector", "labelme", "camtrap-dp", "darwin-core", "hf", "txt"),
    }
    assert formats.isdisjoint(item.format.name for item in detect(shared_file(name)))
