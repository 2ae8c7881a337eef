"""What people and their programs do with photos every day, and where the verdicts are afterwards.

Every photo has a verdict of its own before anything happens to it (:mod:`annotated_library`).
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from annotated_library import AnnotatedLibrary, finishes, write
from inode_numbers import fold_case, give_every_inode
from photo_bytes import METADATA, picture, written
from PIL import Image, ImageEnhance

from lmpt_desktop.catalogue import Change
from lmpt_desktop.domain.records import CaptionSource, ImageState, Verdict
from lmpt_desktop.ingest.scope import Scope

Take = Callable[..., list[Path]]
OpenLibrary = Callable[..., AnnotatedLibrary]
Exiftool = Callable[..., None]

LATE = 10_413_792_000
"""Seconds since the epoch: January of the year 2300."""


def names(paths: list[Path], others: list[Path] | None = None) -> dict[Path, str]:
    """Each path with the verdict of the photo of the same name (of ``others``, row by row)."""
    return {path: old.name for path, old in zip(paths, others or paths, strict=True)}


def edit(path: Path, target: Path | None = None) -> None:
    """Save an edited version: brighter, with a mark in a corner, without any metadata."""
    with Image.open(path) as image:
        edited = ImageEnhance.Brightness(image.convert("RGB")).enhance(1.1)
    width, height = edited.size
    edited.paste((255, 255, 255), (0, height - height // 10, width // 10, height))
    edited.save(target or path, quality=92)


def moved_to(folder: Path, paths: list[Path]) -> list[Path]:
    """Move files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [path.rename(folder / path.name) for path in paths]


# ------------------------------------------------------------- A: what is written into files


@pytest.mark.parametrize(
    "change",
    [
        ("-AllDates+=1",),
        ("-Rating=5", "-Subject=beach"),
        ("-Description=a dog on a beach", "-Caption-Abstract=a dog on a beach"),
        ("-n", "-Orientation=6"),
        ("-all=",),
        ("-GPSLatitude=48.1", "-GPSLongitude=11.5", "-GPSLatitudeRef=N", "-GPSLongitudeRef=E"),
    ],
    ids=["dates", "rating", "caption", "rotation", "all removed", "place"],
)
def test_what_exiftool_writes_into_jpegs_costs_no_verdict(
    take: Take, open_library: OpenLibrary, exiftool: Exiftool, change: tuple[str, ...]
) -> None:
    paths = take(5)
    exiftool("-AllDates=2019:05:04 13:22:10", *paths)
    library = open_library()
    images = library.begin()
    exiftool(*change, *paths)
    (report,) = library.scan()
    assert report.new == report.missing == []
    library.assert_in_view(names(paths))
    assert {path.name: image for path, image in library.shown().items()} == images
    assert library.missing() == []
    if change[0] == "-AllDates+=1":
        taken = library.catalogue.images.details(images[paths[0].name]).taken
        assert taken is not None
        assert taken.hour == 14


def test_a_date_shift_costs_no_feature(
    take: Take, open_library: OpenLibrary, exiftool: Exiftool
) -> None:
    """Nothing is encoded again, and no thumbnail is made again, for a date."""
    paths = take(4)
    exiftool("-AllDates=2019:05:04 13:22:10", *paths)
    library = open_library()
    library.begin()
    before = library.catalogue.images.table().fingerprints
    exiftool("-AllDates+=1", *paths)
    library.scan()
    assert library.catalogue.features.missing("lite").tolist() == []
    assert library.catalogue.images.table().fingerprints == before


@pytest.mark.parametrize("kind", [".png", ".webp", ".tif", ".heic", ".avif"])
def test_what_exiftool_writes_into_other_formats_costs_no_verdict(
    photos: Path, open_library: OpenLibrary, exiftool: Exiftool, kind: str
) -> None:
    path = photos / f"a{kind}"
    if kind == ".heic":
        heif = pytest.importorskip("pillow_heif")
        heif.from_pillow(picture(1, side=64)).save(path)
    elif kind == ".avif" and not Image.registered_extensions().get(".avif"):
        pytest.skip("this Pillow writes no AVIF")
    else:
        path.write_bytes(written(picture(1, side=64), kind))
    exiftool("-EXIF:DateTimeOriginal=2019:05:04 13:22:10", path)
    library = open_library()
    images = library.begin()
    for change in (
        "-EXIF:DateTimeOriginal=2020:06:05 14:00:00",
        "-XMP:Rating=5",
        "-XMP:Description=a dog on a beach",
        "-EXIF:Artist=somebody",
    ):
        exiftool(change, path)
        library.scan()
        library.assert_in_view({path: path.name})
    assert library.shown() == {path: images[path.name]}
    assert library.missing() == []


@pytest.mark.parametrize(
    ("kind", "what"), [(kind, what) for kind, found in METADATA.items() for what in found]
)
def test_metadata_written_into_the_bytes_costs_no_verdict(
    photos: Path, open_library: OpenLibrary, kind: str, what: str
) -> None:
    """Without exiftool: the compressed picture stays as it is, everything else may differ."""
    path = photos / f"a{kind}"
    change = METADATA[kind][what]
    path.write_bytes(written(picture(1), kind))
    library = open_library()
    images = library.begin()
    for number in (5, 8):
        write(path, change(path.read_bytes(), number))
        library.scan()
        library.assert_in_view({path: path.name})
    moved = path.rename(photos / f"b{kind}")
    write(moved, change(moved.read_bytes(), 11))
    library.scan()
    library.assert_in_view({moved: path.name})
    assert library.shown() == {moved: images[path.name]}


def test_rated_while_the_folder_was_away(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary, exiftool: Exiftool
) -> None:
    """Moved out of the library, seen as missing, rated in another program, moved back."""
    paths = take(4, "trip")
    library = open_library()
    images = library.begin()
    away = tmp_path / "away"
    (photos / "trip").rename(away)
    library.scan()
    library.assert_in_view({})
    library.assert_waiting(*images)
    exiftool("-Rating=5", "-Subject=beach", *sorted(away.iterdir()))
    away.rename(photos / "trip")
    library.scan()
    library.assert_in_view(names(paths))
    assert library.missing() == []


def test_rated_and_moved_back_to_another_place(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary, exiftool: Exiftool
) -> None:
    paths = take(4, "trip")
    library = open_library()
    library.begin()
    away = moved_to(tmp_path / "away", paths)
    library.scan()
    exiftool("-Rating=5", "-Subject=beach", *away)
    back = moved_to(photos / "2024" / "beach", away)
    library.scan()
    library.assert_in_view(names(back, paths))
    assert library.missing() == []


def test_caption_written_and_renamed_between_two_scans(
    photos: Path, take: Take, open_library: OpenLibrary, exiftool: Exiftool
) -> None:
    paths = take(3)
    library = open_library()
    images = library.begin()
    exiftool("-Description=a dog on a beach", "-AllDates=2001:01:01 00:00:00", *paths)
    renamed = [path.rename(photos / f"beach {n}.jpg") for n, path in enumerate(paths)]
    library.scan()
    library.assert_in_view(names(renamed, paths))
    assert library.shown() == {
        new: images[old.name] for new, old in zip(renamed, paths, strict=True)
    }
    assert library.missing() == []


def test_an_edited_version_in_the_place_of_a_deleted_photo(
    tmp_path: Path, take: Take, open_library: OpenLibrary
) -> None:
    """Deleted, seen as missing, then an edited version under the same name."""
    paths = take(3)
    library = open_library()
    library.begin()
    for path in paths:
        edit(path, tmp_path / path.name)
        path.unlink()
    library.scan()
    for path in paths:
        shutil.copyfile(tmp_path / path.name, path)
    library.scan()
    # Nobody has compared them yet: whose the verdicts are is not known.
    library.assert_in_view(dict.fromkeys(paths, ""))
    library.look()
    library.assert_in_view(names(paths))
    assert library.catalogue.images.table().edited.all()


def test_an_edit_in_place_keeps_verdicts_and_asks_for_a_look(
    take: Take, open_library: OpenLibrary
) -> None:
    edited, other = take(2)
    library = open_library()
    images = library.begin()
    library.catalogue.annotations.set_reviewed([images[edited.name]], True)
    library.catalogue.runs.add_held_out([images[edited.name]])
    edit(edited)
    library.scan()
    library.look()
    library.assert_in_view(names([edited, other]))
    shown = library.shown()
    table = library.catalogue.images.table()
    assert table.ids[table.edited].tolist() == [shown[edited]]
    assert library.catalogue.annotations.reviewed() == {shown[edited]}
    assert library.catalogue.runs.held_out() & set(shown.values()) == {shown[edited]}
    details = library.catalogue.images.details(shown[edited])
    assert details.caption == f"caption of {edited.name}"
    assert details.caption_source is CaptionSource.USER


def test_another_photo_under_the_same_name_takes_no_verdict(
    take: Take, tmp_path: Path, photos: Path, open_library: OpenLibrary
) -> None:
    """A camera whose numbers start again: not even for a moment is a verdict on its photo."""
    path, other = take(2)
    outside = other.rename(tmp_path / "other.jpg")
    library = open_library()
    library.begin()
    shutil.copyfile(outside, path)
    library.scan()
    library.assert_in_view({path: ""})
    library.assert_waiting(path.name)
    library.settle()
    library.assert_in_view({path: ""})
    library.assert_waiting(path.name)
    assert not library.catalogue.images.table().edited.any()


def test_the_photo_comes_back_after_another_had_its_name(
    take: Take, tmp_path: Path, photos: Path, open_library: OpenLibrary
) -> None:
    path, other = take(2)
    outside = other.rename(tmp_path / "other.jpg")
    kept = path.read_bytes()
    library = open_library()
    library.begin()
    shutil.copyfile(outside, path)
    library.settle()
    write(path, kept)
    library.settle()
    library.assert_in_view({path: path.name})
    elsewhere = photos / "elsewhere.jpg"
    shutil.copyfile(outside, elsewhere)
    library.settle()
    library.assert_in_view({path: path.name, elsewhere: ""})


# ------------------------------------------------------------- B: moves seen in two steps


@pytest.mark.parametrize("metadata", [False, True], ids=["as it was", "rated meanwhile"])
@pytest.mark.parametrize("back_first", [False, True], ids=["old first", "new first"])
def test_copied_to_another_folder_then_removed(  # noqa: PLR0917
    tmp_path: Path,
    photos: Path,
    take: Take,
    open_library: OpenLibrary,
    exiftool: Exiftool,
    metadata: bool,
    back_first: bool,
) -> None:
    """A move to another disk, which takes longer than a scan."""
    disk = tmp_path / "disk"
    disk.mkdir()
    paths = take(6, "trip")
    library = open_library(photos, disk)
    images = library.begin()
    library.catalogue.annotations.set_reviewed([images[paths[0].name]], True)
    library.catalogue.runs.add_held_out([images[paths[1].name]])
    order = [disk, photos] if back_first else [photos, disk]
    shutil.copytree(photos / "trip", disk / "trip")
    copies = [disk / "trip" / path.name for path in paths]
    library.scan(*order)
    library.assert_in_view(names(paths) | dict.fromkeys(copies, ""))
    if metadata:
        exiftool("-Rating=5", *copies)
        library.scan(*order)
    shutil.rmtree(photos / "trip")
    library.scan(*order)
    library.look()
    library.scan(*order)
    library.assert_in_view(names(copies, paths))
    library.assert_waiting()
    shown = library.shown()
    assert library.catalogue.annotations.reviewed() == {shown[copies[0]]}
    assert library.catalogue.runs.held_out() & set(shown.values()) == {shown[copies[1]]}
    for copy in copies:
        details = library.catalogue.images.details(shown[copy])
        assert details.caption == f"caption of {copy.name}"
        assert details.caption_source is CaptionSource.USER


def test_history_tells_that_annotations_followed_and_undo_takes_them_back(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    paths = take(6, "trip")
    library = open_library()
    library.begin()
    said = len(library.catalogue.annotations.history())
    shutil.copytree(photos / "trip", photos / "copy")
    library.scan()
    shutil.rmtree(photos / "trip")
    library.scan()
    copies = [photos / "copy" / path.name for path in paths]
    library.assert_in_view(names(copies, paths))
    history = library.catalogue.annotations.history()
    assert len(history) == said + 1
    assert history[-1].images >= 6
    assert "6" in history[-1].label
    library.catalogue.annotations.toggle_undo(history[-1].id)
    library.assert_in_view(dict.fromkeys(copies, ""))
    library.assert_waiting(*(path.name for path in paths))
    # The user has said no: it is not done again by itself.
    library.settle()
    library.assert_in_view(dict.fromkeys(copies, ""))
    library.assert_waiting(*(path.name for path in paths))


def test_verdicts_of_the_copy_and_of_the_original_are_joined(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    (path,) = take(1, "trip")
    library = open_library()
    library.begin()
    copy = photos / "copy.jpg"
    shutil.copyfile(path, copy)
    library.scan()
    also = library.catalogue.classes.add("also")
    library.catalogue.annotations.apply([Change(library.shown()[copy], also.id, Verdict.PRESENT)])
    path.unlink()
    library.scan()
    assert library.verdicts_in_view() == {copy: {path.name, "also"}}


def test_one_of_two_annotated_copies_removed(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    (path,) = take(1)
    copy = photos / "copy.jpg"
    shutil.copyfile(path, copy)
    library = open_library()
    library.begin()
    library.assert_in_view({path: path.name, copy: copy.name})
    path.unlink()
    library.settle()
    assert library.verdicts_in_view() == {copy: {path.name, "copy.jpg"}}


@pytest.mark.parametrize("other_disk", [False, True])
def test_a_folder_moved_in_steps_of_a_few_files(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary, other_disk: bool
) -> None:
    """Scans of only the parts that changed, as a watched folder asks for them."""
    paths = take(6, "trip")
    disk = tmp_path / "disk" if other_disk else photos / "disk"
    disk.mkdir()
    library = open_library(photos, disk) if other_disk else open_library()
    library.begin()
    here = Scope(flat=frozenset({"trip"}))
    for path in paths:
        shutil.copyfile(path, disk / path.name)
        if other_disk:
            library.scan(disk)
        else:
            library.scan(scope=Scope(flat=frozenset({"disk"})))
        path.unlink()
        library.scan(photos, scope=here)
    library.settle()
    library.assert_in_view(names([disk / path.name for path in paths], paths))
    library.assert_waiting()


# ------------------------------------------------------- C: changes that size and time hide


def test_a_rotation_that_changes_neither_size_nor_time(
    take: Take, open_library: OpenLibrary, exiftool: Exiftool
) -> None:
    (path,) = take(1)
    exiftool("-n", "-Orientation=1", path)
    os.utime(path, (1_700_000_000, 1_700_000_000))  # exiftool -P keeps whole seconds
    library = open_library()
    (image,) = library.begin().values()
    before = path.stat()
    was = library.catalogue.images.details(image)
    exiftool("-P", "-n", "-Orientation=6", path)
    after = path.stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    library.scan()
    now = library.catalogue.images.details(image)
    assert (now.width, now.height) == (was.height, was.width)
    assert now.fingerprint != was.fingerprint, "its thumbnail lies on its side"
    assert library.catalogue.features.missing("lite").tolist() == [image]
    library.look()
    library.assert_in_view({path: path.name})


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp"])
def test_a_damaged_file_restored_with_the_same_size_and_time(
    photos: Path, open_library: OpenLibrary, kind: str
) -> None:
    path = photos / f"a{kind}"
    path.write_bytes(written(picture(1), kind))
    library = open_library()
    (image,) = library.begin().values()
    sound, status = path.read_bytes(), path.stat()
    write(path, bytes(len(sound)), like=status)
    library.settle()
    details = library.catalogue.images.details(image)
    assert details.state is ImageState.UNREADABLE
    assert details.reason
    write(path, sound, like=status)
    library.settle()
    assert library.catalogue.images.details(image).state is ImageState.OK
    library.assert_in_view({path: path.name})


def test_a_damaged_file_replaced_by_another_photo(photos: Path, open_library: OpenLibrary) -> None:
    """What stays with the unreadable file does not go to whatever is put in its place."""
    path = photos / "a.jpg"
    sound = written(picture(1), ".jpg")
    path.write_bytes(sound)
    library = open_library()
    library.begin()
    path.write_bytes(sound[:20])
    library.settle()
    path.write_bytes(written(picture(2), ".jpg"))
    library.settle()
    library.assert_in_view({path: ""})
    library.assert_waiting("a.jpg")
    path.write_bytes(sound)
    library.settle()
    library.assert_in_view({path: "a.jpg"})


# -------------------------------------------------------------- D: what samples do not show


def uncompressed(kind: str, changed: bool) -> bytes:
    """A picture of 900 x 900; the changed one differs in a patch that no sample reads."""
    pixels = np.asarray(Image.effect_noise((900, 900), 60).convert("RGB")).copy() * 0
    pixels[:] = np.asarray(picture(1, side=900))
    if changed:
        pixels[200:260, 300:500] = 255 - pixels[200:260, 300:500]
    return written(Image.fromarray(pixels), kind)


@pytest.mark.parametrize("kind", [".bmp", ".tif", ".ppm"])
def test_pictures_that_differ_only_between_the_samples_share_nothing(
    photos: Path, open_library: OpenLibrary, kind: str
) -> None:
    first, second = photos / f"a{kind}", photos / f"b{kind}"
    first.write_bytes(uncompressed(kind, changed=False))
    library = open_library()
    library.begin()
    second.write_bytes(uncompressed(kind, changed=True))
    assert first.stat().st_size == second.stat().st_size
    library.scan()
    library.assert_in_view({first: first.name, second: ""})
    prints = library.catalogue.images.table().fingerprints
    assert prints[0] != prints[1], "they would share a thumbnail"
    # The first goes: its verdicts wait, they do not go to a file that only looks like it.
    first.unlink()
    library.settle()
    library.assert_in_view({second: ""})
    library.assert_waiting(first.name)


@pytest.mark.parametrize("kind", [".bmp", ".tif", ".ppm"])
def test_a_file_that_differs_between_the_samples_is_not_the_one_that_was_moved(
    tmp_path: Path, photos: Path, open_library: OpenLibrary, kind: str
) -> None:
    path, elsewhere = photos / f"a{kind}", photos / f"b{kind}"
    path.write_bytes(uncompressed(kind, changed=False))
    library = open_library()
    library.begin()
    path.unlink()
    elsewhere.write_bytes(uncompressed(kind, changed=True))
    library.scan()
    library.assert_in_view({elsewhere: ""})
    library.assert_waiting(path.name)
    shutil.move(elsewhere, tmp_path)
    elsewhere.write_bytes(uncompressed(kind, changed=False))
    library.scan()
    library.assert_in_view({elsewhere: path.name})


def test_a_change_between_the_samples_is_an_edit(photos: Path, open_library: OpenLibrary) -> None:
    """In place, with equal size: the feature is made again, and the photo is to be looked at."""
    path = photos / "a.bmp"
    path.write_bytes(uncompressed(".bmp", changed=False))
    library = open_library()
    library.begin()
    before = library.catalogue.images.table().fingerprints
    path.write_bytes(uncompressed(".bmp", changed=True))
    library.scan()
    table = library.catalogue.images.table()
    shown = library.shown()[path]
    assert table.fingerprints[table.ids.tolist().index(shown)] != before[0]
    assert shown in library.catalogue.features.missing("lite").tolist()
    library.look()
    library.assert_in_view({path: path.name})


# --------------------------------------------------------------------------- E: odd files


@pytest.mark.parametrize("seconds", [LATE, 0, -10_000_000_000, 2**31 + 5])
def test_a_file_with_an_odd_time_stops_no_scan(
    photos: Path, take: Take, open_library: OpenLibrary, seconds: int
) -> None:
    paths = take(4)
    try:
        os.utime(paths[1], (seconds, seconds))
    except (OSError, OverflowError):
        pytest.skip("this file system keeps no such times")
    library = open_library()
    library.begin()
    library.assert_in_view(names(paths))
    (again,) = library.scan()
    assert (again.new, again.changed, again.missing) == ([], [], [])
    moved = paths[1].rename(photos / "moved.jpg")
    library.settle()
    library.assert_in_view(names([paths[0], moved, *paths[2:]], paths))


def test_a_clock_that_goes_wrong_costs_nothing(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    paths = take(3)
    library = open_library()
    images = library.begin()
    for seconds in (LATE, 1, 4_000_000_000):
        for path in paths:
            try:
                os.utime(path, (seconds, seconds))
            except (OSError, OverflowError):
                pytest.skip("this file system keeps no such times")
        library.scan()
        library.assert_in_view(names(paths))
    assert {path.name: image for path, image in library.shown().items()} == images


def test_an_odd_time_of_a_text_file_stops_no_scan(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    (path,) = take(1)
    beside = path.with_suffix(".txt")
    beside.write_text("a dog on a beach")
    try:
        os.utime(beside, (LATE, LATE))
    except (OSError, OverflowError):
        pytest.skip("this file system keeps no such times")
    library = open_library()
    library.begin()
    library.assert_in_view({path: path.name})
    assert library.scan()[0].changed == []


@pytest.mark.parametrize("target", ["nowhere", "itself", "a folder"])
def test_a_bad_link_beside_a_photo_hides_no_photo(
    photos: Path, open_library: OpenLibrary, target: str
) -> None:
    path = photos / "cat.png"
    path.write_bytes(written(picture(1), ".png"))
    link = photos / "cat.txt"
    link.symlink_to({"nowhere": photos / "not there", "itself": link, "a folder": photos}[target])
    library = open_library()
    library.begin()
    library.assert_in_view({path: "cat.png"})
    assert library.scan()[0].changed == []


def test_a_folder_called_as_a_text_file_hides_no_photo(
    photos: Path, open_library: OpenLibrary
) -> None:
    path = photos / "cat.png"
    path.write_bytes(written(picture(1), ".png"))
    (photos / "cat.txt").mkdir()
    library = open_library()
    library.begin()
    library.assert_in_view({path: "cat.png"})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
@pytest.mark.parametrize("name", ["a.txt", "a.png.txt", "b.jpg", "linked.txt"])
def test_a_pipe_in_the_folder_is_not_waited_for(
    tmp_path: Path, photos: Path, open_library: OpenLibrary, name: str
) -> None:
    path = photos / "a.png"
    path.write_bytes(written(picture(1), ".png"))
    library = open_library()
    if name == "linked.txt":
        pipe = tmp_path / "pipe"
        (photos / "a.txt").symlink_to(pipe)
    else:
        pipe = photos / name
    os.mkfifo(pipe)
    ended = finishes(library.scan)
    if not ended:  # let it go, or the process never ends
        for _ in range(50):
            try:
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                break
    assert ended
    assert library.shown().keys() == {path}


def test_a_file_nobody_may_read_costs_only_itself(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    paths = take(3)
    library = open_library()
    library.begin()
    paths[0].chmod(0)
    if os.access(paths[0], os.R_OK):
        pytest.skip("this user may read everything")
    library.settle()
    library.assert_in_view(names(paths))
    paths[0].chmod(stat.S_IRUSR | stat.S_IWUSR)
    library.settle()
    library.assert_in_view(names(paths))
    assert (library.catalogue.images.table().states == ImageState.OK).all()


# ------------------------------------------------------------------------ F: which folder


@pytest.mark.parametrize("number", [0, 7, 2**63 + 11])
def test_photos_in_subfolders_are_found_where_inode_numbers_say_nothing(
    photos: Path,
    take: Take,
    open_library: OpenLibrary,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    paths = take(2) + take(2, "one") + take(2, "one/two") + take(2, "three")
    give_every_inode(number, monkeypatch)
    library = open_library()
    library.begin()
    library.assert_in_view(names(paths))
    moved = paths[-1].rename(photos / "one" / "renamed.jpg")
    library.settle()
    library.assert_in_view(names([*paths[:-1], moved], paths))


@pytest.mark.parametrize("number", [None, 0])
def test_links_in_a_circle_end(
    photos: Path,
    take: Take,
    open_library: OpenLibrary,
    monkeypatch: pytest.MonkeyPatch,
    number: int | None,
) -> None:
    paths = take(2) + take(2, "one")
    (photos / "one" / "up").symlink_to(photos)
    (photos / "again").symlink_to(photos / "one")
    if number is not None:
        give_every_inode(number, monkeypatch)
    library = open_library()
    assert finishes(library.scan, 60)
    library.begin()
    library.assert_in_view(names(paths))


def test_the_same_folder_given_through_a_link_lists_every_photo_once(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    paths = take(3, "trip")
    link = tmp_path / "link"
    link.symlink_to(photos)
    library = open_library(photos)
    library.begin()
    library.catalogue.folders.add(link)
    library.settle()
    assert_each_once_with_its_verdict(library, paths)


def test_a_subfolder_given_through_a_link_lists_every_photo_once(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    paths = take(3, "trip") + take(2)
    link = tmp_path / "link"
    link.symlink_to(photos / "trip")
    library = open_library(photos)
    library.begin()
    library.catalogue.folders.add(link)
    library.settle()
    assert_each_once_with_its_verdict(library, paths)


def test_the_folder_around_a_link_lists_every_photo_once(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    """First a folder by a link to it, then the folder around the real one."""
    paths = take(3, "trip") + take(2)
    link = tmp_path / "link"
    link.symlink_to(photos / "trip")
    library = open_library(link)
    library.begin()
    library.catalogue.folders.add(photos)
    library.settle()
    once = {os.path.realpath(path) for path in library.shown()}
    assert len(once) == len(library.shown()) == len(paths)
    said = library.verdicts_in_view()
    assert {path.name: found for path, found in said.items()} == {
        path.name: {path.name} if path.parent.name == "trip" else set() for path in paths
    }


def test_the_same_folder_in_another_case_lists_every_photo_once(
    photos: Path, take: Take, open_library: OpenLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk that does not tell case apart (macOS, Windows)."""
    paths = take(3, "trip")
    library = open_library(photos)
    library.begin()
    fold_case(photos.parent, monkeypatch)
    other = photos.with_name("PHOTOS")
    assert other.is_dir()
    library.catalogue.folders.add(other)
    library.settle()
    assert_each_once_with_its_verdict(library, paths)


def assert_each_once_with_its_verdict(library: AnnotatedLibrary, paths: list[Path]) -> None:
    said = library.verdicts_in_view()
    found = sorted((path.name, tuple(verdicts)) for path, verdicts in said.items())
    assert found == sorted((path.name, (path.name,)) for path in paths)


def test_a_link_to_a_folder_called_as_a_photo_is_followed(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.jpg").write_bytes(written(picture(1), ".jpg"))
    paths = take(2)
    (photos / "trip.png").symlink_to(outside)
    library = open_library()
    library.begin()
    library.assert_in_view(names([*paths, photos / "trip.png" / "a.jpg"]))


def test_a_case_only_rename_keeps_the_image(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    (path,) = take(1, "trip")
    library = open_library()
    images = library.begin()
    renamed = path.rename(path.with_name(path.name.upper().replace("IMG", "img")))
    library.scan()
    assert library.shown() == {renamed: images[path.name]}
    (photos / "trip").rename(photos / "TRIP")
    library.scan()
    assert library.shown() == {photos / "TRIP" / renamed.name: images[path.name]}


# -------------------------------------------------------------------- several at once


def test_names_that_change_round_between_folders(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    a, b = take(2)
    c = take(1)[0].rename(disk / "IMG_0002.jpg")
    library = open_library(photos, disk)
    library.begin()
    datas = [path.read_bytes() for path in (a, b, c)]
    for path, data in zip((b, c, a), datas, strict=True):
        path.write_bytes(data)
    library.settle()
    library.assert_in_view({b: a.name, c: b.name, a: c.name})
    library.assert_waiting()


def test_rotated_by_exif_renamed_and_its_name_given_to_another(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    a, b = take(2)
    library = open_library()
    library.begin()
    first = METADATA[".jpg"]["orientation"](a.read_bytes(), 5)
    second = METADATA[".jpg"]["iptc"](b.read_bytes(), 5)
    a.write_bytes(second)
    b.write_bytes(first)
    library.settle()
    library.assert_in_view({a: b.name, b: a.name})
    library.assert_waiting()


def test_the_disk_of_a_folder_taken_away_and_brought_back(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    paths = take(3)
    library = open_library()
    library.begin()
    away = photos.rename(tmp_path / "unplugged")
    library.settle()
    library.assert_in_view({})
    away.rename(photos)
    library.settle()
    library.assert_in_view(names(paths))


def test_a_folder_moved_to_another_folder_of_the_library_before_any_scan(
    tmp_path: Path, photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    paths = take(4, "trip")
    library = open_library(photos, disk)
    images = library.begin()
    (photos / "trip").rename(disk / "trip")
    library.scan(disk)
    moved = [disk / "trip" / path.name for path in paths]
    library.assert_in_view(names(moved, paths))
    assert library.shown() == {path: images[path.name] for path in moved}
    library.scan(photos)
    library.assert_in_view(names(moved, paths))


def test_an_encoder_that_failed_on_what_took_the_place_leaves_the_photo_missing(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    """It read the file while that was written, and says so after the scan."""
    (path,) = take(1)
    library = open_library()
    image_id = library.begin()[path.name]
    original = path.read_bytes()
    path.write_bytes(written(picture(900), ".jpg"))
    library.scan()
    library.catalogue.images.mark_unreadable(image_id, "This file cannot be decoded.")
    library.settle()
    library.assert_in_view({path: ""})
    library.assert_waiting(path.name)
    path.write_bytes(original)
    library.settle()
    library.assert_in_view(names([path]))
    assert (library.catalogue.images.table().states == ImageState.OK).all()


def test_scans_that_find_nothing_new_change_nothing(
    photos: Path, take: Take, open_library: OpenLibrary
) -> None:
    paths = take(5)
    shutil.copyfile(paths[0], photos / "copy.jpg")
    (photos / "broken.jpg").write_bytes(b"not a photo")
    (photos / "empty.jpg").touch()
    library = open_library()
    library.settle()
    before = library.shown()
    (report,) = library.scan()
    assert (report.new, report.changed, report.moved, report.missing) == ([], [], [], [])
    assert library.shown() == before
