"""What the cards of the tour say of keys is what the keys are."""

from __future__ import annotations

from string import Formatter

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.window.tour import KEYS, STEPS, TourCard


def placeholders(text: str) -> set[str]:
    return {name for _before, name, _format, _conversion in Formatter().parse(text) if name}


def test_every_key_in_a_text_is_that_of_a_command_with_keys(context: ShellContext) -> None:
    named = set[str]().union(*(placeholders(step.text) for step in STEPS))
    assert named == set(KEYS)
    for command_id in KEYS.values():
        assert context.commands.command(command_id).shortcut, command_id


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_card_names_the_keys_that_the_user_has_chosen(
    context: ShellContext, qtbot: QtBot, name: str
) -> None:
    window = context.dialog_parent
    assert isinstance(window, QMainWindow)
    window.resize(900, 600)
    window.show()
    qtbot.waitExposed(window)
    card = TourCard(window, context, lambda _name: QRect(10, 10, 50, 50), lambda _name: None)
    number = next(n for n, step in enumerate(STEPS) if name in placeholders(step.text))
    card.show_step(number)
    assert context.commands.keys_text(KEYS[name]).split(",")[0] in card.text.text()
    context.commands.shortcuts.choose(KEYS[name], ["Ctrl+Alt+F9"])
    card.show_step(number)
    assert "Ctrl+Alt+F9" in card.text.text()
    context.commands.shortcuts.choose(KEYS[name], [])
    card.show_step(number)
    assert "–" in card.text.text()
