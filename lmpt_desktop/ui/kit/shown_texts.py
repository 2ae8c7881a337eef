"""Every text that Qt is given to show passes through here.

Names of classes, files, folders and versions can hold marks that are not seen and that turn the
text around them, and markup.  No place where one is shown has to think of that: the methods of Qt
that take a text to show are replaced, once, before the window is made (:data:`EDGES`).  What cells
show passes through the guards of :mod:`lmpt_desktop.ui.kit.overrides`.

Texts that the user edits keep every character: line edits, text areas that are not read-only,
editors of cells.  In sentences, names are kept apart where the sentence is made, by
:class:`lmpt_desktop.translation.Sentence`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QAction,
    QPainter,
    QTextDocument,
    QUndoCommand,
    QUndoStack,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QDockWidget,
    QFormLayout,
    QGraphicsItem,
    QGraphicsSimpleTextItem,
    QGraphicsTextItem,
    QGroupBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QMenuBar,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QProgressDialog,
    QPushButton,
    QRadioButton,
    QStatusBar,
    QStyle,
    QTabBar,
    QTableWidgetItem,
    QTabWidget,
    QTextEdit,
    QToolBar,
    QToolTip,
    QTreeWidgetItem,
    QWidget,
)

from lmpt_desktop.ui.kit.plain_text import literal
from trainer.printable import shown, shown_line


class Shown(str):
    """A text that was looked at, and holds hidden marks of ours."""

    __slots__ = ()


LINE, LINES, TIP = shown_line, shown, literal
"""What a place shows: a name or a sentence on one line, several lines, or what may be HTML."""


@dataclass(frozen=True)
class Edge:
    """Methods of a class that take a text to show, their first argument that is one, and
    ``texts`` of them in all."""

    owner: type
    methods: str
    show: Callable[[str], str] = LINE
    texts: int = 1


EDGES = (
    Edge(QWidget, "setWindowTitle setStatusTip addAction"),
    Edge(QWidget, "setAccessibleName setAccessibleDescription", LINES),
    Edge(QWidget, "setToolTip setWhatsThis", TIP),
    Edge(QAction, "__init__ setText setIconText setStatusTip"),
    Edge(QAction, "setToolTip setWhatsThis", TIP),
    Edge(QMenu, "__init__ setTitle addAction addMenu addSection insertSection"),
    Edge(QMenuBar, "addMenu"),
    Edge(QToolBar, "__init__"),
    Edge(QAbstractButton, "setText", LINES),
    Edge(QPushButton, "__init__", LINES),
    Edge(QCheckBox, "__init__", LINES),
    Edge(QRadioButton, "__init__", LINES),
    Edge(QLabel, "__init__ setText", LINES),
    Edge(QGroupBox, "__init__ setTitle"),
    Edge(QDockWidget, "__init__"),
    Edge(QTabWidget, "addTab insertTab setTabText"),
    Edge(QTabWidget, "setTabToolTip", TIP),
    Edge(QTabBar, "addTab insertTab setTabText"),
    Edge(QTabBar, "setTabToolTip", TIP),
    Edge(QComboBox, "addItem addItems insertItem insertItems setItemText setPlaceholderText"),
    Edge(QLineEdit, "setPlaceholderText"),
    Edge(QStatusBar, "showMessage"),
    Edge(QProgressBar, "setFormat"),
    Edge(QProgressDialog, "__init__ setLabelText", LINES),
    Edge(QFormLayout, "addRow insertRow", LINES),
    Edge(QListWidget, "addItem addItems insertItem insertItems", LINES),
    Edge(QListWidgetItem, "__init__ setText setStatusTip", LINES),
    Edge(QListWidgetItem, "setToolTip setWhatsThis", TIP),
    Edge(QTreeWidgetItem, "__init__ setText setStatusTip", LINES),
    Edge(QTreeWidgetItem, "setToolTip setWhatsThis", TIP),
    Edge(QTableWidgetItem, "__init__ setText setStatusTip", LINES),
    Edge(QTableWidgetItem, "setToolTip setWhatsThis", TIP),
    Edge(QMessageBox, "setWindowTitle addButton"),
    Edge(QMessageBox, "setText setInformativeText setDetailedText", LINES),
    Edge(QMessageBox, "__init__", LINES, texts=2),
    Edge(QMessageBox, "about critical information question warning", TIP, texts=2),
    Edge(QToolTip, "showText", TIP),
    Edge(QPlainTextEdit, "appendPlainText setPlaceholderText", LINES),
    Edge(QTextEdit, "append setHtml setPlaceholderText", LINES),
    Edge(QTextDocument, "__init__ setHtml setPlainText", LINES),
    Edge(QUndoCommand, "__init__ setText"),
    Edge(QUndoStack, "beginMacro"),
    Edge(QPainter, "drawText", LINES),
    Edge(QStyle, "drawItemText", LINES),
    Edge(QGraphicsItem, "setToolTip", TIP),
    Edge(QGraphicsSimpleTextItem, "__init__ setText", LINES),
    Edge(QGraphicsTextItem, "__init__ setHtml setPlainText", LINES),
)
UNLESS_EDITED = (
    (QPlainTextEdit, "setPlainText"),
    (QTextEdit, "setPlainText"),
    (QTextEdit, "setText"),
)
"""Methods of text areas, which show a text if these are read-only."""
SHOWN_ROLES: dict[int, Callable[[str], str]] = {
    Qt.ItemDataRole.DisplayRole: LINE,
    Qt.ItemDataRole.ToolTipRole: TIP,
    Qt.ItemDataRole.WhatsThisRole: TIP,
    Qt.ItemDataRole.StatusTipRole: LINE,
    Qt.ItemDataRole.AccessibleTextRole: LINES,
    Qt.ItemDataRole.AccessibleDescriptionRole: LINES,
}
"""Roles under which a model says what is shown."""

_NAMES = ("__module__", "__name__", "__qualname__")
"""Taken over from what is replaced.  Not its documentation: PySide writes that when it is asked,
which for all of these methods takes longer than to load half of the program."""


def as_shown(text: str, role: int) -> str:
    """What a model answered for a role, as it may be shown."""
    show = SHOWN_ROLES.get(role)
    return text if show is None else show(text)


def show_texts_safely() -> None:
    """Replace the methods of :data:`EDGES`, if that was not done yet."""
    if is_edge(QLabel.setText):
        return
    for edge in EDGES:
        for name in edge.methods.split():
            method = vars(edge.owner)[name]
            if isinstance(method, staticmethod):
                replaced: Any = staticmethod(_edge(method.__func__, edge.show, edge.texts))
            else:
                replaced = _edge(method, edge.show, edge.texts)
            setattr(edge.owner, name, replaced)
    for owner, name in UNLESS_EDITED:
        setattr(owner, name, _unless_edited(getattr(owner, name)))


def is_edge(method: object) -> bool:
    """Whether what a method of Qt shows passes through here."""
    return getattr(method, "is_edge", False)


def _edge(method: Callable[..., Any], show: Callable[[str], str], texts: int) -> Callable[..., Any]:
    # What is printable is shown as it is, except that it can be HTML.  Painting asks often.
    often_as_it_is = texts == 1 and show is not TIP

    @functools.wraps(method, _NAMES)
    def edge(*args: Any, **named: Any) -> Any:
        if often_as_it_is and not named:
            for value in args:
                if type(value) is str:
                    if value.isprintable():
                        return method(*args)
                    break
        return method(*_shown(args, show, texts), **_shown_named(named, show))

    edge.is_edge = True  # pyright: ignore[reportAttributeAccessIssue]
    return edge


def _shown(args: tuple[Any, ...], show: Callable[[str], str], texts: int) -> list[Any]:
    """Arguments of which the first ``texts`` that are texts, or lists of them, are safe to show."""
    found = 0
    answer: list[Any] = []
    for value in args:
        if found < texts and isinstance(value, (str, list, tuple)):
            found += 1
            answer.append(_one(value, show) if isinstance(value, str) else _each(value, show))
        else:
            answer.append(value)
    return answer


def _one(text: str, show: Callable[[str], str]) -> str:
    return text if isinstance(text, Shown) else show(text)


def _shown_named(named: dict[str, Any], show: Callable[[str], str]) -> dict[str, Any]:
    return {key: _one(it, show) if isinstance(it, str) else it for key, it in named.items()}


def _each(values: list[Any] | tuple[Any, ...], show: Callable[[str], str]) -> list[Any]:
    return [_one(value, show) if isinstance(value, str) else value for value in values]


def _unless_edited(method: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(method, _NAMES)
    def edge(area: QPlainTextEdit | QTextEdit, text: str) -> None:
        method(area, shown(text) if area.isReadOnly() else text)

    edge.is_edge = True  # pyright: ignore[reportAttributeAccessIssue]
    return edge
