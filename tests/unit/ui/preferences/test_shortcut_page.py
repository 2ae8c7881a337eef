"""Preferences, Shortcuts: choosing keys, confirming what others lose, going back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from shells import BY_ID, COMMANDS

from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.preferences.shortcut_page import ShortcutPage
from lmpt_desktop.ui.shell.context import ShellContext

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def registry(context: ShellContext) -> CommandRegistry:
    return context.commands


@pytest.fixture
def page(registry: CommandRegistry, qtbot: QtBot) -> ShortcutPage:
    page = ShortcutPage(registry)
    qtbot.addWidget(page)
    page.resize(600, 500)
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    return page


def shown_keys(page: ShortcutPage) -> dict[str, str]:
    rows = [page.table.topLevelItem(i) for i in range(page.table.topLevelItemCount())]
    return {row.data(0, Qt.ItemDataRole.UserRole): row.text(2) for row in rows if row}


def test_the_table_lists_every_command_with_its_keys(
    page: ShortcutPage, registry: CommandRegistry
) -> None:
    assert shown_keys(page) == {name: registry.keys_text(name) for name in BY_ID}


def test_a_free_key_takes_effect_as_it_is_typed(
    page: ShortcutPage, registry: CommandRegistry, qtbot: QtBot
) -> None:
    page.select("model.versions")
    page.first.setFocus()
    qtbot.keyClick(page.first, Qt.Key.Key_J, CTRL)
    assert registry.action("model.versions").shortcut().toString() == "Ctrl+J"
    assert shown_keys(page)["model.versions"] == registry.keys_text("model.versions")
    assert page.reset_button.isEnabled()
    qtbot.mouseClick(page.reset_button, Qt.MouseButton.LeftButton)
    assert registry.action("model.versions").shortcut().isEmpty()
    assert not page.reset_button.isEnabled()


def test_a_key_in_use_is_pointed_out_at_once_and_moves_only_when_confirmed(
    page: ShortcutPage, registry: CommandRegistry, qtbot: QtBot
) -> None:
    page.select("model.versions")
    page.first.setFocus()
    qtbot.keyClick(page.first, Qt.Key.Key_E, CTRL)
    assert "“Export”" in page.strip.text and "File" in page.strip.text
    assert registry.shortcuts.keys("file.export") == ("Ctrl+E",)
    assert registry.shortcuts.keys("model.versions") == ()
    qtbot.mouseClick(page.strip.button, Qt.MouseButton.LeftButton)
    assert registry.shortcuts.keys("file.export") == ()
    assert registry.shortcuts.keys("model.versions") == ("Ctrl+E",)
    assert page.strip.text == ""


def test_going_to_another_command_leaves_the_question(
    page: ShortcutPage, registry: CommandRegistry, qtbot: QtBot
) -> None:
    page.select("model.versions")
    qtbot.keyClick(page.first, Qt.Key.Key_E, CTRL)
    page.select("file.open")
    assert page.strip.isHidden()
    page.use_anyway()
    assert registry.shortcuts.keys("file.export") == ("Ctrl+E",)
    page.select("model.versions")
    assert page.first.keySequence().isEmpty(), "what was not confirmed is not shown as if it held"


@pytest.mark.parametrize("key", [Qt.Key.Key_Left, Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_keys_that_lists_need_are_refused_with_a_reason(
    page: ShortcutPage, registry: CommandRegistry, qtbot: QtBot, key: Qt.Key
) -> None:
    page.select("model.versions")
    qtbot.keyClick(page.first, key)
    assert "is needed to move through lists" in page.strip.text
    assert page.strip.button.isHidden()
    assert registry.shortcuts.keys("model.versions") == ()


def test_the_key_of_a_menu_is_refused(
    page: ShortcutPage, registry: CommandRegistry, qtbot: QtBot
) -> None:
    page.select("model.versions")
    qtbot.keyClick(page.first, Qt.Key.Key_F, Qt.KeyboardModifier.AltModifier)
    assert "opens the File menu" in page.strip.text
    assert registry.shortcuts.keys("model.versions") == ()


def test_resetting_all_gives_every_command_its_own_keys_back(
    page: ShortcutPage, registry: CommandRegistry, qtbot: QtBot
) -> None:
    registry.shortcuts.choose("file.open", ["Ctrl+E"])
    registry.shortcuts.choose("view.grid", [])
    qtbot.mouseClick(page.reset_all_button, Qt.MouseButton.LeftButton)
    for command in COMMANDS:
        assert registry.shortcuts.keys(command.id) == tuple(command.shortcut.split())


def test_the_search_finds_by_name_menu_and_key(page: ShortcutPage) -> None:
    def found(words: str) -> set[str]:
        page.line.setText(words)
        rows = [page.table.topLevelItem(i) for i in range(page.table.topLevelItemCount())]
        return {row.data(0, Qt.ItemDataRole.UserRole) for row in rows if row and not row.isHidden()}

    assert found("export tags") == {"file.export-tags"}
    assert "file.export" in found("ctrl+e")
    assert found("no such thing") == set()
    assert found("") == set(BY_ID)
