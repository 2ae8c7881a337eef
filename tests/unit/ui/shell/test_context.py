"""What features are given, with and without an open library."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QDialog, QPushButton
from shells import BareLibrary

from lmpt_desktop import paths
from lmpt_desktop.engine.notices import Problem
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.shell.conditions import (
    class_in_focus,
    has_classes,
    library_open,
    photos_chosen,
)
from lmpt_desktop.ui.shell.context import ShellContext


def test_without_a_library_there_is_none_to_require(context: ShellContext) -> None:
    assert context.library is None
    with pytest.raises(RuntimeError, match="no library"):
        context.require_library()


def test_features_hear_of_a_library_that_is_opened_and_closed(
    context: ShellContext, session: LibrarySession
) -> None:
    heard: list[object] = []
    context.opened.connect(heard.append)
    context.closed.connect(lambda: heard.append("closed"))
    library = BareLibrary(session)
    context.set_library(library)
    assert context.require_library() is library and heard == [library]
    context.set_library(None)
    assert heard == [library, "closed"] and context.library is None
    library.close()


def test_commands_that_need_a_library_are_enabled_while_there_is_one(
    context: ShellContext, session: LibrarySession
) -> None:
    close = context.commands.action("file.close")
    library = BareLibrary(session)
    assert not close.isEnabled()
    context.set_library(library)
    assert close.isEnabled()
    context.set_library(None)
    assert not close.isEnabled()
    library.close()


def test_dialogs_are_closed_with_their_library(
    context: ShellContext, session: LibrarySession
) -> None:
    library = BareLibrary(session)
    context.set_library(library)
    dialog = QDialog(context.dialog_parent)
    context.dialogs.replace("versions", dialog)
    context.set_library(None)
    assert not dialog.isVisible() and context.dialogs.find("versions") is None
    library.close()


def test_conditions_describe_the_open_library(
    context: ShellContext, session: LibrarySession
) -> None:
    conditions = (library_open, has_classes, photos_chosen, class_in_focus)
    assert not any(holds(context) for holds in conditions)
    library = BareLibrary(session)
    context.set_library(library)
    # Its grid is an empty widget, in which nothing can be chosen.
    assert [holds(context) for holds in conditions] == [True, True, False, False]
    session.vocabulary.set_all([])
    assert not has_classes(context)
    context.set_library(None)
    library.close()


def test_an_error_is_shown_and_leads_to_the_log(
    context: ShellContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(file_manager, "open_path", opened.append)
    note = context.report("Import failed", OSError("The disk is full."))
    assert context.notifications.shown == (note,)
    assert (note.title, note.message) == ("Import failed", "The disk is full.")
    assert "The disk is full." in caplog.text
    (button,) = [item for item in note.findChildren(QPushButton) if item.text() == "Show log"]
    button.click()
    assert opened == [paths.log_dir()]


def test_an_error_without_a_message_is_explained_all_the_same(context: ShellContext) -> None:
    context.report_failure(KeyError())
    (note,) = context.notifications.shown
    assert note.title == "Something went wrong" and "the log has the details" in note.message


def test_a_problem_of_the_session_is_shown_with_its_details(context: ShellContext) -> None:
    context.show_problem(Problem("A folder is gone", "Its photos stay.", "/photos"))
    (note,) = context.notifications.shown
    assert (note.title, note.message) == ("A folder is gone", "Its photos stay.")
    assert note.accessibleDescription() == "/photos"
