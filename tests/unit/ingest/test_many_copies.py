"""A picture that is in a library very often: the work grows with the photos, not with their pairs.

Work is counted, not timed; see :mod:`counted_work`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from counted_work import Work

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.records import ScannedFile, Source, Verdict
from lmpt_desktop.ingest import SyncReport, sync
from lmpt_desktop.ingest.scan import FoundFile
from lmpt_desktop.ingest.sync import FileReaders

FEW, MANY = 100, 300
LINEAR = 1.25
"""Per photo, of many copies and of few: pairs would make it three times as much."""


class Library:
    """A library of copies of one picture, each in a file of other bytes."""

    def __init__(self, place: Path) -> None:
        self.photos = place / "photos"
        self.catalogue = Catalogue.open(place / "library")
        self.folder = self.catalogue.folders.add(_folder(self.photos))
        self.more = self.catalogue.folders.add(_folder(place / "more"))

    def put(self, folder: Path, count: int) -> None:
        _folder(folder)
        for number in range(count):
            (folder / f"{number:04d}.jpg").touch()

    def scan(self, folder_id: int | None = None) -> SyncReport:
        return sync(self.catalogue, folder_id or self.folder.id, readers=_Here())

    def annotate(self, image_ids: list[int]) -> None:
        [first, *_] = self.catalogue.classes.all() or [self.catalogue.classes.add("dog")]
        self.catalogue.annotations.apply(
            [Change(image_id, first.id, Verdict.PRESENT) for image_id in image_ids], Source.USER
        )


class _Here(FileReaders):
    """Reads on the thread that asks."""

    def __init__(self) -> None:
        super().__init__(0)

    def begin(self, function, items):
        return lambda: [function(item) for item in items]


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(autouse=True)
def one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """All files have one picture, and none is opened."""

    def read(_folder: Path, found: FoundFile, *, sample: bool = False) -> ScannedFile:
        return ScannedFile(
            found.path,
            found.size,
            found.mtime_ns,
            fingerprint="shown",
            ctime_ns=found.ctime_ns,
            width=4,
            height=4,
            file_hash=f"file {found.path}",
            picture_hash="picture",
            sample=f"sample {found.path}",
        )

    module = importlib.import_module("lmpt_desktop.ingest.sync")
    monkeypatch.setattr(module, "inspect_file", read)
    monkeypatch.setattr(module, "PROCESSES_FROM", 10 * MANY)
    monkeypatch.setattr(module, "BATCH_FILES", 16)


Prepare = Callable[[Library, int], Callable[[], object]]


def first_scan(library: Library, count: int) -> Callable[[], object]:
    library.put(library.photos, count)
    return library.scan


def folder_renamed(library: Library, count: int) -> Callable[[], object]:
    library.put(library.photos / "before", count)
    library.scan()
    (library.photos / "before").rename(library.photos / "after")

    def act() -> None:
        assert len(library.scan().moved) == count

    return act


def renumbered(library: Library, count: int) -> Callable[[], object]:
    """No file keeps its name."""
    library.put(library.photos, count)
    library.scan()
    for path in sorted(library.photos.iterdir()):
        path.rename(path.with_name(f"n{path.name}"))

    def act() -> None:
        assert len(library.scan().moved) == count

    return act


def copied_to_another_folder(library: Library, count: int) -> Callable[[], object]:
    library.put(library.photos, count)
    library.scan()
    library.put(library.more.path, count)

    def act() -> None:
        assert len(library.scan(library.more.id).new) == count

    return act


def half_deleted(library: Library, count: int) -> Callable[[], object]:
    """And what was annotated of it goes to a copy."""
    library.put(library.photos, count)
    library.scan()
    library.annotate(library.catalogue.images.table().ids[: count // 2].tolist())
    for path in sorted(library.photos.iterdir())[: count // 2]:
        path.unlink()

    def act() -> None:
        report = library.scan()
        assert len(report.missing) == count // 2
        assert report.followed

    return act


def folder_hidden(library: Library, count: int) -> Callable[[], object]:
    """Of a folder that was removed from the library, every scan looks whether its photos are
    gone."""
    copied_to_another_folder(library, count)()
    library.catalogue.folders.remove(library.more.id)
    return library.scan


def held_out(library: Library, count: int) -> Callable[[], object]:
    first_scan(library, count)()

    def act() -> None:
        assert len(library.catalogue.images.of_same_photos([1, 2, 3])) == count

    return act


def missing_photos(library: Library, count: int) -> Callable[[], object]:
    first_scan(library, count)()
    gone = library.catalogue.images.table().ids[: count // 2]
    library.catalogue.images.mark_missing(gone)

    def act() -> None:
        assert len(library.catalogue.missing.same_picture(gone.tolist())) == 4 * len(gone)

    return act


def copies(library: Library, count: int) -> Callable[[], object]:
    first_scan(library, count)()

    def act() -> None:
        assert len(library.catalogue.same_pictures.groups().image_ids) == count

    return act


@pytest.mark.parametrize(
    "prepare",
    [
        first_scan,
        folder_renamed,
        renumbered,
        copied_to_another_folder,
        half_deleted,
        folder_hidden,
        held_out,
        missing_photos,
        copies,
    ],
)
def test_the_work_grows_with_the_photos(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work()
    work.watch_sqlite(monkeypatch)
    measured: dict[int, tuple[int, int]] = {}
    for count in (FEW, MANY):
        library = Library(tmp_path / str(count))
        act = prepare(library, count)
        measured[count] = work.of(act)
        library.catalogue.close()
    for few, many in zip(measured[FEW], measured[MANY], strict=True):
        assert many / MANY <= LINEAR * few / FEW, measured
