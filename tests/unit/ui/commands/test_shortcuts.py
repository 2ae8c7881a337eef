"""Keys the user chooses: what is remembered, what collides, and where letters are heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QMainWindow, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.commands import BY_ID, COMMANDS, CommandRegistry, Needs, Shortcuts
from lmpt_desktop.ui.commands.shortcuts import collide, is_fixed, is_plain, native


class Memory:
    def __init__(self, text: str = "") -> None:
        self.kept = {"shortcuts": text}

    def text(self, key: str, default: str = "") -> str:
        return self.kept.get(key, default)

    def put(self, key: str, value: str) -> None:
        self.kept[key] = value


def test_without_a_choice_every_command_has_its_declared_keys() -> None:
    shortcuts = Shortcuts(Memory())
    for command in COMMANDS:
        assert shortcuts.keys(command.id) == tuple(command.shortcut.split())


def test_only_what_differs_is_remembered_and_read_again() -> None:
    memory = Memory()
    shortcuts = Shortcuts(memory)
    shortcuts.choose("file.export", ["Ctrl+Alt+E"])
    shortcuts.choose("view.grid", [])
    again = Shortcuts(memory)
    assert again.keys("file.export") == ("Ctrl+Alt+E",)
    assert again.keys("view.grid") == ()
    assert not again.is_chosen("file.open")
    again.reset("file.export")
    again.reset("view.grid")
    assert memory.text("shortcuts") == "{}"


def test_a_key_in_use_says_by_whom_and_moves_when_it_is_taken() -> None:
    shortcuts = Shortcuts(Memory())
    assert [command.id for command in shortcuts.users("Ctrl+E")] == ["file.export"]
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
def test_a_damaged_memory_leaves_the_declared_keys(text: str) -> None:
    assert Shortcuts(Memory(text)).keys("file.open") == ("Ctrl+O",)


def test_the_beginning_of_a_sequence_collides_with_all_of_it() -> None:
    assert collide("Ctrl+K", "Ctrl+K, Ctrl+C")
    assert not collide("Ctrl+K, Ctrl+D", "Ctrl+K, Ctrl+C")
    assert not collide("Ctrl+K", "Ctrl+Shift+K")


def test_letters_are_plain_and_what_moves_through_lists_is_fixed() -> None:
    assert all(map(is_plain, ("P", "Shift+R", "1", "+")))
    assert not any(map(is_plain, ("F5", "Ctrl+P", "Alt+P", "Left", "")))
    assert all(map(is_fixed, ("Left", "Return", "Shift+Tab", "Space", "Esc")))
    assert not any(map(is_fixed, ("Ctrl+Left", "P", "F1")))


_ids = st.sampled_from([command.id for command in COMMANDS])
_keys = st.lists(
    st.sampled_from(["Ctrl+E", "Ctrl+Y", "F2", "P", "Ctrl+Alt+X", "Ctrl+K", "Ctrl+K, T", "F9"]),
    max_size=2,
)


@given(st.lists(st.tuples(_ids, st.one_of(_keys, st.none())), max_size=12))
def test_no_two_commands_ever_share_a_key(acts: list[tuple[str, list[str] | None]]) -> None:
    memory = Memory()
    shortcuts = Shortcuts(memory)
    for command_id, keys in acts:
        if keys is None:
            shortcuts.reset(command_id)
        else:
            shortcuts.choose(command_id, keys)
        for command in COMMANDS:
            for part in shortcuts.keys(command.id):
                assert shortcuts.users(part, besides=command.id) == []
    again = Shortcuts(memory)
    assert {id_: again.keys(id_) for id_ in BY_ID} == {id_: shortcuts.keys(id_) for id_ in BY_ID}


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


def part(window: QMainWindow, name: str) -> QWidget:
    found = window.findChild(QWidget, name)
    assert isinstance(found, QWidget)
    return found


def test_a_new_key_runs_its_command_at_once_and_is_named_everywhere(
    window: QMainWindow, qtbot: QtBot
) -> None:
    registry = CommandRegistry(window)
    registry.set_state(Needs.LIBRARY)
    heard: list[str] = []
    registry.triggered.connect(heard.append)
    registry.shortcuts.choose("file.rescan", ["Ctrl+Alt+N"])
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(window, Qt.Key.Key_N, both)
    assert heard == ["file.rescan"]
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert heard == ["file.rescan"]
    assert native(["Ctrl+Alt+N"]) in registry.action("file.rescan").toolTip()
    assert registry.keys_text("file.rescan") == native(["Ctrl+Alt+N"])


def test_a_letter_is_heard_in_the_grid_only_and_is_text_elsewhere(
    window: QMainWindow, qtbot: QtBot
) -> None:
    registry = CommandRegistry(window)
    registry.set_state(Needs.LIBRARY)
    grid, text = part(window, "grid"), part(window, "text")
    registry.add_plain_keys(grid)
    heard: list[str] = []
    registry.triggered.connect(heard.append)
    registry.shortcuts.choose("file.rescan", ["N"])
    text.setFocus()
    qtbot.keyClick(text, Qt.Key.Key_N)
    assert heard == [] and isinstance(text, QLineEdit) and text.text() == "n"
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_N)
    assert heard == ["file.rescan"]
    registry.shortcuts.choose("file.rescan", ["F6"])
    text.setFocus()
    qtbot.keyClick(text, Qt.Key.Key_F6)
    assert heard == ["file.rescan"] * 2
    qtbot.keyClick(grid, Qt.Key.Key_N)
    assert len(heard) == 2


def test_a_view_that_is_gone_does_not_hinder_new_keys(window: QMainWindow, qtbot: QtBot) -> None:
    registry = CommandRegistry(window)
    place = QWidget()
    registry.add_plain_keys(place)
    place.deleteLater()
    with qtbot.waitSignal(place.destroyed):
        pass
    registry.shortcuts.choose("file.rescan", ["N"])
    assert registry.keys_text("file.rescan") == "N"
