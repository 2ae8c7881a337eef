"""The keys of commands: the declared ones, unless the user has chosen others.

Keys are Qt portable texts ("Ctrl+Shift+P", "G, T").  Only the user's choices are stored, so that
improved defaults of later versions take effect for everyone else.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QKeyCombination, QObject, Qt, Signal
from PySide6.QtGui import QKeySequence

from lmpt_desktop.settings import SHORTCUTS, Settings
from lmpt_desktop.ui.commands.command import Command

RENAMED = {"view.dashboard": "view.long-tail", "dashboard.export": "long-tail.export"}
"""Ids of earlier versions and those of today, so that keys chosen then are kept."""

_FIXED = frozenset(
    {
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home,
        Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Escape,
        Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab,
        Qt.Key.Key_Space, Qt.Key.Key_Backspace, Qt.Key.Key_Delete,
    }
)  # fmt: skip
"""Keys that lists, text fields and dialogs need, unless combined with Ctrl or Alt."""
_MODIFIERS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


def combinations(keys: str) -> list[QKeyCombination]:
    """The key combinations of a sequence, in order."""
    sequence = QKeySequence.fromString(keys)
    return [sequence[i] for i in range(sequence.count())]  # pyright: ignore[reportIndexIssue]


def native(keys: Iterable[str]) -> str:
    """Key sequences as this platform writes them, separated by commas."""
    return ", ".join(
        QKeySequence.fromString(part).toString(QKeySequence.SequenceFormat.NativeText)
        for part in keys
    )


@functools.lru_cache(maxsize=512)
def is_plain(keys: str) -> bool:
    """Whether a sequence begins with a key that types a character.

    Such keys run commands only where no text is typed: in the grid and in lists of classes.
    """
    pressed = combinations(keys)
    if not pressed:
        return False
    first = pressed[0]
    # Function keys, arrow keys and similar ones have codes above those of characters.
    return not first.keyboardModifiers() & _MODIFIERS and first.key() < Qt.Key.Key_Escape


@functools.lru_cache(maxsize=512)
def is_fixed(keys: str) -> bool:
    """Whether lists and dialogs would be unusable if a command had these keys."""
    pressed = combinations(keys)
    return (
        bool(pressed)
        and not pressed[0].keyboardModifiers() & _MODIFIERS
        and (pressed[0].key() in _FIXED)
    )


def collide(one: str, other: str) -> bool:
    """Whether two sequences are ambiguous: equal, or one is the beginning of the other."""
    first, second = combinations(one), combinations(other)
    shorter = min(len(first), len(second))
    return shorter > 0 and first[:shorter] == second[:shorter]


class Shortcuts(QObject):
    """The current keys of every command; emits :attr:`changed` when they change."""

    changed = Signal(str)
    """The id of a command whose keys have changed."""

    def __init__(
        self,
        commands: Iterable[Command[Any]],
        settings: Settings | None = None,
        parent: QObject | None = None,
    ) -> None:
        """``settings`` stores the choices; if None, they are lost with this object."""
        super().__init__(parent)
        self._commands: Mapping[str, Command[Any]] = {item.id: item for item in commands}
        self._settings = settings
        self._chosen = self._read()

    def keys(self, command_id: str) -> tuple[str, ...]:
        """The keys of a command, the main one first."""
        chosen = self._chosen.get(command_id)
        return self.declared(command_id) if chosen is None else chosen

    def declared(self, command_id: str) -> tuple[str, ...]:
        """The keys a command has unless the user chooses others."""
        return tuple(self._commands[command_id].shortcut.split())

    def is_chosen(self, command_id: str) -> bool:
        """Whether the user chose the keys of this command."""
        return command_id in self._chosen

    def commands_using(self, keys: str, other_than: str = "") -> list[Command[Any]]:
        """The commands with keys that are ambiguous with ``keys``."""
        return [
            command
            for command in self._commands.values()
            if command.id != other_than and any(collide(keys, own) for own in self.keys(command.id))
        ]

    def choose(self, command_id: str, keys: Iterable[str]) -> None:
        """Give a command these keys; none at all is a valid choice.

        Other commands lose ambiguous keys, because Qt would run neither.
        """
        chosen = tuple(dict.fromkeys(part for part in keys if part))
        changed = [command_id]
        for part in chosen:
            for other in self.commands_using(part, other_than=command_id):
                left = tuple(own for own in self.keys(other.id) if not collide(part, own))
                self._put(other.id, left)
                changed.append(other.id)
        self._put(command_id, chosen)
        self._write()
        for name in dict.fromkeys(changed):
            self.changed.emit(name)

    def reset(self, command_id: str) -> None:
        """Restore the declared keys; another command that has them loses them."""
        self.choose(command_id, self.declared(command_id))

    def reset_all(self) -> None:
        """Restore the declared keys of every command."""
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
        # Commands of other versions of the app, and invalid keys, are left out.
        read = {
            name: tuple(part for part in keys if combinations(part))
            for name, keys in named.items()
            if name in self._commands
        }
        # A command that is new since may have been declared with a key that the user has given to
        # another one: the user's choice stays, or Qt would run neither.
        taken = [part for keys in read.values() for part in keys]
        for name in self._commands.keys() - read.keys():
            declared = self.declared(name)
            free = tuple(own for own in declared if not any(collide(own, one) for one in taken))
            if free != declared:
                read[name] = free
        return read

    def _write(self) -> None:
        if self._settings is not None:
            self._settings.set(SHORTCUTS, {name: list(keys) for name, keys in self._chosen.items()})
