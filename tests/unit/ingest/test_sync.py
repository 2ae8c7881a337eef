"""Bringing the catalogue in line with the disk."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.ignore_list import IgnoreList
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.ingest import Scope, SyncPhase, SyncProgress, SyncReport, sync

DATE = 0x9003


def run(catalogue: Catalogue, photos: Path) -> SyncReport:
    return sync(catalogue, catalogue.folders.add(photos).id)


def ids_by_name(catalogue: Catalogue) -> dict[str, int]:
    """Id of every image that is not missing."""
    table = catalogue.images.table()
    return {
        name: int(image_id)
        for name, image_id, state in zip(table.names, table.ids, table.states, strict=True)
        if state != ImageState.MISSING
    }


def state(catalogue: Catalogue, image_id: int) -> ImageState:
    return catalogue.images.details(image_id).state


def taken_at(date: str) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[DATE] = date
    return exif


def test_photos_are_recorded_with_their_metadata(catalogue: Catalogue, photos: Path, draw) -> None:
    draw("a.jpg", size=(64, 48), exif=taken_at("2019:05:04 13:22:10"))
    (photos / "a.txt").write_text("a dog")
    report = run(catalogue, photos)
    (image_id,) = report.new
    image = catalogue.images.details(image_id)
    assert (image.width, image.height, image.caption) == (64, 48, "a dog")
    assert image.taken is not None
    assert image.taken.year == 2019
    assert len(image.fingerprint) == 32
    again = run(catalogue, photos)
    assert (again.new, again.changed, again.unchanged) == ([], [], 1)


def test_bad_files_are_listed_with_a_reason_and_the_rest_goes_on(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    good = draw("good.jpg")
    (photos / "empty.jpg").touch()
    (photos / "text.png").write_text("not a photo")
    shutil.copy(good, photos / "jpeg inside.png")
    report = run(catalogue, photos)
    assert len(report.new) == 4
    names = {catalogue.images.details(i).relative_path: reason for i, reason in report.unreadable}
    assert set(names) == {"empty.jpg", "text.png"}
    assert "empty" in names["empty.jpg"]
    assert catalogue.features.missing("lite").size == 2
    assert run(catalogue, photos).changed == []


def test_a_repaired_file_becomes_readable(catalogue: Catalogue, photos: Path, draw) -> None:
    (photos / "a.jpg").write_text("not a photo")
    (image_id,) = run(catalogue, photos).new
    draw("a.jpg")
    assert run(catalogue, photos).changed == [image_id]
    assert state(catalogue, image_id) is ImageState.OK


def test_renamed_and_moved_photos_keep_their_image(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a.jpg", 1)
    draw("b.jpg", 2)
    run(catalogue, photos)
    before = ids_by_name(catalogue)
    dog = catalogue.classes.add("dog")
    catalogue.annotations.apply([Change(before["a.jpg"], dog.id, 1)])
    catalogue.features.append("lite", list(before.values()), np.ones((2, 4)))
    (photos / "trip").mkdir()
    (photos / "a.jpg").rename(photos / "trip" / "dog.jpg")
    (photos / "b.jpg").rename(photos / "c.jpg")
    report = run(catalogue, photos)
    assert sorted(report.moved) == sorted(before.values())
    assert report.new == report.missing == []
    assert ids_by_name(catalogue) == {"trip/dog.jpg": before["a.jpg"], "c.jpg": before["b.jpg"]}
    assert catalogue.features.missing("lite").size == 0


def test_renumbered_photos_take_their_images_along(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    for number in range(1, 5):
        draw(f"{number}.jpg", number, size=(64 + number, 48))
    run(catalogue, photos)
    before = ids_by_name(catalogue)
    for number in range(4, 0, -1):
        (photos / f"{number}.jpg").rename(photos / f"{number + 1}.jpg")
    draw("1.jpg", 99)
    report = run(catalogue, photos)
    after = ids_by_name(catalogue)
    assert {f"{n}.jpg": after[f"{n + 1}.jpg"] for n in range(1, 5)} == before
    assert report.new == [after["1.jpg"]]
    assert after["1.jpg"] not in before.values()
    assert report.missing == []


def test_swapped_photos_take_their_images_along(catalogue: Catalogue, photos: Path, draw) -> None:
    draw("a.jpg", 1, size=(64, 48))
    draw("b.jpg", 2, size=(80, 48))
    run(catalogue, photos)
    before = ids_by_name(catalogue)
    (photos / "a.jpg").rename(photos / "x")
    (photos / "b.jpg").rename(photos / "a.jpg")
    (photos / "x").rename(photos / "b.jpg")
    run(catalogue, photos)
    assert ids_by_name(catalogue) == {"a.jpg": before["b.jpg"], "b.jpg": before["a.jpg"]}


def test_a_photo_renamed_over_another_leaves_that_one_missing(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a.jpg", 1, size=(64, 48))
    draw("b.jpg", 2, size=(80, 48))
    run(catalogue, photos)
    before = ids_by_name(catalogue)
    keep = (photos / "b.jpg").read_bytes()
    (photos / "a.jpg").rename(photos / "b.jpg")
    report = run(catalogue, photos)
    assert ids_by_name(catalogue) == {"b.jpg": before["a.jpg"]}
    assert report.missing == [before["b.jpg"]]
    # and comes back under another name
    (photos / "found again.jpg").write_bytes(keep)
    assert run(catalogue, photos).moved == [before["b.jpg"]]


def test_an_edited_photo_stays_the_same_image(catalogue: Catalogue, photos: Path, draw) -> None:
    draw("a.jpg", 1, exif=taken_at("2019:05:04 13:22:10"))
    (image_id,) = run(catalogue, photos).new
    catalogue.features.append("lite", [image_id], np.ones((1, 4)))
    draw("a.jpg", 2, size=(50, 40), exif=taken_at("2019:05:04 13:22:10"))
    assert run(catalogue, photos).changed == [image_id]
    assert catalogue.images.details(image_id).width == 50
    assert catalogue.features.missing("lite").tolist() == [image_id]


def test_another_picture_under_the_name_of_an_annotated_one_is_another_image(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("IMG_0001.jpg", 1, exif=taken_at("2019:05:04 13:22:10"))
    (old,) = run(catalogue, photos).new
    catalogue.images.set_caption(old, "the user's own")
    draw("IMG_0001.jpg", 2, size=(50, 40), exif=taken_at("2019:05:04 13:22:10"))
    report = run(catalogue, photos)
    assert len(report.new) == 1
    assert report.displaced == report.missing == [old]
    assert state(catalogue, old) is ImageState.MISSING
    assert run(catalogue, photos).unchanged == 1


def test_a_photo_with_a_new_time_but_the_same_content_is_the_same_image(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    path = draw("a.jpg")
    (image_id,) = run(catalogue, photos).new
    catalogue.features.append("lite", [image_id], np.ones((1, 4)))
    os.utime(path, ns=(1, 1))
    assert run(catalogue, photos).changed == [image_id]
    assert catalogue.features.missing("lite").size == 0
    assert run(catalogue, photos).unchanged == 1


def test_copies_are_images_of_their_own(catalogue: Catalogue, photos: Path, draw) -> None:
    path = draw("a.jpg")
    shutil.copy2(path, photos / "copy 1.jpg")
    run(catalogue, photos)
    shutil.copy2(path, photos / "copy 2.jpg")
    run(catalogue, photos)
    before = ids_by_name(catalogue)
    assert len(set(before.values())) == 3
    (photos / "copy 1.jpg").rename(photos / "x.jpg")
    run(catalogue, photos)
    assert ids_by_name(catalogue)["x.jpg"] == before["copy 1.jpg"]


def test_a_deleted_photo_is_missing_and_comes_back_with_its_annotations(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    path = draw("a.jpg")
    (image_id,) = run(catalogue, photos).new
    dog = catalogue.classes.add("dog")
    catalogue.annotations.apply([Change(image_id, dog.id, 1)])
    path.rename(photos.parent / "away.jpg")
    assert run(catalogue, photos).missing == [image_id]
    assert run(catalogue, photos).missing == []
    (photos.parent / "away.jpg").rename(path)
    assert run(catalogue, photos).returned == [image_id]
    assert state(catalogue, image_id) is ImageState.OK
    assert catalogue.annotations.matrix([image_id], [dog.id]).tolist() == [[1]]


def test_a_photo_moved_to_another_folder_keeps_its_image(
    catalogue: Catalogue, photos: Path, draw, tmp_path: Path
) -> None:
    path = draw("a.jpg")
    (image_id,) = run(catalogue, photos).new
    other = tmp_path / "other"
    other.mkdir()
    path.rename(other / "b.jpg")
    assert run(catalogue, other).moved == [image_id]
    assert catalogue.images.details(image_id).path == other / "b.jpg"
    assert run(catalogue, photos).missing == []


def test_a_relocated_folder_is_unchanged(
    catalogue: Catalogue, photos: Path, draw, tmp_path: Path
) -> None:
    for number in range(3):
        draw(f"{number}.jpg", number)
    run(catalogue, photos)
    photos.rename(tmp_path / "elsewhere")
    report = run(catalogue, photos)
    assert (report.available, len(report.missing)) == (False, 3)
    catalogue.folders.relocate(catalogue.folders.all()[0].id, tmp_path / "elsewhere")
    report = sync(catalogue, catalogue.folders.all()[0].id)
    assert len(report.returned) == 3
    assert (report.new, report.missing, report.changed) == ([], [], [])


def test_photos_below_a_folder_that_cannot_be_listed_are_not_missing(
    catalogue: Catalogue, photos: Path, draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("closed/a.jpg", 1)
    draw("open/b.jpg", 2)
    run(catalogue, photos)
    scandir = os.scandir

    def failing(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    shutil.copy2(photos / "closed" / "a.jpg", photos / "open" / "copy.jpg")
    monkeypatch.setattr(os, "scandir", failing)
    report = run(catalogue, photos)
    assert [problem.path for problem in report.problems] == ["closed"]
    assert report.missing == []
    assert report.moved == []
    assert len(report.new) == 1


def test_names_that_are_no_text_are_kept(catalogue: Catalogue, photos: Path, draw) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    path = draw("a.jpg")
    try:
        path.rename(photos / name)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (image_id,) = run(catalogue, photos).new
    assert catalogue.images.paths([image_id])[0].is_file()
    assert run(catalogue, photos).unchanged == 1


def test_a_stopped_sync_keeps_what_it_did_and_is_finished_by_the_next(
    catalogue: Catalogue, photos: Path, draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By name: the package's attribute "sync" is the function.
    module = importlib.import_module("lmpt_desktop.ingest.sync")
    monkeypatch.setattr(module, "BATCH_FILES", 4)
    for number in range(20):
        draw(f"{number:02d}.jpg", number)
    folder = catalogue.folders.add(photos)
    commits: list[int] = []
    report = sync(
        catalogue,
        folder.id,
        should_stop=lambda: len(commits) >= 2,
        on_commit=lambda: commits.append(1),
    )
    assert report.stopped
    assert 0 < len(report.new) < 20
    assert len(catalogue.images.table()) == len(report.new)
    assert len(report.new) + len(run(catalogue, photos).new) == 20


def test_progress_reports_done_and_total(catalogue: Catalogue, photos: Path, draw) -> None:
    for number in range(5):
        draw(f"{number}.jpg", number)
    seen: list[SyncProgress] = []
    sync(catalogue, catalogue.folders.add(photos).id, seen.append)
    assert seen[0].phase is SyncPhase.LISTING
    assert seen[-1] == SyncProgress(SyncPhase.READING, 5, 5)


def test_the_real_photos_are_all_readable(catalogue: Catalogue) -> None:
    default = Path(__file__).parents[3].parent / "shared"
    shared = Path(os.environ.get("LMPT_SHARED", default)) / "photos"
    if not shared.is_dir():
        pytest.skip(f"no shared test photos at {shared}")
    report = run(catalogue, shared)
    assert len(report.new) >= 200
    assert report.unreadable == report.problems == []
    assert run(catalogue, shared).unchanged == len(report.new)


@pytest.mark.parametrize(
    "reason", ["The file is no longer there.", "You do not have permission to read this file."]
)
def test_a_photo_the_encoder_could_not_reach_is_tried_again_though_unchanged(
    catalogue: Catalogue, photos: Path, draw, reason: str
) -> None:
    draw("a.jpg")
    (image_id,) = run(catalogue, photos).new
    catalogue.images.mark_unreadable(image_id, reason)
    assert run(catalogue, photos).changed == [image_id]
    assert state(catalogue, image_id) is ImageState.OK
    assert catalogue.features.missing("lite").tolist() == [image_id]


def test_a_photo_that_went_away_with_its_disk_while_being_encoded_comes_back_readable(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a.jpg")
    (image_id,) = run(catalogue, photos).new
    dog = catalogue.classes.add("dog")
    catalogue.annotations.apply([Change(image_id, dog.id, 1)])
    photos.rename(photos.with_name("unplugged"))
    catalogue.images.mark_unreadable(image_id, "The file is no longer there.")
    assert run(catalogue, photos).missing == [image_id]
    photos.with_name("unplugged").rename(photos)
    assert run(catalogue, photos).returned == [image_id]
    assert state(catalogue, image_id) is ImageState.OK
    assert catalogue.annotations.matrix([image_id], [dog.id]).tolist() == [[1]]


def test_a_photo_whose_content_is_bad_is_not_read_again(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a.jpg")
    (image_id,) = run(catalogue, photos).new
    catalogue.images.mark_unreadable(image_id, "The file is damaged.")
    assert run(catalogue, photos).unchanged == 1
    assert state(catalogue, image_id) is ImageState.UNREADABLE


def test_photos_of_a_folder_that_may_not_be_listed_are_not_called_missing(
    catalogue: Catalogue, photos: Path, draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.jpg")
    (image_id,) = run(catalogue, photos).new

    def refuse(_path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    report = run(catalogue, photos)
    assert report.missing == []
    assert [item.path for item in report.problems] == [""]
    assert state(catalogue, image_id) is ImageState.OK


# --------------------------------------------------------------------------------- left out


def test_photos_that_the_ignore_list_leaves_out_come_back_with_all_that_is_known_of_them(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a.jpg", seed=1)
    draw("@eaDir/b.jpg", seed=2)
    draw("no/c/d.jpg", seed=3)
    draw("a copy of b.jpg", seed=2)
    folder = catalogue.folders.add(photos)
    nothing = IgnoreList((), nomedia=False)
    sync(catalogue, folder.id, ignore=nothing)
    ids = ids_by_name(catalogue)
    annotate(catalogue, ids["@eaDir/b.jpg"], ids["no/c/d.jpg"])
    (photos / "no" / ".nomedia").touch()
    report = sync(catalogue, folder.id)
    assert report.left_out == [ids["@eaDir/b.jpg"], ids["no/c/d.jpg"]]
    assert (report.missing, report.followed, report.ignored) == ([], [], 2)
    assert set(ids_by_name(catalogue)) == {"a.jpg", "a copy of b.jpg"}
    assert [path for _, path in catalogue.images.left_out()] == ["@eaDir/b.jpg", "no/c/d.jpg"]
    again = sync(catalogue, folder.id)
    assert (again.left_out, again.returned, again.unchanged) == ([], [], 2)
    # A scan of a part says nothing of the others.
    sync(catalogue, folder.id, scope=Scope(flat=frozenset({""})))
    back = sync(catalogue, folder.id, ignore=nothing)
    assert sorted(back.returned) == sorted(report.left_out)
    assert ids_by_name(catalogue) == ids
    assert annotated(catalogue) == {ids["@eaDir/b.jpg"], ids["no/c/d.jpg"]}


def test_a_left_out_photo_that_is_gone_is_missing_once_it_is_no_longer_left_out(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    path = draw("#recycle/a.jpg", seed=1)
    draw("b.jpg", seed=2)
    folder = catalogue.folders.add(photos)
    sync(catalogue, folder.id, ignore=IgnoreList(()))
    image_id = ids_by_name(catalogue)["#recycle/a.jpg"]
    annotate(catalogue, image_id)
    sync(catalogue, folder.id)
    path.unlink()
    assert sync(catalogue, folder.id).missing == []
    report = sync(catalogue, folder.id, ignore=IgnoreList(()))
    assert report.missing == [image_id]
    assert image_id in catalogue.images.table().ids


def test_a_left_out_photo_whose_place_another_has_taken_is_missing_with_its_verdicts(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a.jpg", seed=1)
    folder = catalogue.folders.add(photos)
    (image_id,) = sync(catalogue, folder.id).new
    annotate(catalogue, image_id)
    sync(catalogue, folder.id, ignore=IgnoreList(("*.jpg",)))
    draw("a.jpg", seed=2, size=(80, 48))
    assert sync(catalogue, folder.id).displaced == [image_id]
    assert annotated(catalogue) == {image_id}
    assert [image.id for image in catalogue.missing.all()] == [image_id]


def test_a_photo_restored_from_a_trash_that_is_left_out_is_the_same_photo(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    path = draw("#recycle/a.jpg", seed=1)
    folder = catalogue.folders.add(photos)
    sync(catalogue, folder.id, ignore=IgnoreList(()))
    (image_id,) = ids_by_name(catalogue).values()
    sync(catalogue, folder.id)
    path.rename(photos / "a.jpg")
    assert sync(catalogue, folder.id).moved == [image_id]
    assert ids_by_name(catalogue) == {"a.jpg": image_id}


def annotate(catalogue: Catalogue, *image_ids: int) -> None:
    entry = catalogue.classes.add("dog")
    catalogue.annotations.apply([Change(image_id, entry.id, 1) for image_id in image_ids])


def annotated(catalogue: Catalogue) -> set[int]:
    (entry,) = catalogue.classes.all()
    ids = catalogue.images.table().ids
    found = catalogue.annotations.matrix(ids, [entry.id])[:, 0] >= 0
    return set(ids[found].tolist())


def test_an_oddly_named_photo_that_the_ignore_list_leaves_out_is_not_missing(
    catalogue: Catalogue, photos: Path, draw
) -> None:
    draw("a.jpg", seed=1).rename(photos / "a.jpg_large")
    folder = catalogue.folders.add(photos)
    sync(catalogue, folder.id)
    image_id = ids_by_name(catalogue)["a.jpg_large"]
    report = sync(catalogue, folder.id, ignore=IgnoreList(("*.jpg_large",)))
    assert (report.left_out, report.missing, report.ignored) == ([image_id], [], 1)
    assert not report.others
