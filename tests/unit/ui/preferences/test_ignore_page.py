"""The ignore list in the preferences: seen beforehand, then applied as a whole."""

from __future__ import annotations

from pytestqt.qtbot import QtBot
from shells import BareLibrary
from ui_libraries import Locked

from lmpt_desktop.domain.ignore_list import DEFAULT, DEFAULT_PATTERNS
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.preferences.dialog import PreferencesDialog
from lmpt_desktop.ui.preferences.ignore_page import IgnorePage
from lmpt_desktop.ui.shell.context import ShellContext

WAIT_MS = 30_000


def test_a_line_is_previewed_applied_and_taken_back(
    context: ShellContext, opened: BareLibrary, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = PreferencesDialog(context, context.dialog_parent)
    qtbot.addWidget(dialog)
    page = dialog.ignored
    assert page.field.toPlainText().splitlines() == list(DEFAULT_PATTERNS)
    assert page.nomedia.isChecked() and not page.apply_button.isEnabled()
    in_city = sum(name.startswith("city/") for name in session.snapshot().images.names)
    page.field.appendPlainText("city")
    qtbot.waitUntil(
        lambda: f"would leave out {in_city} more" in page.preview.text(), timeout=WAIT_MS
    )
    assert session.left_out.ignore_list() == DEFAULT
    with qtbot.waitSignal(page.applied, timeout=WAIT_MS):
        page.apply_button.click()
    assert session.left_out.ignore_list().patterns == (*DEFAULT_PATTERNS, "city")
    assert not page.apply_button.isEnabled()
    page.field.appendPlainText("*")
    qtbot.waitUntil(lambda: "1 line is not used" in page.preview.text(), timeout=WAIT_MS)
    assert not page.apply_button.isEnabled()
    page.defaults_button.click()
    assert page.edited == DEFAULT and page.apply_button.isEnabled()


def test_a_list_that_cannot_be_saved_can_be_applied_again(
    session: LibrarySession, locked: Locked, qtbot: QtBot
) -> None:
    failures: list[Exception] = []
    page = IgnorePage(session.left_out, failures.append)
    qtbot.addWidget(page)
    page.field.appendPlainText("city")
    with locked():
        page.apply_button.click()
        qtbot.waitUntil(lambda: bool(failures), timeout=WAIT_MS)
    assert page.apply_button.isEnabled()
    assert session.left_out.ignore_list() == DEFAULT


def test_without_a_library_there_is_nothing_to_edit(context: ShellContext, qtbot: QtBot) -> None:
    dialog = PreferencesDialog(context, context.dialog_parent)
    qtbot.addWidget(dialog)
    assert not dialog.ignored.isEnabled()
