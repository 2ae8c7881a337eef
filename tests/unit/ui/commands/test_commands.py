from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu
from pytestqt.qtbot import QtBot

from lmpt_desktop import paths
from lmpt_desktop.ui.commands import (
    BY_ID,
    COMMANDS,
    IMAGE_MENU,
    MENUS,
    TOOLBAR,
    CommandRegistry,
    Needs,
)
from lmpt_desktop.ui.help.command_palette import CommandPalette, matches
from lmpt_desktop.ui.help.keyboard import KeyboardPage


@pytest.fixture
def registry(qtbot: QtBot) -> CommandRegistry:
    window = QMainWindow()
    qtbot.addWidget(window)
    registry = CommandRegistry(window)
    registry.window_for_test = window  # type: ignore[attr-defined]
    return registry


def test_ids_and_shortcuts_are_unique() -> None:
    assert len(BY_ID) == len(COMMANDS)
    keys = Counter(part for command in COMMANDS for part in command.shortcut.split())
    assert [key for key, count in keys.items() if count > 1] == []


def test_shortcuts_are_keys_that_qt_knows() -> None:
    for command in COMMANDS:
        for part in command.shortcut.split():
            assert not QKeySequence(part).isEmpty(), command.id
            assert QKeySequence(part).toString() != "", command.id


def test_every_command_has_a_menu_and_every_icon_a_file() -> None:
    menus = {name for name, _title in MENUS}
    icons = paths.resources_dir() / "icons"
    for command in COMMANDS:
        assert command.menu in menus
        assert not command.icon or (icons / f"{command.icon}.svg").is_file(), command.icon


def test_toolbar_and_context_menu_name_commands_that_exist() -> None:
    assert set(TOOLBAR) | set(IMAGE_MENU) <= set(BY_ID) | {""}


def test_a_command_is_enabled_only_when_all_it_needs_is_so(registry: CommandRegistry) -> None:
    present = registry.action("image.present")
    assert not present.isEnabled()
    registry.set_state(Needs.LIBRARY | Needs.SELECTION)
    assert not present.isEnabled()
    registry.set_state(Needs.LIBRARY | Needs.SELECTION | Needs.CLASS)
    assert present.isEnabled()
    assert registry.action("file.open").isEnabled()
    registry.update_state(off=Needs.SELECTION)
    assert not present.isEnabled()


def test_a_handler_hears_its_command_and_a_checkable_one_its_state(
    registry: CommandRegistry,
) -> None:
    heard: list[object] = []
    registry.on("file.open", lambda: heard.append("open"))
    registry.on("view.filters", heard.append)
    registry.set_state(Needs.LIBRARY)
    registry.action("file.open").trigger()
    registry.action("view.filters").trigger()
    registry.action("view.filters").trigger()
    assert heard == ["open", True, False]


def test_showing_a_check_mark_runs_nothing(registry: CommandRegistry) -> None:
    heard: list[object] = []
    registry.on("view.folders", heard.append)
    registry.set_checked("view.folders", True)
    assert registry.action("view.folders").isChecked()
    assert heard == []


def test_the_menu_bar_holds_every_command_once(registry: CommandRegistry) -> None:
    window = QMainWindow()
    registry.fill_menu_bar(window.menuBar())

    def ids(menu: QMenu) -> list[str]:
        found = []
        for action in menu.actions():
            if isinstance(submenu := action.menu(), QMenu):
                found += ids(submenu)
            elif action.objectName():
                found.append(action.objectName())
        return found

    held = [id_ for action in window.menuBar().actions() for id_ in ids(action.menu())]  # type: ignore[arg-type]
    assert sorted(held) == sorted(BY_ID)


def test_mnemonics_within_a_menu_do_not_clash() -> None:
    for name, _title in MENUS:
        letters = Counter(
            command.text[command.text.index("&") + 1].lower()
            for command in COMMANDS
            if command.menu == name and not command.submenu and "&" in command.text
        )
        assert [letter for letter, count in letters.items() if count > 1] == [], name


def test_the_palette_finds_by_beginnings_of_words_and_runs(
    registry: CommandRegistry, qtbot: QtBot
) -> None:
    assert matches("mod ret", BY_ID["model.retrain"])
    assert not matches("train", BY_ID["model.retrain"])
    heard: list[str] = []
    registry.triggered.connect(heard.append)
    palette = CommandPalette(registry, registry.window_for_test)  # type: ignore[attr-defined]
    qtbot.addWidget(palette)
    palette.line.setText("keyb")
    assert palette.list.count() == 1
    palette.run_current()
    assert heard == ["help.keyboard"]
    palette.line.setText("retrain")
    assert palette.list.count() == 0, "a command that makes no sense now is not offered"


def test_the_keyboard_page_lists_every_shortcut(registry: CommandRegistry, qtbot: QtBot) -> None:
    page = KeyboardPage(registry, registry.window_for_test)  # type: ignore[attr-defined]
    qtbot.addWidget(page)
    groups = [page.tree.topLevelItem(i) for i in range(page.tree.topLevelItemCount())]
    children = [group.child(i) for group in groups if group for i in range(group.childCount())]
    shown = [child.text(0) for child in children if child]
    for command in COMMANDS:
        if command.shortcut:
            assert command.plain_text in shown
