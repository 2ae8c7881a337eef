"""The page of all keys."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from shells import COMMANDS

from lmpt_desktop.ui.help.keyboard import KeyboardPage
from lmpt_desktop.ui.shell.context import ShellContext


@pytest.fixture
def page(context: ShellContext, qtbot: QtBot) -> KeyboardPage:
    made = KeyboardPage(context.commands, context.dialog_parent)
    qtbot.addWidget(made)
    return made


def visible(page: KeyboardPage) -> list[tuple[str, str]]:
    """Command and keys of the lines that are not hidden."""
    heads = [page.tree.topLevelItem(i) for i in range(page.tree.topLevelItemCount())]
    rows = [head.child(i) for head in heads if head for i in range(head.childCount())]
    return [(row.text(0), row.text(1)) for row in rows if row and not row.isHidden()]


def test_every_shortcut_is_listed(page: KeyboardPage) -> None:
    shown = {text for text, _keys in visible(page)}
    assert {command.plain_text for command in COMMANDS if command.shortcut} <= shown


def test_it_follows_chosen_keys_and_can_be_searched(
    page: KeyboardPage, context: ShellContext
) -> None:
    context.commands.shortcuts.choose("model.versions", ["Ctrl+Alt+V"])
    page.line.setText("versions")
    keys = context.commands.keys_text("model.versions")
    assert visible(page) == [("Make versions measurable", ""), ("Versions", keys)]
    page.line.setText("xyzzy")
    assert visible(page) == [] and not page.nothing.isHidden()


def test_it_is_printed_with_every_command(page: KeyboardPage, context: ShellContext) -> None:
    context.commands.shortcuts.choose("model.versions", ["Ctrl+Alt+V"])
    text = page.document().toPlainText()
    assert context.commands.keys_text("model.versions") in text
    assert all(command.plain_text in text for command in COMMANDS)
