"""The toolbar keeps all its buttons in a narrow window, with fewer words."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QAction, QEnterEvent
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QMainWindow, QToolButton
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.tool_bar import FittingToolBar, Segments
from lmpt_desktop.ui.window.main_window import ICON_ONLY, LABEL_COLLAPSE_ORDER, TOOLBAR


def test_words_go_one_by_one_as_the_window_narrows_and_come_back(
    context: ShellContext, qtbot: QtBot
) -> None:
    window, registry = context.dialog_parent, context.commands
    assert isinstance(window, QMainWindow)
    bar = FittingToolBar("Main", registry.action, ICON_ONLY, LABEL_COLLAPSE_ORDER)
    registry.add_to(bar, TOOLBAR)
    bar.add_spare(spare := QLabel("Lite on this computer"))
    window.addToolBar(bar)
    window.show()

    def with_words() -> list[str]:
        found = []
        for id_ in TOOLBAR:
            button = bar.widgetForAction(registry.action(id_))
            assert isinstance(button, QToolButton)
            if button.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon:
                found.append(id_)
        return found

    window.resize(3000, 200)
    everything = [id_ for id_ in TOOLBAR if id_ not in ICON_ONLY]
    qtbot.waitUntil(lambda: with_words() == everything and spare.isVisible())
    whole = bar.sizeHint().width()
    window.resize(whole - 20, 200)
    qtbot.waitUntil(lambda: not spare.isVisible())
    assert with_words() == everything
    window.resize(bar.sizeHint().width() - 20, 200)
    qtbot.waitUntil(lambda: len(with_words()) < len(everything))
    assert LABEL_COLLAPSE_ORDER[0] not in with_words()
    assert bar.sizeHint().width() <= bar.width()
    window.resize(3000, 200)
    qtbot.waitUntil(lambda: with_words() == everything and spare.isVisible())


def test_a_segment_follows_its_command_and_is_checked_for_its_page(
    context: ShellContext, qtbot: QtBot
) -> None:
    first, second = QAction("&First"), QAction("Second")
    second.setEnabled(False)
    segments = Segments("Pages", {"one": first, "two": second})
    qtbot.addWidget(segments)
    one, two = segments.buttons["one"], segments.buttons["two"]
    assert one.property("segment") and one.text() == "First" and not two.isEnabled()
    second.setEnabled(True)
    assert two.isEnabled()
    segments.show_page("one")
    pressed: list[str] = []
    second.triggered.connect(lambda: pressed.append("two"))
    two.click()
    assert pressed == ["two"]
    assert one.isChecked() and not two.isChecked(), "its page has not come to the front"
    segments.show_page("two")
    assert two.isChecked() and not one.isChecked()
    segments.show_page("another page")
    assert not two.isChecked() and not one.isChecked()


@pytest.mark.parametrize("how", ["a dialog comes in between", "the bar is hidden"])
def test_no_button_stays_lit(context: ShellContext, qtbot: QtBot, how: str) -> None:
    window, registry = context.dialog_parent, context.commands
    assert isinstance(window, QMainWindow)
    bar = FittingToolBar("Main", registry.action, ICON_ONLY, LABEL_COLLAPSE_ORDER)
    registry.add_to(bar, TOOLBAR)
    window.addToolBar(bar)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    # Not the first one, where the mouse of the tests is.
    button = bar.widgetForAction(registry.action(TOOLBAR[-1]))
    assert button is not None
    here = QPointF(4, 4)
    QApplication.sendEvent(button, QEnterEvent(here, here, here))
    button.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    if how == "the bar is hidden":
        bar.hide()
        bar.show()
    else:
        dialog = QDialog(window)
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.activateWindow()
    qtbot.waitUntil(lambda: not button.underMouse())


def test_every_button_that_may_lose_its_words_has_an_icon_and_a_tip(
    context: ShellContext,
) -> None:
    for command_id in (*LABEL_COLLAPSE_ORDER, *ICON_ONLY):
        action = context.commands.action(command_id)
        assert command_id in TOOLBAR
        assert not action.icon().isNull() and action.toolTip(), command_id
