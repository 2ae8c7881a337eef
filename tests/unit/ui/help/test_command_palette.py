"""Commands found by typing."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from shells import BY_ID

from lmpt_desktop.ui.help.command_palette import CommandPalette, matches
from lmpt_desktop.ui.shell.context import ShellContext


@pytest.fixture
def palette(context: ShellContext, qtbot: QtBot) -> CommandPalette:
    made = CommandPalette(context.commands, context.dialog_parent)
    qtbot.addWidget(made)
    return made


def test_words_match_by_their_beginnings() -> None:
    assert matches("mod ret", BY_ID["model.retrain"])
    assert not matches("train", BY_ID["model.retrain"])


def test_what_was_found_is_run(palette: CommandPalette, context: ShellContext) -> None:
    heard: list[str] = []
    context.commands.triggered.connect(heard.append)
    palette.line.setText("keyb")
    assert palette.list.count() == 1
    palette.run_current()
    assert heard == ["help.keyboard"]
    assert context.dialogs.find("keyboard") is not None
    context.dialogs.close_all()


def test_a_command_that_makes_no_sense_now_is_not_offered(palette: CommandPalette) -> None:
    palette.line.setText("retrain")
    assert palette.list.count() == 0
