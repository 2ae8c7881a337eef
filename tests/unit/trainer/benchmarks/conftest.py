"""The authors' lists, and a small benchmark of drawn photos in their format."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tiny_backbone
from PIL import Image

ROOT = Path(__file__).resolve().parents[4]
COLOURS = ((210, 30, 30), (30, 180, 40), (40, 60, 220))
NAMES = ("red thing", "greenthing", "blue thing")


@dataclass(frozen=True)
class DrawnBenchmark:
    """VOC-LT as ``reproduce`` wants it, but of drawn photos with one patch per class."""

    images: Path
    lists: Path

    def photo(self, listed: str) -> Path:
        return self.images / listed


@pytest.fixture(scope="session")
def authors_lists() -> Path:
    """The authors' list files, when they are at hand."""
    shared = Path(os.environ.get("LMPT_SHARED", ROOT.parent / "shared"))
    if not (shared / "lists" / "voc_lt_train.txt").is_file():
        pytest.skip(f"no list files in {shared / 'lists'}")
    return shared / "lists"


@pytest.fixture(scope="session")
def tiny_backbone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random CLIP in the form of the bundled backbone."""
    folder = tmp_path_factory.mktemp("tiny-backbone")
    tiny_backbone.write(folder)
    return folder


@pytest.fixture
def drawn(tmp_path: Path) -> DrawnBenchmark:
    """30 training and 12 test photos, the first class in most, the last in few."""
    made = DrawnBenchmark(tmp_path / "data", tmp_path / "lists")
    made.lists.mkdir()
    rng = np.random.default_rng(0)
    # Windows line ends and no last newline, as published.
    labels = "\r\n".join(f"{name} {index}" for index, name in enumerate(NAMES))
    (made.lists / "voc_labels.txt").write_bytes(labels.encode())
    captions: list[str] = []
    for part, folder, count in (("train", "VOC2012", 30), ("test", "VOC2007", 12)):
        lines: list[str] = []
        for number in range(count):
            present = [i for i in range(3) if number % (i + 2) == i or (i == 0 and number % 5)]
            listed = f"VOCdevkit/{folder}/JPEGImages/{number:06d}.jpg"
            _draw(made.photo(listed), present, rng)
            lines.append(" ".join([listed, *map(str, present), ""]))
            if part == "train" and number % 2:
                captions.append(f"{listed} a drawing, number {number}")
        (made.lists / f"voc_lt_{part}.txt").write_text("\n".join(lines), encoding="utf-8")
    (made.lists / "voc_lt_captions.txt").write_text("\n".join(captions), encoding="utf-8")
    return made


def _draw(file: Path, present: list[int], rng: np.random.Generator) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(90, 160, (80, 96, 3), dtype=np.uint8)
    for index in present:
        top, left = rng.integers(0, 48), 32 * index
        pixels[top : top + 30, left : left + 30] = COLOURS[index]
    Image.fromarray(pixels).save(file, quality=90)
