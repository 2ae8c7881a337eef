"""Keyboard help (F1): every command with its current keys, searchable and printable."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.translation import _
from lmpt_desktop.ui.commands import CommandRegistry, menu_names
from lmpt_desktop.ui.commands.fixed_keys import FIXED_KEYS
from lmpt_desktop.ui.kit.dialogs import muted

Rows = dict[str, list[tuple[str, str]]]


def keyboard_rows(commands: CommandRegistry) -> Rows:
    """Commands and their keys, by menu or place."""
    rows: Rows = {}
    menus = menu_names()
    for command in commands.commands:
        rows.setdefault(menus[command.menu], []).append(
            (command.plain_text, commands.keys_text(command.id))
        )
    for place, what, keys in FIXED_KEYS:
        rows.setdefault(_(place), []).append((_(what), _(keys)))
    return rows


def as_html(rows: Rows) -> str:
    """The rows as a page to print."""
    parts = [f"<h1>{escape(_('Keyboard'))}</h1>", '<table width="100%" cellpadding="3">']
    for place, entries in rows.items():
        parts.append(f'<tr><td colspan="2"><h3>{escape(place)}</h3></td></tr>')
        parts += [
            f"<tr><td>{escape(what)}</td><td>{escape(keys)}</td></tr>" for what, keys in entries
        ]
    return "".join([*parts, "</table>"])


class KeyboardPage(QDialog):
    """Lists commands and keys; follows changes of the shortcut settings."""

    def __init__(self, commands: CommandRegistry, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("keyboard")
        self.setWindowTitle(_("Keyboard"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._commands = commands
        self.line = QLineEdit()
        self.line.setObjectName("keyboard-line")
        self.line.setPlaceholderText(_("Search commands and keys"))
        self.line.setAccessibleName(_("Search commands and keys"))
        self.line.setClearButtonEnabled(True)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(_("Keyboard shortcuts"))
        self.tree.setHeaderLabels([_("Command"), _("Keys")])
        self.tree.setRootIsDecorated(False)
        self.tree.setIndentation(14)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.nothing = muted(_("No command or key matches."))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.print_button = buttons.addButton(
            _("&Print..."), QDialogButtonBox.ButtonRole.ActionRole
        )
        self.change_button = buttons.addButton(
            _("&Change shortcuts..."), QDialogButtonBox.ButtonRole.ActionRole
        )
        for button in buttons.buttons():
            button.setAutoDefault(False)  # pyright: ignore[reportAttributeAccessIssue]
        buttons.rejected.connect(self.reject)
        self.print_button.clicked.connect(self.ask_print)
        layout = QVBoxLayout(self)
        for part in (self.line, self.nothing, self.tree, buttons):
            layout.addWidget(part)
        self.resize(520, 640)
        self.line.textChanged.connect(self._search)
        commands.keys_changed.connect(self._fill)
        self._fill()
        self.line.setFocus()

    def document(self) -> QTextDocument:
        """The document to print: all rows, regardless of the search."""
        document = QTextDocument()
        document.setHtml(as_html(keyboard_rows(self._commands)))
        return document

    def ask_print(self) -> None:
        """Show the system's print dialog, then print."""
        from PySide6.QtPrintSupport import QPrintDialog, QPrinter  # noqa: PLC0415

        printer = QPrinter()
        if QPrintDialog(printer, self).exec() == QDialog.DialogCode.Accepted:
            self.document().print_(printer)

    def _fill(self, *_args: object) -> None:
        self.tree.clear()
        for place, entries in keyboard_rows(self._commands).items():
            head = QTreeWidgetItem([place, ""])
            font = head.font(0)
            font.setBold(True)
            head.setFont(0, font)
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.tree.addTopLevelItem(head)
            head.addChildren([QTreeWidgetItem([what, keys]) for what, keys in entries])
        self.tree.expandAll()
        self._search(self.line.text())

    def _search(self, words: str) -> None:
        requested = folded(words).split()
        found = False
        heads = [self.tree.topLevelItem(i) for i in range(self.tree.topLevelItemCount())]
        for head in filter(None, heads):
            shown = 0
            for row in filter(None, [head.child(i) for i in range(head.childCount())]):
                text = folded(f"{head.text(0)} {row.text(0)} {row.text(1)}")
                hidden = not all(word in text for word in requested)
                row.setHidden(hidden)
                shown += not hidden
            head.setHidden(shown == 0)
            found = found or shown > 0
        self.nothing.setVisible(not found)
