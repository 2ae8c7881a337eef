"""Which keys run which command: the declared ones, until the user chooses others.

Keys are Qt portable texts ("Ctrl+Shift+P", "G, T").  Only what differs from the declaration is
stored, so a later version's better default reaches everyone who did not choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QKeyCombination, QObject, Qt, Signal
from PySide6.QtGui import QKeySequence

from lmpt_desktop.settings import SHORTCUTS, Settings
from lmpt_desktop.ui.commands.command import Command

RENAMED = {"view.dashboard": "view.long-tail", "dashboard.export": "long-tail.export"}
"""Ids that commands had in earlier versions: keys chosen then are kept."""

_FIXED = frozenset(
    {
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home,
        Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Escape,
        Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab,
        Qt.Key.Key_Space, Qt.Key.Key_Backspace, Qt.Key.Key_Delete,
    }
)  # fmt: skip
"""Keys that lists, text fields and dialogs need for themselves, unless held with Ctrl or Alt."""
_HELD = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


def combinations(keys: str) -> list[QKeyCombination]:
    """The key presses of a sequence, one after the other."""
    sequence = QKeySequence.fromString(keys)
    return [sequence[i] for i in range(sequence.count())]  # pyright: ignore[reportIndexIssue]


def native(keys: Iterable[str]) -> str:
    """Key sequences as this platform writes them, with commas between."""
    return ", ".join(
        QKeySequence.fromString(part).toString(QKeySequence.SequenceFormat.NativeText)
        for part in keys
    )


def is_plain(keys: str) -> bool:
    """Whether a sequence begins with a key that types a character.

    Such keys run a command only where no text is typed: in the grid and in lists of classes.
    """
    pressed = combinations(keys)
    if not pressed:
        return False
    first = pressed[0]
    # Function keys, arrows and their like are above the range of characters.
    return not first.keyboardModifiers() & _HELD and first.key() < Qt.Key.Key_Escape


def is_fixed(keys: str) -> bool:
    """Whether lists and dialogs could no longer be used if a command took these keys."""
    pressed = combinations(keys)
    return (
        bool(pressed)
        and not pressed[0].keyboardModifiers() & _HELD
        and (pressed[0].key() in _FIXED)
    )


def collide(one: str, other: str) -> bool:
    """Whether Qt could not tell two sequences apart: one is the beginning of the other."""
    first, second = combinations(one), combinations(other)
    shorter = min(len(first), len(second))
    return shorter > 0 and first[:shorter] == second[:shorter]


class Shortcuts(QObject):
    """The keys of every command now; emits :attr:`changed` when some change."""

    changed = Signal(str)
    """The id of a command whose keys have changed."""

    def __init__(
        self,
        commands: Iterable[Command[Any]],
        settings: Settings | None = None,
        parent: QObject | None = None,
    ) -> None:
        """``settings`` None: choices last as long as this object."""
        super().__init__(parent)
        self._commands: Mapping[str, Command[Any]] = {item.id: item for item in commands}
        self._settings = settings
        self._chosen = self._read()

    def keys(self, command_id: str) -> tuple[str, ...]:
        """The keys that run a command, the main one first."""
        chosen = self._chosen.get(command_id)
        return self.declared(command_id) if chosen is None else chosen

    def declared(self, command_id: str) -> tuple[str, ...]:
        """The keys a command has unless the user chooses others."""
        return tuple(self._commands[command_id].shortcut.split())

    def is_chosen(self, command_id: str) -> bool:
        """Whether the user chose the keys of this command."""
        return command_id in self._chosen

    def users(self, keys: str, other_than: str = "") -> list[Command[Any]]:
        """The commands that these keys, or the beginning of them, run now."""
        return [
            command
            for command in self._commands.values()
            if command.id != other_than and any(collide(keys, own) for own in self.keys(command.id))
        ]

    def choose(self, command_id: str, keys: Iterable[str]) -> None:
        """Run a command by these keys from now on; no keys at all is a choice, too.

        Commands that these keys ran lose them: two would cancel each other out.
        """
        wanted = tuple(dict.fromkeys(part for part in keys if part))
        changed = [command_id]
        for part in wanted:
            for other in self.users(part, other_than=command_id):
                left = tuple(own for own in self.keys(other.id) if not collide(part, own))
                self._put(other.id, left)
                changed.append(other.id)
        self._put(command_id, wanted)
        self._write()
        for name in dict.fromkeys(changed):
            self.changed.emit(name)

    def reset(self, command_id: str) -> None:
        """Back to the declared keys; a command that has them now loses them."""
        self.choose(command_id, self.declared(command_id))

    def reset_all(self) -> None:
        """Every command has its declared keys again."""
        before = list(self._chosen)
        self._chosen.clear()
        self._write()
        for name in before:
            self.changed.emit(name)

    def _put(self, command_id: str, keys: tuple[str, ...]) -> None:
        if keys == self.declared(command_id):
            self._chosen.pop(command_id, None)
        else:
            self._chosen[command_id] = keys

    def _read(self) -> dict[str, tuple[str, ...]]:
        if self._settings is None:
            return {}
        chosen = self._settings.get(SHORTCUTS)
        named = {RENAMED.get(name, name): keys for name, keys in chosen.items()}
        # Commands that only another version of the app has, and keys that no keyboard has, are
        # left out.
        return {
            name: tuple(part for part in keys if combinations(part))
            for name, keys in named.items()
            if name in self._commands
        }

    def _write(self) -> None:
        if self._settings is not None:
            self._settings.set(SHORTCUTS, {name: list(keys) for name, keys in self._chosen.items()})
