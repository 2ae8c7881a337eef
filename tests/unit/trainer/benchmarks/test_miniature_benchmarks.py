"""``lmpt-trainer reproduce`` as a user runs it: real photos laid out as VOCdevkit and COCO."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from trainer.__main__ import main
from trainer.benchmarks.benchmark import COCO_LT, VOC_LT, BenchmarkKind
from trainer.options import METHODS
from trainer.resources import resources_dir

ROOT = Path(__file__).resolve().parents[4]
TRAIN, TEST = 24, 12
CLASSES = 10
"""Training takes a time proportional to it."""
VOC_NAMES = {
    "airplane": "aeroplane",
    "couch": "sofa",
    "dining table": "diningtable",
    "motorcycle": "motorbike",
    "potted plant": "pottedplant",
    "tv": "tvmonitor",
}


@dataclass(frozen=True)
class Photo:
    """A photo of the folder of real ones, with the names of its classes."""

    file: Path
    classes: tuple[str, ...]
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Miniature:
    """A benchmark of few photos.

    images, lists: as on the command line.
    classes: of the labels file.
    present: (class, images of the test list with it).
    """

    kind: BenchmarkKind
    images: Path
    lists: Path
    classes: list[str]
    present: dict[str, int]


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    folder = Path(os.environ.get("LMPT_SHARED", ROOT.parent / "shared")) / "photos"
    if not (folder / "index.json").is_file():
        pytest.skip(f"no photos in {folder}")
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return [
        Photo(folder / item["path"], tuple(item["labels"]), tuple(item["captions"]))
        for item in index
    ]


def class_names(kind: BenchmarkKind) -> list[str]:
    file = resources_dir() / "vocabularies" / kind.vocabulary
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines if line and not line.startswith("#")]


def lay_out(
    kind: BenchmarkKind,
    photos: Sequence[Photo],
    names: Callable[[Photo, int], tuple[str, str]],
    folder: Path,
) -> Miniature:
    """Photos of the most common classes under the names that ``names`` gives them in a training and
    in a test list, and lists in the authors' format."""
    known = set(class_names(kind))
    common = Counter(name for photo in photos for name in photo.classes if name in known)
    kept = {name for name, _ in common.most_common(CLASSES)}
    classes = [name for name in class_names(kind) if name in kept]
    chosen = [photo for photo in photos if kept & set(photo.classes)][: TRAIN + TEST]
    made = Miniature(kind, folder / "data", folder / "lists", classes, {})
    made.lists.mkdir(parents=True)
    lines: dict[str, list[str]] = {"train": [], "test": []}
    captions: list[str] = []
    for number, photo in enumerate(chosen):
        part = "train" if number < TRAIN else "test"
        listed = names(photo, number)[part == "test"]
        target = made.images / listed
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(photo.file)
        present = sorted({classes.index(name) for name in photo.classes if name in kept})
        # As published: a space at the end of a line, captions of one image on one line.
        lines[part].append(f"{listed} {' '.join(map(str, present))} ")
        if part == "train" and photo.captions:
            captions.append(f"{listed} {' '.join(photo.captions)}")
        if part == "test":
            for index in present:
                made.present[classes[index]] = made.present.get(classes[index], 0) + 1
    labels = [f"{name} {index} " for index, name in enumerate(classes)]
    for name, content in (
        (kind.labels, labels),
        (kind.train, lines["train"]),
        (kind.test, lines["test"]),
        (kind.captions, captions),
    ):
        (made.lists / name).write_text("\n".join(content), encoding="utf-8")
    return made


def voc_names(photo: Photo, number: int) -> tuple[str, str]:
    return (
        f"VOCdevkit/VOC2012/JPEGImages/2008_{number:06d}.jpg",
        f"VOCdevkit/VOC2007/JPEGImages/{number:06d}.jpg",
    )


def coco_names(photo: Photo, number: int) -> tuple[str, str]:
    return f"train2017/{photo.file.name}", f"val2017/{photo.file.name}"


@pytest.fixture
def voc(photos: list[Photo], tmp_path: Path) -> Miniature:
    renamed = [
        replace(photo, classes=tuple(VOC_NAMES.get(name, name) for name in photo.classes))
        for photo in photos
    ]
    return lay_out(VOC_LT, renamed, voc_names, tmp_path / "voc")


@pytest.fixture
def coco(photos: list[Photo], tmp_path: Path) -> Miniature:
    return lay_out(COCO_LT, photos, coco_names, tmp_path / "coco")


def arguments(made: Miniature, images: Path, cache: Path, *more: str) -> list[str]:
    """The table is the command's stdout, the JSON in ``cache/out.json``."""
    return [
        *("reproduce", made.kind.name, "--images", str(images), "--lists", str(made.lists)),
        *("--backbone", "lite", "--cache", str(cache), "--json", str(cache / "out.json")),
        *("--device", "cpu", "--option", "epochs=2", *more),
    ]


def reproduced(made: Miniature, cache: Path, *more: str) -> str:
    """The stdout of the command, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "trainer", *arguments(made, made.images, cache, *more)],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "160", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(made: Miniature, table: str, cache: Path, methods: Sequence[str]) -> dict[str, Any]:
    """The table and the JSON agree and say what was used; returns the JSON."""
    body = json.loads((cache / "out.json").read_text(encoding="utf-8"))
    assert body["benchmark"] == made.kind.name
    assert body["backbone"] == "lite"
    assert (body["comparable"], body["authors_lists"]) == (False, False)
    assert "NOT COMPARABLE: these lists differ" in table
    assert body["lists"]["train"]["used"] == body["lists"]["train"]["listed"] == TRAIN
    assert body["lists"]["test"]["used"] == body["lists"]["test"]["listed"] == TEST
    assert list(body["results"]) == ["zero-shot", *methods]
    for name, result in body["results"].items():
        assert f"{100 * result['total']:.2f}" in table, name
    evaluated = {
        item["name"]: item["average_precision"]
        for item in body["classes"]
        if item["average_precision"]["zero-shot"] is not None
    }
    assert set(evaluated) == {name for name, count in made.present.items() if count < TEST}
    chance = sum(made.present[name] for name in evaluated) / TEST / len(evaluated)
    assert body["results"]["zero-shot"]["total"] > 2 * chance
    for row in body["published"]:
        assert row["source"] in " ".join(table.split())
    return body


def test_voc_with_every_method_then_again_from_the_cache(
    voc: Miniature,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = reproduced(voc, tmp_path, "--method", "all")
    first = check(voc, table, tmp_path, list(METHODS))
    assert first["lists"]["train"]["encoded"] == TRAIN
    published = first["results"]["lmpt-paper"]["settings"]
    assert published["step"] == published["steps"] == 2  # two epochs of one batch
    assert (published["optimiser"], published["learning_rate"]) == ("sgd", 5e-4)
    assert (published["mu"], published["negative_scale"], published["kappa"]) == (0.3, 5.0, 0.05)
    assert published["chosen_interpolation"] == 0.0
    assert first["results"]["lmpt"]["settings"]["chosen_interpolation"] == 8.0
    # The folder itself does as well as the one around it.
    monkeypatch.setenv("COLUMNS", "160")
    images = voc.images / "VOCdevkit"
    assert main(arguments(voc, images, tmp_path, "--method", "lmpt-paper")) == 0
    second = check(voc, capsys.readouterr().out, tmp_path, ["lmpt-paper"])
    assert (second["lists"]["train"]["encoded"], second["lists"]["train"]["cached"]) == (0, TRAIN)
    for name, result in second["results"].items():
        assert result["total"] == pytest.approx(first["results"][name]["total"], abs=1e-9)


def test_coco_with_the_default_methods(
    coco: Miniature,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process, which has loaded torch already."""
    monkeypatch.setenv("COLUMNS", "160")
    assert main(arguments(coco, coco.images, tmp_path)) == 0
    table = capsys.readouterr().out
    body = check(coco, table, tmp_path, ["lmpt-paper", "lmpt+"])
    assert "LMPT as published" in table
    published = body["results"]["lmpt-paper"]["settings"]
    assert (published["mu"], published["negative_scale"], published["kappa"]) == (0.2, 2.0, 0.05)
    assert body["captions_missing"] < TRAIN
