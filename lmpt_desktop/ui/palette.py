"""The command palette and the keyboard page; both read the command table."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QIcon, QKeyEvent, QKeySequence, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.ui.commands import BY_ID, COMMANDS, MENUS, Command, CommandRegistry

MENU_NAMES = {name: title.replace("&", "") for name, title in MENUS}

EXTRA_KEYS = (
    ("Grid", "Next or previous image", "Arrow keys"),
    ("Grid", "Extend the selection", "Shift+Arrow keys"),
    ("Grid", "First or last image", "Home / End"),
    ("Grid", "A screenful up or down", "Page Up / Page Down"),
    ("Grid", "Thumbnail size", "Ctrl+Mouse wheel"),
    ("Grid", "Clear the search", "Esc"),
    ("Search field", "Search", "Enter"),
    ("Search field", "Clear the search", "Esc"),
    ("Search field", "Go to the photos", "Down"),
)
"""Keys that belong to the grid and the search field themselves, not to a command."""


def native(shortcut: str) -> str:
    """A command's shortcuts as this platform writes them."""
    return " or ".join(
        QKeySequence(part).toString(QKeySequence.SequenceFormat.NativeText)
        for part in shortcut.split()
    )


def matches(words: str, command: Command) -> bool:
    """Whether every typed word begins a word of the command or of its menu."""
    label = f"{MENU_NAMES[command.menu]} {command.submenu.replace('&', '')} {command.plain_text}"
    parts = label.lower().split()
    return all(any(part.startswith(word) for part in parts) for word in words.lower().split())


class CommandPalette(QDialog):
    """Type a few letters, press Enter."""

    def __init__(self, commands: CommandRegistry, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self._commands = commands
        self.line = QLineEdit()
        self.line.setObjectName("palette-line")
        self.line.setPlaceholderText("Find a command")
        self.line.setAccessibleName("Find a command")
        self.list = QListWidget()
        self.list.setObjectName("palette-list")
        self.list.setAccessibleName("Commands")
        blank = QPixmap(16, 16)
        blank.fill(Qt.GlobalColor.transparent)
        self._blank = QIcon(blank)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        self.resize(460, 360)
        self.line.textChanged.connect(self._fill)
        self.line.returnPressed.connect(self.run_current)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self.run_current())
        self.list.itemActivated.connect(lambda _item: self.run_current())
        self._fill("")

    def show_over(self, window: QWidget) -> None:
        """Open near the top of ``window``."""
        place = window.mapToGlobal(window.rect().center())
        self.move(
            place.x() - self.width() // 2, window.mapToGlobal(window.rect().topLeft()).y() + 60
        )
        self.show()
        self.line.setFocus()

    def run_current(self) -> None:
        """Run the chosen command."""
        item = self.list.currentItem()
        if item is not None:
            self.close()
            self._commands.action(item.data(Qt.ItemDataRole.UserRole)).trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None:
                last = self.list.count() - 1
                self.list.setCurrentRow(max(0, min(last, self.list.currentRow() + step)))
                return True
        return super().eventFilter(watched, event)

    def _fill(self, words: str) -> None:
        self.list.clear()
        for command in COMMANDS:
            action = self._commands.action(command.id)
            if not action.isEnabled() or not matches(words, command):
                continue
            keys = native(command.shortcut)
            where = MENU_NAMES[command.menu]
            text = f"{where}: {action.text().replace('&', '')}" + (f"   {keys}" if keys else "")
            item = QListWidgetItem(action.icon() if command.icon else self._blank, text)
            item.setData(Qt.ItemDataRole.UserRole, command.id)
            self.list.addItem(item)
        self.list.setCurrentRow(0)


class KeyboardPage(QDialog):
    """Every shortcut, by menu."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("keyboard")
        self.setWindowTitle("Keyboard")
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("Keyboard shortcuts")
        self.tree.setHeaderLabels(["Command", "Keys"])
        self.tree.setRootIsDecorated(False)
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        rows = [
            (MENU_NAMES[command.menu], command.plain_text, native(command.shortcut))
            for command in BY_ID.values()
            if command.shortcut
        ]
        groups: dict[str, QTreeWidgetItem] = {}
        for group, text, keys in (*rows, *EXTRA_KEYS):
            if group not in groups:
                head = QTreeWidgetItem([group, ""])
                font = head.font(0)
                font.setBold(True)
                head.setFont(0, font)
                self.tree.addTopLevelItem(head)
                groups[group] = head
            groups[group].addChild(QTreeWidgetItem([text, keys]))
        self.tree.expandAll()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tree)
        layout.addWidget(buttons)
        self.resize(480, 620)
