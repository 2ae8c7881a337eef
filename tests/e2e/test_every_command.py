"""Every command that is enabled can be run, on each page of the real window."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from lmpt_desktop import sample_photos
from lmpt_desktop.ui.help.command_palette import CommandPalette
from lmpt_desktop.ui.kit import file_manager, theme
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.commands import page_in_front
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
ENDING = ("file.close", "file.quit")
"""Commands after which there is nothing left to try."""
SOMETIMES = {
    "model.pause",
    "model.run",
    "image.confirm-edited",
    "image.separate-edited",
    "view.regions",
    "image.stack-present",
    "image.stack-absent",
    "image.stack-unknown",
    "image.stack-toggle",
    "image.stack-select",
    "image.open-raw",
}
"""Commands that are enabled only while photos are scanned, once there was a training run, or for
edited photos, or where the backbone makes maps, or for photos of a stack or with a raw file."""


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever fails, on the window's thread or off it, is logged (pytest-qt sees the rest)."""
    yield
    failed = [item for item in caplog.get_records("call") if item.levelno >= logging.ERROR]
    assert [item.getMessage() for item in failed] == []


@pytest.fixture(autouse=True)
def opened_elsewhere(
    monkeypatch: pytest.MonkeyPatch, photos: Path, tmp_path: Path
) -> Iterator[list[Path]]:
    """Nothing waits for a user or starts another program; the paths that one was to open."""
    opened: list[Path] = []
    more = tmp_path / "more"
    more.mkdir()

    def folder(_parent: object, title: str, *_rest: object) -> str:
        return str(more) if title.startswith("Add") else ""

    def file(_parent: object, _title: str, name: str, kinds: str) -> tuple[str, str]:
        return str(tmp_path / name), kinds.split(";;", 1)[0]

    def open_path(path: Path) -> bool:
        opened.append(path)
        return True

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", folder)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", file)
    monkeypatch.setattr(QMenu, "exec", lambda *_args: None)
    monkeypatch.setattr(QMessageBox, "exec", lambda *_args: QMessageBox.StandardButton.No)
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: QMessageBox.StandardButton.No)
    monkeypatch.setattr(file_manager, "open_path", open_path)
    monkeypatch.setattr(file_manager, "reveal", open_path)
    monkeypatch.setattr(sample_photos, "copy_samples", lambda: photos)
    choice = theme.manager().choice
    yield opened
    theme.manager().apply(choice)


def clear_away(window: MainWindow) -> None:
    """Close what the last command opened over the page."""
    window.context.dialogs.close_all()
    for palette in window.findChildren(CommandPalette):
        palette.close()
    window.tour.end()


def run_all(window: MainWindow, before_each: Callable[[], object], qtbot: QtBot) -> set[str]:
    """Run each command once, as soon as it is enabled; gives the ids of those that were."""
    waiting = [item.id for item in window.commands.commands if item.id not in ENDING]
    done: set[str] = set()
    while True:
        before_each()
        enabled = (id_ for id_ in waiting if window.commands.action(id_).isEnabled())
        command_id = next(enabled, None)
        if command_id is None:
            return done
        waiting.remove(command_id)
        window.commands.trigger(command_id)
        qtbot.wait(20)
        clear_away(window)
        done.add(command_id)


def commands_of(window: MainWindow, page: str) -> set[str]:
    return {item.id for item in window.commands.commands if item.page == page}


def go_to_grid(window: MainWindow, page: LibraryPage, qtbot: QtBot) -> None:
    """The grid in front, with a photo selected and a class in focus."""
    window.commands.trigger("view.grid")
    qtbot.waitUntil(lambda: page.panel.model.rowCount() > 0, timeout=WAIT_MS)
    first = page.panel.model.image_id(0)
    page.grid.select_ids([first], first)
    page.set_focus_class(page.session.snapshot().classes[0].id)
    qtbot.waitUntil(window.commands.action("image.present").isEnabled, timeout=WAIT_MS)


def test_every_enabled_command_runs_without_a_library(
    launch: Callable[..., MainWindow],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = launch()
    # Opening a library has tests of its own, and ends the state that this one is about.
    monkeypatch.setattr(window, "open_paths", lambda *_paths: None)
    done = run_all(window, lambda: None, qtbot)
    assert {"file.open", "file.samples", "edit.preferences", "help.palette", "help.about"} <= done
    assert not done & {"file.add", "edit.undo", "image.present", "view.review", "model.retrain"}
    window.commands.trigger("file.quit")
    assert not window.isVisible()


def test_every_enabled_command_runs_in_the_grid(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
    opened_elsewhere: list[Path],
) -> None:
    window = launch(photos)
    page = settled(window)
    done = run_all(window, lambda: go_to_grid(window, page, qtbot), qtbot)
    assert commands_of(window, "") - done - set(ENDING) <= SOMETIMES
    assert not done & commands_of(window, "review")
    qtbot.waitUntil(lambda: len(opened_elsewhere) >= 3, timeout=WAIT_MS)
    settled(window)
    window.commands.trigger("file.close")
    assert window.page is None and not window.commands.action("file.close").isEnabled()


def test_every_enabled_command_runs_in_the_review_page(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    settled(window)

    def go_to_review() -> None:
        window.commands.trigger("view.review")
        review = page_in_front(window.context)
        assert review is not None

        def shown() -> bool:
            question = review.questions.current
            return question is not None and review.viewer.has_shown(question.image_id)

        qtbot.waitUntil(shown, timeout=WAIT_MS)

    done = run_all(window, go_to_review, qtbot)
    assert commands_of(window, "review") <= done
    assert {"image.present", "image.reviewed", "image.unreviewed", "edit.undo"} <= done


def test_every_enabled_command_runs_in_the_long_tail_page(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    page = settled(window)
    go_to_grid(window, page, qtbot)

    def go_to_long_tail() -> None:
        window.commands.trigger("view.long-tail")
        qtbot.waitUntil(lambda: page.pages.current == "long-tail", timeout=WAIT_MS)

    done = run_all(window, go_to_long_tail, qtbot)
    assert {"long-tail.export", "image.accept", "view.grid", "view.zoom-in"} <= done
    assert not done & {"image.present", "image.reviewed", "image.copy-path"}
