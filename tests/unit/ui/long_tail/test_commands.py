"""How the long-tail page is opened, and what it asks of the library's page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from shells import BareLibrary, show_library
from ui_libraries import DOG

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.long_tail import commands
from lmpt_desktop.ui.long_tail.page import LongTailPage
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.page_stack import GRID

WAIT_MS = 10_000


@pytest.fixture
def page(context: ShellContext, session: LibrarySession, qtbot: QtBot) -> Iterator[LongTailPage]:
    """The page, shown by its command."""
    commands.attach(context)
    library = BareLibrary(session)
    show_library(context, library, qtbot)
    context.commands.trigger("view.long-tail")
    qtbot.waitUntil(lambda: library.pages.current == commands.NAME, timeout=WAIT_MS)
    made = library.pages.built(commands.NAME)
    assert isinstance(made, LongTailPage)
    qtbot.waitUntil(lambda: made.figures is not None, timeout=WAIT_MS)
    yield made
    context.set_library(None)
    library.close()


@pytest.fixture
def opened(context: ShellContext, page: LongTailPage) -> BareLibrary:
    library = context.library
    assert isinstance(library, BareLibrary)
    return library


def test_classes_and_photos_chosen_on_it_are_shown_in_the_grid(
    page: LongTailPage, opened: BareLibrary
) -> None:
    page.class_requested.emit(DOG, None)
    page.images_requested.emit([1, 2])
    assert opened.shown == [("class", DOG, None), ("images", [1, 2])]


def test_leaving_it_goes_back_to_the_grid(page: LongTailPage, opened: BareLibrary) -> None:
    page.left.emit()
    assert opened.pages.current == GRID


def test_the_vocabulary_can_be_edited_from_it(page: LongTailPage, context: ShellContext) -> None:
    page.vocabulary_requested.emit()
    assert context.dialogs.find("vocabulary") is not None


def test_it_is_saved_where_the_user_asks(
    page: LongTailPage,
    context: ShellContext,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = str(tmp_path / "tail"), "Table (*.csv)"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: chosen)
    context.commands.trigger("long-tail.export")
    qtbot.waitUntil((tmp_path / "tail.csv").is_file, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "tail.csv" in context.status.currentMessage(), timeout=WAIT_MS)


def test_a_file_that_cannot_be_saved_is_reported(
    page: LongTailPage,
    context: ShellContext,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = str(tmp_path / "nowhere" / "tail.png"), ""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: chosen)
    context.commands.trigger("long-tail.export")
    qtbot.waitUntil(lambda: bool(context.notifications.shown), timeout=WAIT_MS)
