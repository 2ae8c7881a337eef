"""When commands can be run, what they are run with, and the menus they are in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar
from pytestqt.qtbot import QtBot
from shells import BY_ID, COMMANDS

from lmpt_desktop.ui.commands import Command, CommandRegistry
from lmpt_desktop.ui.shell.context import ShellContext

Make = Callable[..., CommandRegistry]


class Context:
    """What the commands of these tests act on."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.library = self.selection = self.marked = False
        self.asked: list[str] = []

    def has_library(self) -> bool:
        self.asked.append("library")
        return self.library

    def has_selection(self) -> bool:
        self.asked.append("selection")
        return self.selection


def command(id_: str, *, order: int = 0, **more: Any) -> Command[Context]:
    """A command that notes its id."""
    given = {"run": lambda c: c.heard.append(id_), "menu": "file", "group": 0} | more
    return Command(id=id_, text=id_.title(), order=order, **given)


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    made = QMainWindow()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def acted_on() -> Context:
    return Context()


@pytest.fixture
def make(window: QMainWindow, acted_on: Context) -> Make:
    """A registry of commands that act on ``acted_on``."""

    def make(*commands: Command[Context]) -> CommandRegistry:
        registry = CommandRegistry(window, commands)
        registry.connect_context(acted_on)
        return registry

    return make


def ids_in(menu: QMenu) -> list[str]:
    """The commands in a menu and its submenus; "" for a separator."""
    found = []
    for action in menu.actions():
        submenu = action.menu()
        found += ids_in(submenu) if isinstance(submenu, QMenu) else [action.objectName()]
    return found


# ------------------------------------------------------------------------------- conditions


def test_a_command_is_enabled_only_while_all_its_conditions_hold(
    make: Make, acted_on: Context
) -> None:
    registry = make(
        command("delete", when=(Context.has_library, Context.has_selection)), command("quit")
    )
    delete = registry.action("delete")
    assert registry.action("quit").isEnabled() and not delete.isEnabled()
    acted_on.library = True
    registry.refresh()
    assert not delete.isEnabled()
    acted_on.selection = True
    assert not delete.isEnabled(), "conditions are asked by refresh() alone"
    registry.refresh()
    assert delete.isEnabled()
    acted_on.library = False
    registry.refresh()
    assert not delete.isEnabled()


def test_without_a_context_nothing_is_enabled(window: QMainWindow) -> None:
    registry = CommandRegistry(window, [command("quit")])
    registry.refresh()
    assert not registry.action("quit").isEnabled()


def test_a_condition_is_asked_once_per_refresh_however_many_commands_share_it(
    make: Make, acted_on: Context
) -> None:
    acted_on.library = acted_on.selection = True
    both = (Context.has_library, Context.has_selection)
    registry = make(
        command("one", when=both), command("two", when=both), command("three", when=both[:1])
    )
    acted_on.asked.clear()
    registry.refresh()
    assert sorted(acted_on.asked) == ["library", "selection"]


def test_a_refresh_tells_qt_only_of_what_has_changed(make: Make, acted_on: Context) -> None:
    registry = make(
        command(
            "delete",
            when=(Context.has_library,),
            reason=lambda _context: "Open a library first",
            short_label=lambda context: "Remove" if context.marked else "Delete",
        )
    )
    changes: list[str] = []
    action = registry.action("delete")
    action.changed.connect(lambda: changes.append(action.iconText()))
    for _notice in range(3):
        registry.refresh()
    assert changes == []
    assert action.toolTip() == "Open a library first"
    acted_on.library = acted_on.marked = True
    registry.refresh()
    assert changes and changes[-1] == "Remove"
    assert action.toolTip() == "Delete"


def test_a_disabled_command_is_not_run(make: Make, acted_on: Context) -> None:
    registry = make(command("close", when=(Context.has_library,)))
    triggered: list[str] = []
    registry.triggered.connect(triggered.append)
    registry.trigger("close")
    assert acted_on.heard == [] and triggered == []
    acted_on.library = True
    registry.refresh()
    registry.trigger("close")
    assert acted_on.heard == ["close"] and triggered == ["close"]


def test_texts_and_check_marks_follow_the_context(make: Make, acted_on: Context) -> None:
    registry = make(
        command("undo", label=lambda c: f"Undo {len(c.heard)}"),
        command(
            "mark", checkable=True, run=lambda c, on: c.heard.append(on),
            checked=lambda c: c.marked,
        ),
    )  # fmt: skip
    assert registry.action("undo").text() == "Undo 0"
    assert not registry.action("mark").isChecked()
    acted_on.heard.append("something")
    acted_on.marked = True
    registry.refresh()
    assert registry.action("undo").text() == "Undo 1"
    assert registry.action("mark").isChecked()
    assert acted_on.heard == ["something"], "showing a check mark runs nothing"


def test_a_checkable_command_is_given_its_new_state(make: Make, acted_on: Context) -> None:
    registry = make(command("panel", checkable=True, run=lambda c, on: c.heard.append(on)))
    registry.trigger("panel")
    registry.trigger("panel")
    assert acted_on.heard == [True, False]


def test_of_the_commands_of_a_choice_one_is_checked(make: Make, acted_on: Context) -> None:
    light, dark = command("light", choice="theme"), command("dark", choice="theme", order=1)
    registry = make(light, dark)
    registry.trigger("light")
    registry.trigger("dark")
    assert acted_on.heard == ["light", "dark"]
    assert registry.action("dark").isChecked() and not registry.action("light").isChecked()


def test_two_commands_of_one_id_are_refused(window: QMainWindow) -> None:
    with pytest.raises(ValueError, match="same id"):
        CommandRegistry(window, [command("open"), command("open", order=1)])


# ------------------------------------------------------------------------------------ menus


def test_a_menu_is_sorted_by_block_and_place_whatever_order_features_come_in(make: Make) -> None:
    registry = make(
        command("quit", group=1),
        command("close", order=20),
        command("open", order=10),
        command("undo", menu="edit"),
    )
    menu = QMenu()
    registry.fill_menu(menu, "file")
    assert ids_in(menu) == ["open", "close", "", "quit"]


def test_a_toolbar_has_the_commands_named_and_separators(make: Make) -> None:
    registry = make(command("open"), command("quit"))
    bar = QToolBar()
    registry.add_to(bar, ("quit", "", "open"))
    first, second, third = bar.actions()
    assert first is registry.action("quit") and third is registry.action("open")
    assert second.isSeparator()


def test_the_menu_bar_holds_every_command_of_the_app_once(context: ShellContext) -> None:
    window = QMainWindow()
    menus = context.commands.fill_menu_bar(window.menuBar())
    held = [id_ for menu in menus.values() for id_ in ids_in(menu) if id_]
    assert sorted(held) == sorted(BY_ID)


def test_without_a_library_only_what_needs_none_is_enabled(context: ShellContext) -> None:
    def enabled(action: QAction) -> bool:
        return action.isEnabled()

    needing = {item.id for item in COMMANDS if item.when}
    assert {item.id for item in COMMANDS if not enabled(context.commands.action(item.id))} == (
        needing
    )
    assert "file.open" not in needing and "model.retrain" in needing
