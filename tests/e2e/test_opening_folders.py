"""From a folder of photos to predictions in the grid."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine.attention import Attention
from lmpt_desktop.settings import OPEN_FOLDER, FolderPlace
from lmpt_desktop.ui.library import page as page_module
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow
from trainer.bands import Band

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]


def names(page: LibraryPage) -> list[str]:
    model = page.panel.model
    return [model.cell(place).name for place in range(model.rowCount())]


def test_photos_are_found_shown_and_predicted(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    model = page.panel.model
    assert model.rowCount() == 12
    shown = {model.cell(place).name: model.cell(place) for place in range(12)}
    assert {chip.name for chip in shown["dog+person_3.jpg"].chips} == {"dog", "person"}
    assert {chip.name for chip in shown["kite_7.jpg"].chips} == {"kite"}
    assert {chip.band for chip in shown["kite_7.jpg"].chips} == {Band.TAIL}
    qtbot.waitUntil(
        lambda: page.panel.loader.pixmap(model.image_id(0), model.fingerprint(0), 320) is not None,
        timeout=WAIT_MS,
    )


def test_a_scan_makes_way_until_there_are_predictions(
    launch: Callable[..., MainWindow],
    settled: Settled,
    photos: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forever = 1e6
    expected: list[float] = []
    expect = Attention.expect

    def noted(attention: Attention, seconds: float) -> None:
        expected.append(seconds)
        expect(attention, seconds)

    monkeypatch.setattr(Attention, "expect", noted)
    monkeypatch.setattr(page_module, "PREDICTIONS_SECONDS", forever)
    page = settled(launch(photos))
    assert forever in expected
    qtbot.waitUntil(lambda: not page.session.attention.wanted, timeout=WAIT_MS)


def test_an_unreadable_file_is_listed_with_the_reason(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    place = names(page).index("empty_12.jpg")
    model = page.panel.model
    assert model.cell(place).state is ImageState.UNREADABLE
    page.grid.scrollTo(model.index(place))
    qtbot.waitUntil(
        lambda: bool(page.panel.loader.failure(model.image_id(place), model.fingerprint(place))),
        timeout=WAIT_MS,
    )
    reason = page.panel.loader.failure(model.image_id(place), model.fingerprint(place))
    assert reason.endswith(".")


def test_the_status_bar_names_backbone_and_device(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path
) -> None:
    window = launch(photos)
    settled(window)
    assert "lite" in window.status.model.text().lower()
    assert "CPU" in window.status.model.text()
    assert window.windowTitle().startswith("my photos")


def test_the_folder_tree_counts_photos_and_filters_the_grid(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    qtbot.waitUntil(lambda: page.tree.all_photos.text(1) == "12", timeout=WAIT_MS)
    root = page.tree.topLevelItem(1)
    assert root is not None
    assert (root.text(0), root.text(1)) == ("my photos", "12")
    trip = root.child(0)
    assert trip is not None
    assert (trip.text(0), trip.text(1)) == ("trip", "5")
    page.tree.setCurrentItem(trip)
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 5, timeout=WAIT_MS)
    assert page.panel.bar.count.text() == "5 of 12 photos"


def test_a_second_folder_is_added_to_the_library(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    more = tmp_path / "more photos"
    more.mkdir()
    shutil.copy(photos / "dog_1.jpg", more / "dog+cup_20.jpg")
    page.add_folders([more])
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 13, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.tree.topLevelItemCount() == 3, timeout=WAIT_MS)
    assert "1 more" in window.windowTitle()


def test_a_deleted_photo_is_shown_as_missing_after_a_rescan(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    (photos / "cup_5.jpg").unlink()
    window.commands.trigger("file.rescan")
    place = names(page).index("cup_5.jpg")
    qtbot.waitUntil(
        lambda: page.panel.model.cell(place).state is ImageState.MISSING, timeout=WAIT_MS
    )


def test_an_empty_folder_says_so_and_offers_to_add_another(
    launch: Callable[..., MainWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    window = launch(empty)
    assert window.page is not None
    page = window.page
    qtbot.waitUntil(lambda: "no photos" in page.panel.empty.sentence.text(), timeout=WAIT_MS)
    assert page.panel.empty.button.text() == "Add folder..."


def test_opening_another_folder_closes_the_open_library(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    first = settled(window)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(photos / "dog_1.jpg", other / "boat_1.jpg")
    window.settings.set(OPEN_FOLDER, FolderPlace.FRESH)
    window.open_paths([other])
    qtbot.waitUntil(lambda: window.page is not None and window.page is not first, timeout=WAIT_MS)
    page = settled(window)
    assert names(page) == ["boat_1.jpg"]
    window.open_paths([photos])
    qtbot.waitUntil(lambda: window.page is not None and window.page is not page, timeout=WAIT_MS)
    assert len(names(settled(window))) == 12


def test_a_scan_that_begins_paused_is_shown_and_can_be_resumed(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    page.set_paused(True)
    shutil.copy(photos / "dog_1.jpg", photos / "cup_21.jpg")
    window.commands.trigger("file.rescan")
    qtbot.waitUntil(window.commands.action("model.pause").isEnabled, timeout=WAIT_MS)
    assert window.status.paused
    window.commands.trigger("model.pause")
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 13, timeout=WAIT_MS)
    assert "cup_21.jpg" in names(settled(window))


def test_a_folder_without_photos_says_what_is_there_instead(
    launch: Callable[..., MainWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a.mov", "b.MOV", "c.eps", "notes.txt"):
        (folder / name).write_bytes(b"x")
    window = launch(folder)
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    page = window.page
    assert page is not None
    sentence = "3 files were left out: 2 .mov, 1 .eps."
    qtbot.waitUntil(
        lambda: page.panel.empty.sentence.text() == f"No photos were found. {sentence}",
        timeout=WAIT_MS,
    )
    qtbot.waitUntil(
        lambda: [note.message for note in window.context.notifications.shown] == [sentence],
        timeout=WAIT_MS,
    )
    root = page.tree.topLevelItem(1)
    assert root is not None and sentence in root.toolTip(0)
