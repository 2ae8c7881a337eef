"""Keys the user chooses: what is remembered, what collides, and where letters are heard."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QMainWindow, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from shells import COMMANDS, make_context

from lmpt_desktop.settings import SHORTCUTS, Settings, Storage
from lmpt_desktop.ui.commands import Command, CommandRegistry, Shortcuts
from lmpt_desktop.ui.commands.shortcuts import RENAMED, collide, is_fixed, is_plain, native
from lmpt_desktop.ui.shell.context import ShellContext

CTRL = Qt.KeyboardModifier.ControlModifier


def kept(text: str | None = None) -> Settings:
    """The computer's settings, of which ``text`` is what was kept of the shortcuts."""
    values: dict[str, object] = {} if text is None else {SHORTCUTS.key: text}
    return Settings(Storage.COMPUTER, values.get, values.__setitem__)


def again(settings: Settings, commands: Iterable[Command[ShellContext]] = COMMANDS) -> Shortcuts:
    """The shortcuts after the next start."""
    return Shortcuts(commands, kept(SHORTCUTS.serialize(settings.get(SHORTCUTS))))


def test_without_a_choice_every_command_has_its_declared_keys() -> None:
    shortcuts = Shortcuts(COMMANDS)
    for command in COMMANDS:
        assert shortcuts.keys(command.id) == tuple(command.shortcut.split())


def test_only_what_differs_is_remembered_and_read_again() -> None:
    settings = kept()
    shortcuts = Shortcuts(COMMANDS, settings)
    shortcuts.choose("file.export", ["Ctrl+Alt+E"])
    shortcuts.choose("view.grid", [])
    later = again(settings)
    assert later.keys("file.export") == ("Ctrl+Alt+E",)
    assert later.keys("view.grid") == ()
    assert not later.is_chosen("file.open")
    shortcuts.reset("file.export")
    shortcuts.reset("view.grid")
    assert settings.get(SHORTCUTS) == {}


def test_the_users_of_a_key_are_known_and_lose_it_when_it_is_taken() -> None:
    shortcuts = Shortcuts(COMMANDS)
    assert [command.id for command in shortcuts.commands_using("Ctrl+E")] == ["file.export"]
    changed: list[str] = []
    shortcuts.changed.connect(changed.append)
    shortcuts.choose("view.grid", ["Ctrl+E"])
    assert shortcuts.keys("file.export") == ()
    assert shortcuts.keys("view.grid") == ("Ctrl+E",)
    assert sorted(changed) == ["file.export", "view.grid"]
    shortcuts.reset_all()
    assert shortcuts.keys("file.export") == ("Ctrl+E",)
    assert shortcuts.keys("view.grid") == ("F2",)


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '"x"', '{"gone.command": ["X"]}', '{"file.open": 3}', "null"]
)
def test_a_damaged_file_leaves_the_declared_keys(text: str) -> None:
    assert Shortcuts(COMMANDS, kept(text)).keys("file.open") == ("Ctrl+O",)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_keys_chosen_under_an_earlier_id_are_kept(old: str, new: str) -> None:
    settings = kept(f'{{"{old}": ["Ctrl+Alt+T"]}}')
    shortcuts = Shortcuts(COMMANDS, settings)
    assert shortcuts.keys(new) == ("Ctrl+Alt+T",)
    assert [command.id for command in shortcuts.commands_using("Ctrl+Alt+T")] == [new]
    shortcuts.choose("file.open", ["Ctrl+Alt+O"])
    assert settings.get(SHORTCUTS) == {new: ["Ctrl+Alt+T"], "file.open": ["Ctrl+Alt+O"]}


def test_keys_chosen_for_reviewed_declare_the_rest_absent_as_they_did() -> None:
    shortcuts = Shortcuts(COMMANDS, kept('{"image.reviewed": ["M"]}'))
    assert shortcuts.keys("image.reviewed") == ("M",)
    assert shortcuts.keys("image.confirm") == ("R",)


def test_a_new_command_leaves_a_key_to_the_one_the_user_gave_it_to() -> None:
    # As a version without image.confirm kept it: R was taken from image.reviewed.
    settings = kept('{"image.alike": ["R"], "image.reviewed": []}')
    shortcuts = Shortcuts(COMMANDS, settings)
    assert shortcuts.keys("image.alike") == ("R",)
    assert shortcuts.keys("image.confirm") == ()
    assert [command.id for command in shortcuts.commands_using("R")] == ["image.alike"]
    shortcuts.reset("image.alike")
    assert shortcuts.keys("image.alike") == ("Ctrl+Shift+S",)


def test_the_beginning_of_a_sequence_collides_with_all_of_it() -> None:
    assert collide("Ctrl+K", "Ctrl+K, Ctrl+C")
    assert not collide("Ctrl+K, Ctrl+D", "Ctrl+K, Ctrl+C")
    assert not collide("Ctrl+K", "Ctrl+Shift+K")


def test_letters_are_plain_and_what_moves_through_lists_is_fixed() -> None:
    assert all(map(is_plain, ("P", "Shift+R", "1", "+")))
    assert not any(map(is_plain, ("F5", "Ctrl+P", "Alt+P", "Left", "")))
    assert all(map(is_fixed, ("Left", "Return", "Shift+Tab", "Space", "Esc")))
    assert not any(map(is_fixed, ("Ctrl+Left", "P", "F1")))


_KEYS = ("Ctrl+E", "Ctrl+Y", "F2", "P", "Ctrl+Alt+X", "Ctrl+K", "Ctrl+K, T", "F9")
_SOME = [
    command
    for command in COMMANDS
    if command.id in ("file.open", "help.about") or set(command.shortcut.split()) & set(_KEYS)
]
_ids = st.sampled_from([command.id for command in _SOME])
_keys = st.lists(st.sampled_from(_KEYS), max_size=2)


@given(st.lists(st.tuples(_ids, st.one_of(_keys, st.none())), max_size=12))
def test_no_two_commands_ever_share_a_key(acts: list[tuple[str, list[str] | None]]) -> None:
    settings = kept()
    shortcuts = Shortcuts(_SOME, settings)
    for command_id, keys in acts:
        if keys is None:
            shortcuts.reset(command_id)
        else:
            shortcuts.choose(command_id, keys)
        for command in _SOME:
            for part in shortcuts.keys(command.id):
                assert shortcuts.commands_using(part, other_than=command.id) == []
    ids = [command.id for command in _SOME]
    later = again(settings, _SOME)
    assert {id_: later.keys(id_) for id_ in ids} == {id_: shortcuts.keys(id_) for id_ in ids}


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    centre = QWidget()
    layout = QVBoxLayout(centre)
    for name in ("grid", "text"):
        field = QLineEdit() if name == "text" else QWidget()
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field.setObjectName(name)
        layout.addWidget(field)
    window.setCentralWidget(centre)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


@pytest.fixture
def registry(window: QMainWindow, tmp_path: Path) -> CommandRegistry:
    return make_context(window, tmp_path / "window.ini").commands


def part(window: QMainWindow, name: str) -> QWidget:
    found = window.findChild(QWidget, name)
    assert isinstance(found, QWidget)
    return found


def test_a_new_key_runs_its_command_at_once_and_is_named_everywhere(
    window: QMainWindow, registry: CommandRegistry, qtbot: QtBot
) -> None:
    heard: list[str] = []
    registry.triggered.connect(heard.append)
    registry.shortcuts.choose("file.open", ["Ctrl+Alt+N"])
    qtbot.keyClick(window, Qt.Key.Key_N, CTRL | Qt.KeyboardModifier.AltModifier)
    assert heard == ["file.open"]
    qtbot.keyClick(window, Qt.Key.Key_O, CTRL)
    assert heard == ["file.open"]
    assert native(["Ctrl+Alt+N"]) in registry.action("file.open").toolTip()
    assert registry.keys_text("file.open") == native(["Ctrl+Alt+N"])


def test_a_letter_is_heard_in_the_grid_only_and_is_text_elsewhere(
    window: QMainWindow, registry: CommandRegistry, qtbot: QtBot
) -> None:
    grid, text = part(window, "grid"), part(window, "text")
    registry.add_plain_keys(grid)
    heard: list[str] = []
    registry.triggered.connect(heard.append)
    registry.shortcuts.choose("file.open", ["N"])
    text.setFocus()
    qtbot.keyClick(text, Qt.Key.Key_N)
    assert heard == [] and isinstance(text, QLineEdit) and text.text() == "n"
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_N)
    assert heard == ["file.open"]
    registry.shortcuts.choose("file.open", ["F6"])
    text.setFocus()
    qtbot.keyClick(text, Qt.Key.Key_F6)
    assert heard == ["file.open"] * 2
    qtbot.keyClick(grid, Qt.Key.Key_N)
    assert len(heard) == 2


def test_a_view_that_is_gone_does_not_hinder_new_keys(
    registry: CommandRegistry, qtbot: QtBot
) -> None:
    place = QWidget()
    registry.add_plain_keys(place)
    place.deleteLater()
    with qtbot.waitSignal(place.destroyed):
        pass
    registry.shortcuts.choose("file.open", ["N"])
    assert registry.keys_text("file.open") == "N"
