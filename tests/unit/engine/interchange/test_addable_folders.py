"""Folders outside the library that hold the photos of a file of annotations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from lmpt_desktop.engine.interchange import addable_folders
from lmpt_desktop.engine.interchange.addable_folders import find_addable
from lmpt_desktop.interchange.importing.survey import ImageReference


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def found(
    paths: Sequence[str | ImageReference], source: Path, *folders: Path
) -> list[tuple[Path, int]]:
    references = [ImageReference(item) if isinstance(item, str) else item for item in paths]
    return [(item.path, item.photos) for item in find_addable(references, source, folders)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder whose path has no links in it."""
    return Path(os.path.realpath(tmp_path))


def test_photos_beside_the_file(root: Path) -> None:
    touch(root / "set/a.jpg", root / "set/sub/b.jpg", root / "set/notes.txt")
    paths = ["a.jpg", "sub\\b.jpg", "lost.jpg", "notes.txt"]
    assert found(paths, root / "set/labels.csv") == [(root / "set", 2)]


def test_photos_in_one_folder_beside_the_file_are_offered_with_that_folder(root: Path) -> None:
    touch(root / "set/images/a.jpg", root / "set/images/b.jpg")
    paths = ["images/a.jpg", "images/b.jpg"]
    assert found(paths, root / "set/labels.csv") == [(root / "set/images", 2)]


def test_photos_in_a_folder_beside_that_of_the_file(root: Path) -> None:
    """As COCO has it: names only, ``annotations/instances.json`` and ``val2017/``."""
    touch(*(root / "coco/val2017" / f"{i}.jpg" for i in range(30)), root / "coco/train2017/0.jpg")
    names = [f"{i}.jpg" for i in range(30)]
    source = root / "coco/annotations/instances.json"
    assert found(names, source) == [(root / "coco/val2017", 30), (root / "coco/train2017", 1)]


def test_photos_in_the_imported_folder(root: Path) -> None:
    touch(root / "set/a.jpg")
    assert found(["a.jpg"], root / "set") == [(root / "set", 1)]


def test_absolute_paths_and_folders_of_the_file(root: Path) -> None:
    touch(root / "one/a.jpg", root / "one/sub/b.jpg", root / "two/c.jpg")
    paths = [
        str(root / "one/a.jpg"),
        ImageReference("sub/b.jpg", folder=str(root / "one")),
        str(root / "one/lost.jpg"),
    ]
    assert found(paths, root / "elsewhere/x.csv") == [(root / "one", 2)]
    paths.append(str(root / "two/c.jpg"))
    assert found(paths, root / "elsewhere/x.csv") == [(root, 3)]


def test_folders_far_from_each_other_are_offered_each(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addable_folders, "SHALLOWEST", len(root.parts) + 1)
    touch(root / "one/a.jpg", root / "one/b.jpg", root / "two/c.jpg")
    paths = [str(root / name) for name in ("two/c.jpg", "one/a.jpg", "one/b.jpg")]
    assert found(paths, root / "elsewhere/x.csv") == [(root / "one", 2), (root / "two", 1)]


def test_what_the_library_has_is_not_offered(root: Path) -> None:
    touch(root / "set/images/a.jpg")
    (root / "link").symlink_to(root / "set")
    assert found(["images/a.jpg"], root / "set/x.csv", root / "set") == []
    assert found(["images/a.jpg"], root / "link/x.csv", root / "set") == []
    assert found(["images/a.jpg"], root / "set/x.csv", root / "link") == []
    assert found(["images/a.jpg"], root / "set/x.csv", root / "set/other") == [
        (root / "set/images", 1)
    ]


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "../outside/a.jpg",
        "https://example.org/a.jpg",
        "//server/share/a.jpg",
        "\\\\server\\share\\a.jpg",
        "C:\\photos\\a.jpg",
        "a\0.jpg",
        "a" * 5000 + ".jpg",
        "\ud800.jpg",
    ],
)
def test_paths_that_lead_elsewhere_or_nowhere(root: Path, path: str) -> None:
    touch(root / "outside/a.jpg")
    (root / "set").mkdir()
    assert found([path], root / "set/x.csv") == []


def test_only_a_sample_of_many_photos_is_looked_for(root: Path) -> None:
    touch(*(root / "set" / f"{i}.jpg" for i in range(0, 3000, 3)))
    names = [f"{i}.jpg" for i in range(3000)]
    assert found(names, root / "set/x.csv") == [(root / "set", 1000)]


def test_nothing_lost_is_nothing_to_add(root: Path) -> None:
    assert find_addable([], root / "x.csv", []) == []


def test_folders_whose_photos_a_scan_would_leave_out_are_not_offered(root: Path) -> None:
    photo = root / "nas" / "@eaDir" / "a.jpg"
    photo.parent.mkdir(parents=True)
    photo.touch()
    inside = ImageReference(str(photo.parent.parent / "@eaDir" / "a.jpg"))
    outer = ImageReference(str(root / "nas" / "b.jpg"))
    (root / "nas" / "b.jpg").touch()
    assert [item.photos for item in find_addable([inside, outer], root / "x.csv", [])] == [1]
