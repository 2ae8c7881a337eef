"""Scanning a part of a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.ingest import EVERYTHING, Scope, SyncReport, sync


def flat(*folders: str) -> Scope:
    return Scope(flat=frozenset(folders))


def deep(*folders: str) -> Scope:
    return Scope(deep=frozenset(folders))


def run(catalogue: Catalogue, photos: Path, scope: Scope = EVERYTHING) -> SyncReport:
    return sync(catalogue, catalogue.folders.add(photos).id, scope=scope)


def test_what_a_scope_covers() -> None:
    scope = flat("", "a/b") | deep("c")
    for path in ("x.jpg", "a/b/x.jpg", "c/x.jpg", "c/d/e/x.jpg"):
        assert scope.covers(path), path
    for path in ("a/x.jpg", "a/b/c/x.jpg", "cc/x.jpg"):
        assert not scope.covers(path), path
    assert EVERYTHING.covers("any/where.jpg")
    assert scope | EVERYTHING == EVERYTHING
    assert sorted((deep("c", "c/d") | flat("c/e", "f")).roots()) == ["c", "f"]


def test_only_the_changed_folder_is_scanned(catalogue: Catalogue, photos: Path, draw) -> None:
    gone = draw("a/gone.jpg")
    left = draw("b/left.jpg", seed=1)
    first = run(catalogue, photos)
    gone.unlink()
    left.unlink()
    draw("a/new.jpg", seed=2)
    draw("b/unseen.jpg", seed=3)
    draw("a/deeper/unseen.jpg", seed=4)
    report = run(catalogue, photos, flat("a"))
    assert (len(report.new), len(report.missing)) == (1, 1)
    assert catalogue.images.details(report.new[0]).relative_path == "a/new.jpg"
    assert report.missing[0] in first.new
    full = run(catalogue, photos)
    assert (len(full.new), len(full.missing), full.unchanged) == (2, 1, 1)


def test_a_folder_that_is_gone_takes_its_photos_along(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a/one.jpg")
    draw("a/b/two.jpg", seed=1)
    draw("c.jpg", seed=2)
    run(catalogue, photos)
    shutil.rmtree(photos / "a")
    report = run(catalogue, photos, deep("a"))
    assert len(report.missing) == 2
    states = dict(zip(catalogue.images.table().names, catalogue.images.table().states, strict=True))
    assert states["c.jpg"] == ImageState.OK


@pytest.mark.parametrize("changed", [flat("a", "b"), flat("b")], ids=["both ends", "one end"])
def test_a_move_keeps_annotations_and_features(
    catalogue: Catalogue, photos: Path, draw, changed: Scope
) -> None:
    path = draw("a/one.jpg")
    [image_id] = run(catalogue, photos).new
    dog = catalogue.classes.add("dog")
    catalogue.annotations.apply([Change(image_id, dog.id, 1)], "user")  # type: ignore[arg-type]
    catalogue.features.append("lite", [image_id], np.ones((1, 4), np.float16))
    (photos / "b").mkdir()
    path.rename(photos / "b" / "renamed.jpg")
    report = run(catalogue, photos, changed)
    assert (report.moved, report.new, report.missing) == ([image_id], [], [])
    assert catalogue.images.details(image_id).relative_path == "b/renamed.jpg"
    assert catalogue.annotations.matrix([image_id], [dog.id]).tolist() == [[1]]
    assert catalogue.features.ids("lite") == {image_id}


def test_a_copy_of_a_photo_outside_the_scanned_part_is_a_new_image(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    path = draw("a/one.jpg")
    [image_id] = run(catalogue, photos).new
    (photos / "b").mkdir()
    shutil.copy(path, photos / "b" / "copy.jpg")
    report = run(catalogue, photos, flat("b"))
    assert len(report.new) == 1
    assert report.new != [image_id]
    assert catalogue.images.details(image_id).relative_path == "a/one.jpg"


def test_photos_behind_a_link_stay_what_they_are(
    catalogue: Catalogue, photos: Path, draw, tmp_path: Path
) -> None:
    draw("a/one.jpg")
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(photos / "a" / "one.jpg", outside / "far.jpg")
    (photos / "a" / "link").symlink_to(outside, target_is_directory=True)
    assert len(run(catalogue, photos).new) == 2
    report = run(catalogue, photos, deep("a"))
    assert (report.new, report.missing, report.moved) == ([], [], [])
