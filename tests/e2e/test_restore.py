"""A copy of the library is restored: where the library is damaged, and from the menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue import backups
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import RESTORE, MainWindow
from lmpt_desktop.ui.window.restore_dialog import RestoreDialog

WAIT_MS = 30_000
Launch = Callable[..., MainWindow]
Settled = Callable[[MainWindow], LibraryPage]


def _dialog(window: MainWindow, qtbot: QtBot) -> RestoreDialog:
    """The dialog, once every copy is checked and one can be restored."""
    qtbot.waitUntil(lambda: window.context.dialogs.find(RESTORE) is not None, timeout=WAIT_MS)
    dialog = window.context.dialogs.find(RESTORE)
    assert isinstance(dialog, RestoreDialog)
    qtbot.waitUntil(dialog.act.isEnabled, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: all(row.copy for row in dialog.model.rows), timeout=WAIT_MS)
    return dialog


def _restored(window: MainWindow, settled: Settled, qtbot: QtBot) -> LibraryPage:
    qtbot.waitUntil(lambda: window.page is None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    return settled(window)


def _annotated(page: LibraryPage) -> int:
    return int((page.session.snapshot().annotations >= 0).sum())


@pytest.fixture
def library(launch: Launch, settled: Settled, photos: Path) -> tuple[MainWindow, Path]:
    """An open library, whose newest copy has three annotations less than it has now."""
    window = launch(photos)
    page = settled(window)
    session = page.session
    ids, dog = page.panel.model.ids.tolist(), session.snapshot().classes[0].id
    session.annotations.annotate(ids[:2], [dog], Verdict.PRESENT)
    backups.back_up(session.library_folder / backups.CATALOGUE_NAME, backups.DAILY)
    session.annotations.annotate(ids[2:5], [dog], Verdict.ABSENT)
    return window, session.library_folder


def test_an_earlier_state_is_restored_from_the_menu_and_undone(
    library: tuple[MainWindow, Path], settled: Settled, qtbot: QtBot
) -> None:
    window, folder = library
    window.commands.trigger("file.restore")
    dialog = _dialog(window, qtbot)
    assert "3 are taken away" in dialog.preview.text()
    assert "5 annotations" in dialog.preview.text()
    dialog.act.click()
    page = _restored(window, settled, qtbot)
    assert _annotated(page) == 2
    assert backups.copies(folder, backups.RESTORE)
    window.commands.trigger("file.restore")
    dialog = _dialog(window, qtbot)
    assert dialog.chosen is not None
    assert dialog.chosen.path == backups.copies(folder, backups.RESTORE)[-1].path
    assert "3 come back" in dialog.preview.text()
    assert [cell.row() for cell in dialog.table.selectionModel().selectedRows()] == [0]
    qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    assert _annotated(_restored(window, settled, qtbot)) == 5


@pytest.mark.parametrize("left", [b"", b"x", b"nothing like a database" * 100])
def test_a_damaged_library_offers_its_copies(
    library: tuple[MainWindow, Path], settled: Settled, qtbot: QtBot, left: bytes
) -> None:
    window, folder = library
    window.close_library()
    window.opener.wait()
    (folder / backups.CATALOGUE_NAME).write_bytes(left)
    window.open_library(folder)
    dialog = _dialog(window, qtbot)
    assert "is damaged" in dialog.strip.text
    assert "cannot be read" in dialog.preview.text()
    assert [row.copy.problem for row in dialog.model.rows if row.copy] == [""] * len(
        dialog.model.rows
    )
    dialog.act.click()
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    assert _annotated(settled(window)) == 2
    assert (folder / "catalogue before restore 1.sqlite").read_bytes() == left


def test_a_copy_that_is_not_sound_cannot_be_chosen(
    library: tuple[MainWindow, Path], qtbot: QtBot
) -> None:
    window, folder = library
    bad = folder / backups.FOLDER / "mine.sqlite"
    bad.write_bytes(b"<b>bold</b>" * 1000)
    window.commands.trigger("file.restore")
    dialog = _dialog(window, qtbot)
    last = len(dialog.model.rows) - 1
    assert dialog.model.rows[last].path == bad
    dialog.table.selectRow(last)
    assert not dialog.act.isEnabled()
    assert "cannot be restored" in dialog.preview.text()
    dialog.reject()
    assert window.page is not None
