"""The shortcuts page of the preferences."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.translation import _
from lmpt_desktop.ui.commands import MENUS, Command, CommandRegistry, menu_names
from lmpt_desktop.ui.commands.shortcuts import is_fixed, native
from lmpt_desktop.ui.kit.dialogs import MessageStrip, muted
from lmpt_desktop.ui.kit.label import Label

ID_ROLE = Qt.ItemDataRole.UserRole


class ShortcutPage(QWidget):
    """Keys take effect as they are typed; keys of another command must be confirmed first."""

    def __init__(self, commands: CommandRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self._commands = commands
        self._shortcuts = commands.shortcuts
        self._pending: tuple[str, tuple[str, ...]] | None = None
        """Command id and keys to be confirmed, because another command has them."""
        self.line = QLineEdit()
        self.line.setObjectName("shortcut-search")
        self.line.setPlaceholderText(_("Search commands and keys"))
        self.line.setAccessibleName(_("Search commands and keys"))
        self.line.setClearButtonEnabled(True)
        self.line.textChanged.connect(self._search)
        self._make_table()
        self.strip = MessageStrip()
        self.strip.setObjectName("shortcut-conflict")
        self.strip.pressed.connect(self.use_anyway)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.table, 1)
        layout.addLayout(self._make_editor())
        layout.addWidget(self.strip)
        self.hint = muted(
            _(
                "Single letters work in the grid and in lists of classes, but not where you type "
                "text. Changes take effect at once."
            )
        )
        layout.addWidget(self.hint)
        self._fill()
        self._shortcuts.changed.connect(self._keys_changed)
        self.table.setCurrentItem(self._items()[0])

    def _make_table(self) -> None:
        self.table = QTreeWidget()
        self.table.setObjectName("shortcut-table")
        self.table.setAccessibleName(_("Commands and their keys"))
        self.table.setHeaderLabels([_("Command"), _("Menu"), _("Keys")])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.header().setStretchLastSection(False)
        for column, mode in enumerate(
            (
                QHeaderView.ResizeMode.Stretch,
                QHeaderView.ResizeMode.ResizeToContents,
                QHeaderView.ResizeMode.ResizeToContents,
            )
        ):
            self.table.header().setSectionResizeMode(column, mode)
        self.table.currentItemChanged.connect(lambda *_items: self._show_current())
        self.table.itemActivated.connect(lambda *_item: self.first.setFocus())

    def _make_editor(self) -> QVBoxLayout:
        self.first, self.second = QKeySequenceEdit(), QKeySequenceEdit()
        self.reset_button = QPushButton(_("&Reset"))
        self.reset_button.setToolTip(_("Restore the default keys of this command"))
        self.reset_all_button = QPushButton(_("Reset &all"))
        self.reset_all_button.setToolTip(_("Restore the default keys of every command"))
        row = QHBoxLayout()
        for edit, name, text in (
            (self.first, "keys", _("&Keys")),
            (self.second, "more-keys", _("&Or")),
        ):
            edit.setObjectName(name)
            edit.setMaximumSequenceLength(1)
            edit.setClearButtonEnabled(True)
            edit.setAccessibleName(text.replace("&", ""))
            label = Label(text)
            label.setBuddy(edit)
            row.addWidget(label)
            row.addWidget(edit, 1)
            edit.keySequenceChanged.connect(self._typed)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.reset_button, self.reset_all_button):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        self.reset_button.clicked.connect(self._reset)
        self.reset_all_button.clicked.connect(self._shortcuts.reset_all)
        both = QVBoxLayout()
        both.addLayout(row)
        both.addLayout(buttons)
        return both

    @property
    def current(self) -> Command | None:
        """The selected command."""
        item = self.table.currentItem()
        return None if item is None else self._commands.command(item.data(0, ID_ROLE))

    def select(self, command_id: str) -> None:
        """Select a command."""
        for item in self._items():
            if item.data(0, ID_ROLE) == command_id:
                self.table.setCurrentItem(item)

    def use_anyway(self) -> None:
        """Take the typed keys from the command that has them."""
        if self._pending is not None:
            command_id, keys = self._pending
            self._clear_conflict()
            self._shortcuts.choose(command_id, keys)

    # ------------------------------------------------------------------------------ details

    def _fill(self) -> None:
        menus = menu_names()
        for command in self._commands.commands:
            item = QTreeWidgetItem([command.plain_text, menus[command.menu], ""])
            item.setData(0, ID_ROLE, command.id)
            item.setToolTip(0, _(command.tip))
            self.table.addTopLevelItem(item)
            self._show_keys(item)

    def _items(self) -> list[QTreeWidgetItem]:
        found = [self.table.topLevelItem(i) for i in range(self.table.topLevelItemCount())]
        return [item for item in found if item is not None]

    def _show_keys(self, item: QTreeWidgetItem) -> None:
        command_id = item.data(0, ID_ROLE)
        keys = native(self._shortcuts.keys(command_id))
        changed = self._shortcuts.is_chosen(command_id)
        item.setText(2, keys)
        original = native(self._shortcuts.declared(command_id)) or _("none")
        note = _("Default: {keys}").format(keys=original) if changed else ""
        item.setToolTip(2, note)
        item.setData(2, Qt.ItemDataRole.AccessibleTextRole, f"{keys}. {note}" if note else keys)
        font = item.font(2)
        font.setBold(changed)
        item.setFont(2, font)

    def _keys_changed(self, command_id: str) -> None:
        for item in self._items():
            if item.data(0, ID_ROLE) == command_id:
                self._show_keys(item)
        command = self.current
        if command is not None and command.id == command_id:
            self._show_current()
        self._search(self.line.text())

    def _show_current(self) -> None:
        """Show the keys of the selected command in the fields."""
        self._clear_conflict()
        command = self.current
        keys = self._shortcuts.keys(command.id) if command is not None else ()
        for edit, place in ((self.first, 0), (self.second, 1)):
            edit.blockSignals(True)
            edit.setKeySequence(
                QKeySequence.fromString(keys[place]) if place < len(keys) else QKeySequence()
            )
            edit.blockSignals(False)
            edit.setEnabled(command is not None)
        chosen = command is not None and self._shortcuts.is_chosen(command.id)
        self.reset_button.setEnabled(chosen)

    def _typed(self, *_sequence: object) -> None:
        command = self.current
        if command is None:
            return
        self._clear_conflict()
        keys = tuple(
            text
            for edit in (self.first, self.second)
            if (text := edit.keySequence().toString(QKeySequence.SequenceFormat.PortableText))
        )
        if keys == self._shortcuts.keys(command.id):
            return
        new = [part for part in keys if part not in self._shortcuts.keys(command.id)]
        for part in new:
            if reason := self._reason_against(part):
                self.strip.show_text(reason, "warning")
                return
        if taken := [
            (part, self._shortcuts.commands_using(part, other_than=command.id)) for part in new
        ]:
            users = [(part, other) for part, others in taken for other in others]
            if users:
                self._ask_to_reassign(command, keys, users)
                return
        self._shortcuts.choose(command.id, keys)

    def _reason_against(self, keys: str) -> str:
        """A sentence on why no command can have these keys; "" if one can."""
        shown = native([keys])
        if is_fixed(keys):
            return _(
                "{keys} is needed to move through lists and dialogs. Choose other keys, or add "
                "Ctrl or Alt."
            ).format(keys=shown)
        for _name, title in MENUS:
            if QKeySequence.mnemonic(_(title)) == QKeySequence.fromString(keys):
                return _("{keys} opens the {menu} menu. Choose other keys.").format(
                    keys=shown, menu=_(title).replace("&", "")
                )
        return ""

    def _ask_to_reassign(
        self, command: Command, keys: tuple[str, ...], users: list[tuple[str, Command]]
    ) -> None:
        self._pending = (command.id, keys)
        part, other = users[0]
        where = menu_names()[other.menu]
        self.strip.show_text(
            _("{keys} already runs “{command}” in the {menu} menu.").format(
                keys=native([part]), command=other.plain_text, menu=where
            ),
            "warning",
            _("&Use here instead"),
        )

    def _clear_conflict(self) -> None:
        self._pending = None
        self.strip.clear()

    def _reset(self) -> None:
        command = self.current
        if command is None:
            return
        keys = self._shortcuts.declared(command.id)
        users = [
            (part, other)
            for part in keys
            for other in self._shortcuts.commands_using(part, other_than=command.id)
        ]
        if users:
            self._ask_to_reassign(command, keys, users)
        else:
            self._shortcuts.choose(command.id, keys)

    def _search(self, words: str) -> None:
        requested = folded(words).split()
        for item in self._items():
            text = folded(" ".join(item.text(column) for column in range(3)))
            item.setHidden(not all(word in text for word in requested))
