"""Dropped paths and the folders of a library: the same place may be spelled differently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from snapshots import make_snapshot

from lmpt_desktop.domain.records import Folder, ImageState
from lmpt_desktop.ui.library.dropped_paths import (
    dragged_annotations,
    dragged_paths,
    find_images,
    not_in,
)


def drag_of(data: QMimeData, *paths: Path) -> QDropEvent:
    """The event of a drag; ``data`` must live as long as it."""
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    return QDropEvent(QPointF(1, 1), Qt.DropAction.CopyAction, data, left, none)


def test_files_of_annotations_are_known_by_their_names(tmp_path: Path) -> None:
    data = QMimeData()
    names = ("a.JSON", "b.csv", "photo.jpg.xmp", "c.jpg", "d.odt", "e")
    event = drag_of(data, *(tmp_path / name for name in names))
    assert [path.name for path in dragged_annotations(event)] == [
        "a.JSON",
        "b.csv",
        "photo.jpg.xmp",
    ]
    assert dragged_paths(event) != [], "a photo is among them, and counts"
    assert dragged_paths(drag_of(data, tmp_path / "b.csv")) == []


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    return folder


def test_folders_within_the_library_are_recognised_through_links(
    photos: Path, tmp_path: Path
) -> None:
    dropped = [photos, photos / "trip", tmp_path / "link", tmp_path / "link" / "trip", tmp_path]
    assert not_in(dropped, [photos]) == [tmp_path]
    assert not_in(dropped, [tmp_path / "link"]) == [tmp_path]
    assert not_in(dropped, [photos / "trip"]) == [photos, tmp_path / "link", tmp_path]


def test_photos_are_found_through_links(photos: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "trip/b.jpg"):
        (photos / name).touch()
    (photos / "c.jpg").symlink_to(photos / "a.jpg")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "d.jpg").touch()
    (photos / "far").symlink_to(tmp_path / "far")
    names = ["a.jpg", "c.jpg", "trip/b.jpg", "far/d.jpg"]
    snapshot = make_snapshot(np.full((4, 1), -1), names=names)
    link = tmp_path / "link"
    dropped = [link / "trip" / "b.jpg", link / "c.jpg", photos / "far" / "d.jpg", link / "e.jpg"]
    assert find_images(dropped, [Folder(1, photos)], snapshot).tolist() == [3, 2, 4]
    dropped = [photos / "a.jpg", photos / "trip" / "b.jpg"]
    assert find_images(dropped, [Folder(1, link)], snapshot).tolist() == [1, 3]


def test_the_photo_that_is_there_is_found_and_not_the_one_whose_place_it_took(
    photos: Path,
) -> None:
    (photos / "a.jpg").touch()
    states = [ImageState.OK, ImageState.MISSING]
    snapshot = make_snapshot(np.full((2, 1), -1), names=["a.jpg", "a.jpg"], states=states)
    assert find_images([photos / "a.jpg"], [Folder(1, photos)], snapshot).tolist() == [1]
