"""What holds for the commands of all features together."""

from __future__ import annotations

import importlib
import inspect
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence
from shells import COMMANDS, RecordingWindow

import lmpt_desktop.ui
from lmpt_desktop import paths
from lmpt_desktop.ui.commands import MENUS, Command
from lmpt_desktop.ui.commands.shortcuts import RENAMED, collide
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.window.features import all_commands
from lmpt_desktop.ui.window.main_window import (
    ICON_ONLY,
    LABEL_COLLAPSE_ORDER,
    RENAMED_PAGES,
    TOOLBAR,
)

IDS = [command.id for command in COMMANDS]
PAGES = sorted({command.page for command in COMMANDS if command.page})


def in_page(page: str) -> list[Command[ShellContext]]:
    """The commands whose keys are heard on a page: its own and those of the whole window."""
    return [command for command in COMMANDS if command.page in ("", page)]


def test_ids_are_unique() -> None:
    assert [id_ for id_, count in Counter(IDS).items() if count > 1] == []


def test_every_features_commands_are_in_the_window() -> None:
    root = Path(lmpt_desktop.ui.__path__[0])
    declared = []
    for file in sorted(root.glob("*/commands.py")):
        module = importlib.import_module(f"lmpt_desktop.ui.{file.parent.name}.commands")
        declared += [command.id for command in module.COMMANDS]
    assert set(declared) <= set(IDS)
    assert len(declared) > 50


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_a_command_has_one_handler_and_conditions_that_can_be_called(
    command: Command[ShellContext],
) -> None:
    given = (object(), True) if command.checkable else (object(),)
    inspect.signature(command.run).bind(*given)
    for asked in (*command.when, command.label, command.short_label, command.checked):
        if asked is not None:
            inspect.signature(asked).bind(object())
    assert not (command.checkable or command.choice) or command.checked is not None, (
        "a check mark must be brought up to date"
    )


def test_commands_on_the_window_call_it() -> None:
    window = RecordingWindow()
    commands = {command.id: command for command in all_commands(window)}
    for command_id in ("file.open", "file.samples", "file.close", "file.quit", "help.tour"):
        commands[command_id].run(object())
    assert window.calls == ["ask_open", "open_samples", "close_library", "close", "begin_tour"]


def test_every_command_has_an_existing_menu_and_a_place_of_its_own_in_it() -> None:
    assert {command.menu for command in COMMANDS} <= {name for name, _title in MENUS}
    places = Counter(
        (command.menu, command.group, command.submenu, command.order) for command in COMMANDS
    )
    assert [place for place, count in places.items() if count > 1] == []


@pytest.mark.parametrize("menu", [name for name, _title in MENUS])
def test_no_two_mnemonics_of_a_menu_are_the_same_letter(menu: str) -> None:
    letters = Counter(
        (command.submenu, command.text[command.text.index("&") + 1].lower())
        for command in COMMANDS
        if command.menu == menu and "&" in command.text
    )
    assert [letter for letter, count in letters.items() if count > 1] == []


def test_the_toolbar_names_commands_that_exist() -> None:
    named = {*filter(None, TOOLBAR), *ICON_ONLY, *LABEL_COLLAPSE_ORDER}
    assert named <= set(IDS)
    assert {*ICON_ONLY, *LABEL_COLLAPSE_ORDER} <= set(TOOLBAR)


def test_every_page_is_opened_by_one_command() -> None:
    opened = [command.opens for command in COMMANDS if command.opens]
    assert sorted(opened) == sorted(set(opened))
    assert {*PAGES, *RENAMED_PAGES.values()} <= set(opened)
    assert not set(RENAMED_PAGES) & set(opened)


def test_keys_chosen_for_a_command_that_was_renamed_go_to_one_that_exists() -> None:
    assert set(RENAMED.values()) <= set(IDS)
    assert not set(RENAMED) & set(IDS)


@pytest.mark.parametrize("page", ["", *PAGES])
def test_declared_keys_do_not_collide_within_a_page(page: str) -> None:
    keys = [(part, command.id) for command in in_page(page) for part in command.shortcut.split()]
    assert len(keys) > 40
    assert [(one, other) for one, other in combinations(keys, 2) if collide(one[0], other[0])] == []


def test_declared_keys_are_keys_that_qt_knows() -> None:
    for command in COMMANDS:
        for part in command.shortcut.split():
            assert QKeySequence.fromString(part).toString(), (command.id, part)


def test_every_icon_is_a_file() -> None:
    icons = paths.resources_dir() / "icons"
    named = {command.icon for command in COMMANDS if command.icon}
    assert {name for name in named if not (icons / f"{name}.svg").is_file()} == set()
