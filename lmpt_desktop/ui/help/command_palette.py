"""The command palette: type a few letters of a command, press Enter."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QIcon, QKeyEvent, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.translation import _
from lmpt_desktop.ui.commands import Command, CommandRegistry, menu_names
from lmpt_desktop.ui.kit.label import Label

KEYS_ROLE = Qt.ItemDataRole.UserRole + 1
_GAP = 10


def matches(words: str, command: Command) -> bool:
    """Whether every typed word is the beginning of a word of the command or its menus."""
    submenu = _(command.submenu).replace("&", "")
    label = f"{menu_names()[command.menu]} {submenu} {command.plain_text}"
    parts = label.lower().split()
    return all(any(part.startswith(word) for part in parts) for word in words.lower().split())


class _KeysDelegate(QStyledItemDelegate):
    """Shows the keys of a command at the end of its line, in the colour of secondary text."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        if keys := index.data(KEYS_ROLE):
            painter.save()
            painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
            area: QRect = option.rect.adjusted(0, 0, -_GAP, 0)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(area, int(right), keys)
            painter.restore()

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        room = option.rect.width() - option.decorationSize.width() - 4 * _GAP
        if keys := index.data(KEYS_ROLE):
            room -= option.fontMetrics.horizontalAdvance(keys) + _GAP
        option.text = option.fontMetrics.elidedText(option.text, Qt.TextElideMode.ElideRight, room)


class CommandPalette(QDialog):
    """Lists the enabled commands that match what is typed."""

    def __init__(self, commands: CommandRegistry, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._commands = commands
        self.line = QLineEdit()
        self.line.setObjectName("palette-line")
        self.line.setPlaceholderText(_("Find a command"))
        self.line.setAccessibleName(_("Find a command"))
        self.list = QListWidget()
        self.list.setObjectName("palette-list")
        self.list.setAccessibleName(_("Commands"))
        self.list.setItemDelegate(_KeysDelegate(self.list))
        self.list.setIconSize(QSize(16, 16))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.nothing = Label(_("No available command matches."))
        self.nothing.setProperty("role", "muted")
        self.nothing.setWordWrap(True)
        blank = QPixmap(16, 16)
        blank.fill(Qt.GlobalColor.transparent)
        self._blank = QIcon(blank)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.line)
        layout.addWidget(self.nothing)
        layout.addWidget(self.list)
        self.resize(520, 400)
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
        """Run the selected command."""
        item = self.list.currentItem()
        if item is not None:
            action = self._commands.action(item.data(Qt.ItemDataRole.UserRole))
            self.close()
            action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            page = max(1, self.list.viewport().height() // max(1, self.list.sizeHintForRow(0)))
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: page,
                Qt.Key.Key_PageUp: -page,
            }.get(Qt.Key(event.key()))
            if step is not None:
                last = self.list.count() - 1
                self.list.setCurrentRow(max(0, min(last, self.list.currentRow() + step)))
                return True
        return super().eventFilter(watched, event)

    def _fill(self, words: str) -> None:
        self.list.clear()
        menus = menu_names()
        for command in self._commands.commands:
            action = self._commands.action(command.id)
            if not action.isEnabled() or not matches(words, command):
                continue
            text = f"{menus[command.menu]}: {action.text().replace('&', '')}"
            keys = self._commands.keys_text(command.id)
            item = QListWidgetItem(action.icon() if command.icon else self._blank, text)
            item.setData(Qt.ItemDataRole.UserRole, command.id)
            item.setData(KEYS_ROLE, keys)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{text}, {keys}" if keys else text)
            item.setToolTip(_(command.tip))
            self.list.addItem(item)
        self.nothing.setVisible(self.list.count() == 0)
        self.list.setCurrentRow(0)
