"""Finds any class of the vocabulary by a part of its name and marks it present or absent."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.label import Label
from trainer.printable import isolated

MOST_SHOWN = 40
_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
"""Keys that mean something else here than elsewhere on the page."""


def matching(words: str, names: Sequence[str]) -> list[int]:
    """Indices of the names that contain every word; those that begin with the text come first."""
    parts = words.lower().split()
    whole = words.lower().strip()
    lowered = [name.lower() for name in names]
    found = [i for i, name in enumerate(lowered) if all(part in name for part in parts)]
    found.sort(key=lambda i: (not lowered[i].startswith(whole), len(lowered[i]), i))
    return found


class ClassFinder(QWidget):
    """A field and, below it, a list of the classes that match what is typed.

    The keyboard stays in the field; Up and Down move in the list.
    """

    chosen = Signal(int, bool)
    """Class id; True for present, False (Shift) for absent."""
    left = Signal()
    """The keyboard can go elsewhere."""
    found = Signal(str)
    """How many classes match, and the first of them, for screen readers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-find")
        self._classes: tuple[ClassEntry, ...] = ()
        self._names: list[str] = []
        self.line = QLineEdit()
        self.line.setObjectName("review-find-line")
        self.line.setAccessibleName(_("Find a class"))
        self.line.setAccessibleDescription(_("Enter marks it present, Shift+Enter absent"))
        self.line.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.list.setObjectName("review-find-list")
        self.list.setAccessibleName(_("Classes found"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.hide()
        self.hint = Label(_("Enter: present   Shift+Enter: absent"))
        self.hint.setProperty("role", "muted")
        self.hint.setWordWrap(True)
        self.hint.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        layout.addWidget(self.hint)
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self._choose(present=True))

    def show_key(self, key: str) -> None:
        """Show the key that leads here."""
        text = _("Find a class ({key})").format(key=key) if key else _("Find a class")
        self.line.setPlaceholderText(text)

    def set_classes(self, classes: tuple[ClassEntry, ...]) -> None:
        if classes is not self._classes:
            self._classes = classes
            self._names = [entry.name for entry in classes]
            self._fill(self.line.text())

    def start(self) -> None:
        """Take the keyboard."""
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()

    def clear(self) -> None:
        self.line.clear()

    def _fill(self, text: str) -> None:
        self.list.clear()
        found = matching(text, self._names) if text.strip() else []
        for index in found[:MOST_SHOWN]:
            item = QListWidgetItem(self._names[index])
            item.setToolTip(self._names[index])
            item.setData(Qt.ItemDataRole.UserRole, self._classes[index].id)
            self.list.addItem(item)
        if text.strip() and not found:
            item = QListWidgetItem(_("No class has this name."))
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setVisible(bool(text.strip()))
        self.hint.setVisible(bool(found))
        rows = min(max(1, self.list.count()), 6)
        self.list.setFixedHeight(rows * (self.fontMetrics().height() + 6) + 8)
        if text.strip():
            count = ngettext("{count} class", "{count} classes", len(found))
            first = f": {isolated(self._names[found[0]])}" if found else ""
            self.found.emit(count.format(count=number(len(found))) + first)

    def _choose(self, *, present: bool) -> None:
        item = self.list.currentItem()
        class_id = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        if class_id is None:
            return
        self.clear()
        self.left.emit()
        self.chosen.emit(int(class_id), present)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is not self.line or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        key = Qt.Key(event.key())
        if event.type() == QEvent.Type.ShortcutOverride and key in _KEYS:
            event.accept()  # else commands of the page would get them
            return True
        if event.type() != QEvent.Type.KeyPress or key not in _KEYS:
            return super().eventFilter(watched, event)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._choose(present=not shift)
        elif key == Qt.Key.Key_Escape:
            self.clear()
            self.left.emit()
        else:
            step = -1 if key == Qt.Key.Key_Up else 1
            row = min(max(0, self.list.currentRow() + step), self.list.count() - 1)
            self.list.setCurrentRow(row)
            item = self.list.currentItem()
            if item is not None:
                self.found.emit(item.text())
        return True
