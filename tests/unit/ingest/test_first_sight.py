"""Of a new folder a few photos are committed before the rest is listed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.ingest.sync import SyncPhase, SyncProgress, SyncReport, sync

Draw = Callable[..., Any]
FIRST = 3
COUNT = 12


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    # The package has functions of these names.
    sync_module, scan_module = map(
        importlib.import_module, ("lmpt_desktop.ingest.sync", "lmpt_desktop.ingest.scan")
    )
    monkeypatch.setattr(sync_module, "FIRST_FILES", FIRST)
    monkeypatch.setattr(scan_module, "BATCH_FILES", 4)


class Log:
    """What a sync does, in order."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.acts: list[str] = []
        self.names_at_first: list[str] = []

    def progress(self, progress: SyncProgress) -> None:
        self.acts.append(str(progress.phase))

    def commit(self) -> None:
        if "commit" not in self.acts:
            images = self._catalogue.images
            self.names_at_first = [path.name for path in images.paths(images.table().ids.tolist())]
        self.acts.append("commit")

    def make_way(self) -> None:
        self.acts.append("make way")

    def run(self, folder: Path, *, raw_pairs: bool = False) -> SyncReport:
        self.acts.clear()
        return sync(
            self._catalogue,
            self._catalogue.folders.add(folder).id,
            self.progress,
            on_commit=self.commit,
            raw_pairs=raw_pairs,
            make_way=self.make_way,
        )


def test_the_first_photos_are_committed_before_the_rest_is_listed(
    catalogue: Catalogue, photos: Path, draw: Draw
) -> None:
    for number in range(COUNT):
        draw(f"{number:02}.jpg", number)
    log = Log(catalogue)
    report = log.run(photos)
    assert log.names_at_first == [f"{number:02}.jpg" for number in range(FIRST)]
    last_listed = len(log.acts) - 1 - log.acts[::-1].index(str(SyncPhase.LISTING))
    assert log.acts.index("commit") < last_listed
    assert len(report.new) == len(set(report.new)) == COUNT, "each photo once"
    assert len(catalogue.images.table()) == COUNT


def test_reading_makes_way_only_once_the_first_photos_are_there(
    catalogue: Catalogue, photos: Path, draw: Draw
) -> None:
    for number in range(COUNT):
        draw(f"{number:02}.jpg", number)
    log = Log(catalogue)
    log.run(photos)
    assert log.acts.index("commit") < log.acts.index("make way")
    assert log.acts.count("make way") >= 3, "while listing, and between the others"


def test_a_folder_of_which_something_is_known_is_listed_whole_before_anything_is_read(
    catalogue: Catalogue, photos: Path, draw: Draw
) -> None:
    for number in range(COUNT):
        draw(f"{number:02}.jpg", number)
    log = Log(catalogue)
    log.run(photos)
    # Listed before its old place would be: taken for a new photo if it were read at once.
    (photos / f"{COUNT - 1:02}.jpg").rename(photos / "00 renamed.jpg")
    report = log.run(photos)
    last_listed = len(log.acts) - 1 - log.acts[::-1].index(str(SyncPhase.LISTING))
    assert last_listed < log.acts.index("commit")
    assert len(report.moved) == 1
    assert not report.new
    assert not report.missing


def test_a_raw_file_waits_until_it_is_known_what_it_belongs_to(
    catalogue: Catalogue, photos: Path, draw: Draw
) -> None:
    (photos / "0.dng").write_bytes(b"no picture")
    for number in range(COUNT):
        draw(f"{number}.jpg", number)
    log = Log(catalogue)
    report = log.run(photos, raw_pairs=True)
    assert len(log.names_at_first) == FIRST
    assert "0.dng" not in log.names_at_first
    assert len(report.new) == COUNT + 1


def test_a_scan_that_is_stopped_at_first_sight_goes_on_with_the_next(
    catalogue: Catalogue, photos: Path, draw: Draw
) -> None:
    for number in range(COUNT):
        draw(f"{number:02}.jpg", number)
    folder = catalogue.folders.add(photos).id
    commits: list[int] = []
    report = sync(
        catalogue,
        folder,
        should_stop=lambda: bool(commits),
        on_commit=lambda: commits.append(1),
    )
    assert report.stopped
    assert len(report.new) == FIRST
    rest = sync(catalogue, folder)
    assert len(rest.new) == COUNT - FIRST
    assert rest.unchanged == FIRST
