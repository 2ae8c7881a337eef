"""What Qt is given to show holds nothing hidden, whichever method it is given to."""

from __future__ import annotations

import ast
from pathlib import Path

from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import QAbstractTableModel, QPoint, Qt
from PySide6.QtGui import QAction, QColor, QImage, QPainter, QTextDocument, QUndoCommand
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QGroupBox,
    QLabel,
    QLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QStatusBar,
    QTabWidget,
    QTextEdit,
    QToolButton,
    QTreeWidgetItem,
    QWidget,
)

import lmpt_desktop.ui
from lmpt_desktop.translation import _, join_names
from lmpt_desktop.ui.kit.key_button import KeyButton
from lmpt_desktop.ui.kit.overrides import guard_class
from lmpt_desktop.ui.kit.shown_texts import LINE, _edge, is_edge

NAME = "a\u202egpj\x1b\u200b.exe"
SEEN = "a\ufffdgpj\ufffd\ufffd.exe"
HTML = "<b>a\u202e"
SHOWING = {
    "setText", "setTitle", "setWindowTitle", "setToolTip", "setStatusTip", "setWhatsThis",
    "setTabText", "setTabToolTip", "setItemText", "setIconText", "setLabelText",
    "setInformativeText", "setDetailedText", "setPlaceholderText", "setAccessibleName",
    "setAccessibleDescription", "setHtml", "setPlainText", "setFormat", "addTab", "insertTab",
    "addItem", "addItems", "insertItem", "insertItems", "addMenu", "addSection",
    "appendPlainText", "showMessage", "drawText", "drawItemText", "addRow", "insertRow",
}  # fmt: skip
"""Names of Qt's methods that take a text to show."""
NOT_SHOWN = {
    "QLineEdit.setText",
    "QFileDialog.setLabelText",
    "QImage.setText",
    "QShortcut.setWhatsThis",
    "QTextCharFormat.setToolTip",
}
"""What the user edits, words of ours, and what is seen nowhere or is not used."""


def test_every_kind_of_widget_shows_hidden_marks(qapp: QApplication) -> None:
    holder = QWidget()
    holder.setWindowTitle(NAME)
    holder.setAccessibleName(NAME)
    holder.setStatusTip(NAME)
    tool = QToolButton()
    tool.setText(NAME)
    action = QAction(NAME, holder)
    renamed = QAction("x", holder)
    renamed.setText(NAME)
    menu = QMenu(NAME)
    combo = QComboBox()
    combo.addItem(NAME, NAME)
    combo.addItems([NAME])
    combo.setItemText(1, NAME)
    tabs = QTabWidget()
    tabs.addTab(QWidget(), NAME)
    group = QGroupBox(NAME)
    bar = QStatusBar()
    bar.showMessage(NAME, 10)
    listed = QListWidget()
    listed.addItem(NAME)
    listed.addItem(QListWidgetItem(NAME))
    log = QPlainTextEdit()
    log.setReadOnly(True)
    log.setPlainText(NAME)
    rich = QTextEdit()
    rich.setHtml(NAME)
    document = QTextDocument()
    document.setHtml(NAME)
    box = QMessageBox(QMessageBox.Icon.Question, NAME, NAME)
    box.setInformativeText(NAME)
    assert [
        holder.windowTitle(), holder.accessibleName(), holder.statusTip(), tool.text(),
        action.text(), renamed.text(), menu.title(), menu.addAction(NAME).text(),
        menu.addMenu(NAME).title(), combo.itemText(0), combo.itemText(1), tabs.tabText(0),
        group.title(), bar.currentMessage(), listed.item(0).text(), listed.item(1).text(),
        QTreeWidgetItem([NAME]).text(0), QPushButton(NAME).text(), QRadioButton(NAME).text(),
        QGroupBox(title=NAME).title(), QLabel(NAME).text(), log.toPlainText(), rich.toPlainText(),
        document.toPlainText(), box.text(), box.informativeText(), QUndoCommand(NAME).text(),
    ] == [SEEN] * 27  # fmt: skip
    assert combo.itemData(0) == NAME, "what belongs to an entry is not shown"


def test_what_the_user_edits_keeps_every_character(qapp: QApplication) -> None:
    line, text = QLineEdit(NAME), QPlainTextEdit()
    line.setText(NAME)
    text.setPlainText(NAME)
    assert line.text() == NAME and text.toPlainText() == NAME


def test_tool_tips_show_names_as_they_are(qapp: QApplication) -> None:
    button, action, item = QPushButton(), QAction("x"), QListWidgetItem()
    for tipped in (button, action, item):
        tipped.setToolTip(HTML)
        assert tipped.toolTip() == "<span>&lt;b&gt;a\ufffd</span>"
    again = KeyButton(action, "x")
    assert again.toolTip() == action.toolTip(), "escaped once"


def test_painted_names_show_hidden_marks(qapp: QApplication) -> None:
    def painted(text: str) -> QImage:
        image = QImage(200, 30, QImage.Format.Format_RGB32)
        image.fill(QColor("white"))
        painter = QPainter(image)
        painter.drawText(QPoint(4, 20), text)
        painter.end()
        return image

    assert painted(NAME) == painted(SEEN) != painted("agpj.exe")


def test_cells_show_hidden_marks_and_their_editors_do_not(qapp: QApplication) -> None:
    class Model(QAbstractTableModel):
        def rowCount(self, parent: object = None) -> int:
            return 1

        def columnCount(self, parent: object = None) -> int:
            return 1

        def data(self, index: object, role: int = Qt.ItemDataRole.DisplayRole) -> object:
            return NAME

        def headerData(
            self, section: int, orientation: object, role: int = Qt.ItemDataRole.DisplayRole
        ) -> object:
            return NAME

    guard_class(Model)
    model = Model()
    cell, across = model.index(0, 0), Qt.Orientation.Horizontal
    assert model.data(cell) == cell.data() == model.headerData(0, across) == SEEN
    assert model.data(cell, role=Qt.ItemDataRole.ToolTipRole) == SEEN
    assert cell.data(Qt.ItemDataRole.EditRole) == cell.data(Qt.ItemDataRole.UserRole) == NAME


def test_names_in_sentences_stand_apart() -> None:
    assert _("Add {name}").format(name="dog") == "Add dog"
    assert _("Add {name}").format(name="שלום") == "Add \u2068שלום\u2069"
    assert _("Add {name}").format(name=Path("a\nb")) == "Add a\ufffdb"
    inner = _("Add {name}").format(name="שלום")
    assert _("{0}").format(inner) == inner, "sentences in sentences stay as they are"
    assert join_names(["שלום", "dog"]) == "\u2068שלום\u2069 and dog"


def methods_of_qt() -> set[tuple[type, str]]:
    """Those named like ones that show a text, of the widgets that the window uses."""
    used: set[str] = set()
    for path in Path(lmpt_desktop.ui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("PySide6.Qt"):
                used.update(alias.name for alias in node.names)
    found: set[tuple[type, str]] = set()
    for name in used:
        cls = getattr(QtWidgets, name, getattr(QtGui, name, None))
        if not isinstance(cls, type) or issubclass(cls, QLayout):
            continue  # a layout's items are no texts
        for base in cls.__mro__:
            found.update((base, method) for method in SHOWING if method in vars(base))
    return found


def test_replacing_a_method_does_not_ask_for_its_documentation() -> None:
    class Method:
        """Of PySide, which takes long to write it."""

        def __getattribute__(self, name: str) -> object:
            assert name != "__doc__"
            return object.__getattribute__(self, name)

        def __call__(self, text: str) -> str:
            return text

    replaced = _edge(Method(), LINE, 1)
    assert is_edge(replaced)
    assert replaced(NAME) == SEEN


def test_no_method_that_shows_a_text_is_forgotten() -> None:
    forgotten = {
        f"{owner.__name__}.{method}"
        for owner, method in methods_of_qt()
        if not is_edge(getattr(owner, method))
    }
    assert forgotten - NOT_SHOWN == set()
