"""A folder that is gone, and one whose disk is not connected."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.records import Folder, ImageState
from lmpt_desktop.ingest import sync
from lmpt_desktop.ingest.reachable import device_of, is_reachable

ANOTHER_DISK = 1
"""Added to the number of the disk that everything is on."""


@pytest.fixture
def folder(photos: Path) -> Folder:
    device = device_of(photos)
    assert device is not None
    return Folder(1, photos, device=device)


def test_a_folder_that_exists_is_reachable(folder: Folder) -> None:
    assert is_reachable(folder)
    (folder.path / "a.jpg").touch()
    assert is_reachable(replace(folder, device=(folder.device or 0) + ANOTHER_DISK))


def test_what_was_deleted_is_gone_and_not_out_of_reach(folder: Folder) -> None:
    inner = replace(folder, path=folder.path / "2019" / "trip")
    assert is_reachable(inner)  # on the disk that is there, as deep as it was


def test_a_disk_that_is_not_connected_leaves_nothing_or_an_empty_folder(folder: Folder) -> None:
    mounted = replace(folder, device=(folder.device or 0) + ANOTHER_DISK)
    assert not is_reachable(mounted)
    assert not is_reachable(replace(mounted, path=folder.path / "photos"))


def test_without_a_known_disk_the_folder_around_it_decides(folder: Folder) -> None:
    assert is_reachable(Folder(1, folder.path / "gone"))
    assert not is_reachable(Folder(1, folder.path / "disk" / "gone"))


def test_nothing_moves_from_a_disk_that_is_not_connected(
    catalogue: Catalogue, photos: Path, tmp_path: Path, draw
) -> None:
    path = draw("a.jpg")
    kept = tmp_path / "kept"
    kept.mkdir()
    first, second = catalogue.folders.add(photos), catalogue.folders.add(kept)
    (image_id,) = sync(catalogue, first.id).new
    dog = catalogue.classes.add("dog").id
    catalogue.annotations.apply([Change(image_id, dog, 1)])
    shutil.copy2(path, kept / "a.jpg")
    (copy_id,) = sync(catalogue, second.id).new
    device = catalogue.folders.get(first.id).device
    assert device is not None
    catalogue.folders.set_device(first.id, device + ANOTHER_DISK)
    path.unlink()
    report = sync(catalogue, first.id)
    assert (report.available, report.followed) == (False, [])
    assert [problem.path for problem in report.problems] == [""]
    assert sync(catalogue, second.id).followed == []
    assert catalogue.images.details(image_id).state is ImageState.MISSING
    assert catalogue.annotations.matrix([image_id, copy_id], [dog]).tolist() == [[1], [-1]]
    # The disk is there again, and the photo is not on it.
    catalogue.folders.set_device(first.id, device)
    assert [len(batch) for batch in sync(catalogue, first.id).followed] == [2]
    assert catalogue.annotations.matrix([image_id, copy_id], [dog]).tolist() == [[-1], [1]]
