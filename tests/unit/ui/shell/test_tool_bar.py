"""The toolbar keeps all its buttons in a narrow window, with fewer words."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow, QToolButton
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.tool_bar import FittingToolBar
from lmpt_desktop.ui.window.main_window import ICON_ONLY, LABEL_COLLAPSE_ORDER, TOOLBAR


def test_words_go_one_by_one_as_the_window_narrows_and_come_back(
    context: ShellContext, qtbot: QtBot
) -> None:
    window, registry = context.dialog_parent, context.commands
    assert isinstance(window, QMainWindow)
    bar = FittingToolBar("Main", registry.action, ICON_ONLY, LABEL_COLLAPSE_ORDER)
    registry.add_to(bar, TOOLBAR)
    window.addToolBar(bar)
    window.show()

    def with_words() -> list[str]:
        ids = [id_ for id_ in TOOLBAR if id_]
        found = []
        for id_ in ids:
            button = bar.widgetForAction(registry.action(id_))
            assert isinstance(button, QToolButton)
            if button.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon:
                found.append(id_)
        return found

    window.resize(3000, 200)
    everything = [id_ for id_ in TOOLBAR if id_ and id_ not in ICON_ONLY]
    qtbot.waitUntil(lambda: with_words() == everything)
    whole = bar.sizeHint().width()
    window.resize(whole - 20, 200)
    qtbot.waitUntil(lambda: len(with_words()) < len(everything))
    assert LABEL_COLLAPSE_ORDER[0] not in with_words()
    assert bar.sizeHint().width() <= bar.width()
    window.resize(420, 200)
    qtbot.waitUntil(lambda: len(with_words()) < 4)
    window.resize(3000, 200)
    qtbot.waitUntil(lambda: with_words() == everything)


def test_every_button_that_may_lose_its_words_has_an_icon_and_a_tip(
    context: ShellContext,
) -> None:
    for command_id in (*LABEL_COLLAPSE_ORDER, *ICON_ONLY):
        action = context.commands.action(command_id)
        assert command_id in TOOLBAR
        assert not action.icon().isNull() and action.toolTip(), command_id
