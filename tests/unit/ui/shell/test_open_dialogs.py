"""One dialog of each kind at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.shell.open_dialogs import OpenDialogs


@pytest.fixture
def dialogs(qtbot: QtBot) -> Iterator[OpenDialogs]:
    made = OpenDialogs()
    yield made
    made.close_all()


@pytest.fixture
def make(qtbot: QtBot) -> Callable[[], QDialog]:
    def make() -> QDialog:
        dialog = QDialog()
        qtbot.addWidget(dialog)
        return dialog

    return make


def test_a_dialog_is_found_by_its_name_while_it_is_open(
    dialogs: OpenDialogs, make: Callable[[], QDialog]
) -> None:
    assert dialogs.find("versions") is None
    dialogs.show("versions", make)
    dialog = dialogs.find("versions")
    assert dialog is not None and dialog.isVisible()
    dialog.reject()
    assert dialogs.find("versions") is None


def test_showing_an_open_dialog_makes_no_second_one(
    dialogs: OpenDialogs, make: Callable[[], QDialog]
) -> None:
    made: list[QDialog] = []

    def counted() -> QDialog:
        made.append(make())
        return made[-1]

    dialogs.show("versions", counted)
    dialogs.show("versions", counted)
    assert len(made) == 1 and dialogs.find("versions") is made[0]
    made[0].accept()
    dialogs.show("versions", counted)
    assert len(made) == 2 and dialogs.find("versions") is made[1]


def test_a_replaced_dialog_is_closed_and_does_not_take_the_new_one_along(
    dialogs: OpenDialogs, make: Callable[[], QDialog]
) -> None:
    old, new = make(), make()
    dialogs.replace("run", old)
    dialogs.replace("run", new)
    assert not old.isVisible() and new.isVisible()
    old.done(0)
    assert dialogs.find("run") is new


def test_dialogs_are_closed_by_name_or_all_together(
    dialogs: OpenDialogs, make: Callable[[], QDialog]
) -> None:
    first, second, third = make(), make(), make()
    for name, dialog in (("a", first), ("b", second), ("c", third)):
        dialogs.replace(name, dialog)
    dialogs.close("a")
    dialogs.close("not open")
    assert [dialog.isVisible() for dialog in (first, second, third)] == [False, True, True]
    dialogs.close_all()
    assert not second.isVisible() and not third.isVisible()
    assert dialogs.find("b") is None and dialogs.find("c") is None
