"""A library of the version before: its photos are known by a sample of their bytes until they are
read again, and their verdicts are as safe as any."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from annotated_library import AnnotatedLibrary, read_completely
from catalogue_0003 import write_third_catalogue
from photo_bytes import METADATA, picture, written
from PIL import Image

from lmpt_desktop.domain.records import ImageState

KINDS = (".jpg", ".png", ".webp", ".tif", ".bmp")
Migrated = Callable[..., AnnotatedLibrary]


@pytest.fixture
def paths(photos: Path) -> list[Path]:
    """Small photos of every kind, and a large uncompressed one."""
    made = []
    for number, kind in enumerate(KINDS):
        path = photos / "trip" / f"{number}{kind}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(written(picture(number), kind))
        made.append(path)
    large = photos / "trip" / "large.bmp"
    large.write_bytes(written(picture(20, side=500), ".bmp"))
    return [*made, large]


@pytest.fixture
def migrated(tmp_path: Path, photos: Path, paths: list[Path]) -> Iterator[Migrated]:
    """``migrated(read=False)``: the library of before, opened now; with ``read`` every photo was
    read again for its hashes."""
    opened: list[AnnotatedLibrary] = []
    write_third_catalogue(tmp_path / "library", photos, paths)

    def make(*, read: bool = False) -> AnnotatedLibrary:
        library = AnnotatedLibrary(tmp_path / "library", photos)
        opened.append(library)
        if read:
            library.scan()
            read_completely(library.catalogue)
        return library

    yield make
    for library in opened:
        library.close()


def own(paths: list[Path], places: list[Path] | None = None) -> dict[Path, str]:
    return {place: path.name for place, path in zip(places or paths, paths, strict=True)}


@pytest.mark.parametrize("read", [False, True])
def test_nothing_changes_and_nothing_is_encoded_again(
    migrated: Migrated, paths: list[Path], read: bool
) -> None:
    library = migrated(read=read)
    before = library.catalogue.images.table().fingerprints
    (report,) = library.scan()
    assert (report.new, report.missing, report.moved) == ([], [], [])
    library.assert_in_view(own(paths))
    assert library.catalogue.features.missing("lite").tolist() == []
    assert library.catalogue.images.table().fingerprints == before


@pytest.mark.parametrize("read", [False, True])
def test_photos_moved(migrated: Migrated, photos: Path, paths: list[Path], read: bool) -> None:
    """A large uncompressed one that was never read whole may have to be compared first."""
    library = migrated(read=read)
    (photos / "trip").rename(photos / "moved")
    moved = [photos / "moved" / path.name for path in paths]
    library.scan()
    sure = slice(None) if read else slice(-1)
    in_view = library.verdicts_in_view()
    assert in_view.keys() == set(moved)
    for path in moved[sure]:
        assert in_view[path] == {path.name}
    library.settle()
    found = library.verdicts_in_view()[moved[-1]]
    waiting = {name for verdicts in library.verdicts(library.missing()) for name in verdicts}
    assert found | waiting == {"large.bmp"}
    if read:
        assert library.catalogue.features.missing("lite").tolist() == []


@pytest.mark.parametrize("read", [False, True])
def test_metadata_written_in_place(migrated: Migrated, paths: list[Path], read: bool) -> None:
    library = migrated(read=read)
    for path in paths:
        for name, change in METADATA[path.suffix].items():
            if name != "orientation":  # turned, it looks different to this encoder
                path.write_bytes(change(path.read_bytes(), 5))
    library.settle()
    library.assert_in_view(own(paths))
    library.assert_waiting()
    assert not library.catalogue.images.table().edited.any()


def test_metadata_written_and_moved_after_they_were_read(
    migrated: Migrated, photos: Path, paths: list[Path]
) -> None:
    library = migrated(read=True)
    moved = []
    for path in paths:
        moved.append(path.rename(photos / f"moved {path.name}"))
        for change in METADATA[path.suffix].values():
            moved[-1].write_bytes(change(moved[-1].read_bytes(), 5))
    library.scan()
    library.assert_in_view(own(paths, moved))
    library.assert_waiting()


def test_metadata_written_and_moved_before_they_were_read(
    migrated: Migrated, photos: Path, paths: list[Path]
) -> None:
    """Nobody can know them then: what was said waits, and is on no other photo."""
    library = migrated()
    moved = []
    for path in paths[:4]:
        moved.append(path.rename(photos / f"moved {path.name}"))
        for change in METADATA[path.suffix].values():
            moved[-1].write_bytes(change(moved[-1].read_bytes(), 5))
    library.settle()
    library.assert_in_view(own(paths[4:]) | dict.fromkeys(moved, ""))
    library.assert_waiting(*(path.name for path in paths[:4]))


@pytest.mark.parametrize("read", [False, True])
def test_copied_then_removed(
    migrated: Migrated, photos: Path, paths: list[Path], read: bool
) -> None:
    library = migrated(read=read)
    shutil.copytree(photos / "trip", photos / "copy")
    library.scan()
    shutil.rmtree(photos / "trip")
    library.settle()
    library.assert_in_view(own(paths, [photos / "copy" / path.name for path in paths]))
    library.assert_waiting()


@pytest.mark.parametrize("read", [False, True])
def test_names_swapped(migrated: Migrated, paths: list[Path], read: bool) -> None:
    library = migrated(read=read)
    other = paths[0].with_name("other.jpg")
    other.write_bytes(written(picture(30), ".jpg"))
    library.scan()
    first, second = paths[0].read_bytes(), other.read_bytes()
    paths[0].write_bytes(second)
    other.write_bytes(first)
    library.settle()
    library.assert_in_view(own(paths[1:]) | {other: paths[0].name, paths[0]: ""})


@pytest.mark.parametrize("read", [False, True])
def test_another_photo_in_the_place(migrated: Migrated, paths: list[Path], read: bool) -> None:
    library = migrated(read=read)
    for path in paths:
        path.write_bytes(written(picture(40 + len(path.name)), path.suffix))
    library.scan()
    library.assert_in_view(dict.fromkeys(paths, ""))
    library.settle()
    library.assert_in_view(dict.fromkeys(paths, ""))
    library.assert_waiting(*(path.name for path in paths))


def test_a_file_that_differs_between_the_samples_is_found_out(
    migrated: Migrated, photos: Path, paths: list[Path]
) -> None:
    """Put elsewhere while the photo itself is gone: the samples agree, the files do not."""
    library = migrated()
    pixels = np.asarray(picture(20, side=500)).copy()
    pixels[130:160] = 255 - pixels[130:160]
    paths[-1].unlink()
    other = photos / "other.bmp"
    other.write_bytes(written(Image.fromarray(pixels), ".bmp"))
    library.settle()
    library.assert_in_view(own(paths[:-1]) | {other: ""})
    library.assert_waiting("large.bmp")


def test_a_photo_missing_before_the_update_returns(
    tmp_path: Path, migrated: Migrated, paths: list[Path]
) -> None:
    away = [path.rename(tmp_path / path.name) for path in paths]
    library = migrated()
    library.settle()
    library.assert_in_view({})
    library.assert_waiting(*(path.name for path in paths))
    for path, kept in zip(paths, away, strict=True):
        kept.rename(path)
    library.settle()
    library.assert_in_view(own(paths))
    assert (library.catalogue.images.table().states == ImageState.OK).all()
