"""Parts of the import dialog: titled sections, labels for foreign names, tables with choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QCompleter,
    QFrame,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import larger, style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.plain_text import escaped

Index = QModelIndex | QPersistentModelIndex

CHOICES_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""The :class:`Choices` of a cell."""

MOST_ROWS = 9
"""Rows of a table before it scrolls."""
ARROW = 10
"""Pixels of the arrow in a cell with choices."""
LEAST_CHOICE = 16
"""Characters that a box of choices shows at least."""


def plain_label(text: str = "", *, role: str = "") -> Label:
    """A wrapped label that shows names as they are, whatever they look like."""
    label = Label(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if role:
        label.setProperty("role", role)
    return label


def plain_tip(text: str) -> str:
    """A tool tip that shows ``text`` as it is, and wraps it."""
    return escaped(text) if text else ""


class Section(QFrame):
    """A part of a page under a title; ``body`` takes what is in it."""

    changed = Signal()
    """The user has made another choice."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Label(title)
        self.title.setProperty("role", "heading")
        self.title.setFont(larger(self.title.font(), 1.15))
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 12, 0, 14)
        self.body.setSpacing(8)
        self.body.addWidget(self.title)
        self.setAccessibleName(title)
        self.setObjectName("section")
        theme.manager().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self, *_args: object) -> None:
        self.setStyleSheet(
            f"#section {{ border: none; border-top: 1px solid {theme.current().border}; }}"
        )


class WheelGuard(QObject):
    """Lets the wheel scroll the page, not change a choice that the mouse happens to be over."""

    def watch(self, widget: QWidget) -> None:
        """Guard everything in ``widget`` that the wheel would change."""
        for kind in (QComboBox, QAbstractSpinBox):
            for child in widget.findChildren(kind):
                child.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                child.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)


# ---------------------------------------------------------------------------- cells with choices


@dataclass(frozen=True)
class Choices:
    """What a cell can be: texts and values, and the current value.

    ``free``: another text may be typed, and becomes the value.
    """

    texts: tuple[str, ...]
    values: tuple[object, ...]
    current: object = None
    free: bool = False


def _has_choices(index: Index) -> bool:
    """Cheaper to ask than for the choices, of which there may be thousands."""
    return bool(index.flags() & Qt.ItemFlag.ItemIsEditable)


class ChoiceDelegate(QStyledItemDelegate):
    """Editable cells open a list, of :data:`CHOICES_ROLE`; typing finds an entry of a long one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor: QComboBox | None = None
        """The list that is open."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        if not _has_choices(index):
            return
        rect = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.current().colour("muted"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        right, middle = rect.right() - 10, rect.center().y() + 1
        half = ARROW // 2 - 1
        painter.drawPolygon(
            [
                QPointF(right - 2 * half, middle - half / 2),
                QPointF(right, middle - half / 2),
                QPointF(right - half, middle + half / 2 + 1),
            ]
        )
        painter.restore()

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        if _has_choices(index):
            # Room for the arrow.
            rect = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
            text = cast(str, option.text)  # pyright: ignore[reportAttributeAccessIssue]
            metrics = option.fontMetrics  # pyright: ignore[reportAttributeAccessIssue]
            room = rect.width() - 2 * ARROW - 14
            option.text = metrics.elidedText(  # pyright: ignore[reportAttributeAccessIssue]
                text, Qt.TextElideMode.ElideMiddle, room
            )

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        choices = index.data(CHOICES_ROLE)
        box = QComboBox(parent)
        if isinstance(choices, Choices):
            box.addItems(list(choices.texts))
            if choices.free:
                box.setEditable(True)
                box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
                completer = QCompleter(box.model(), box)
                completer.setFilterMode(Qt.MatchFlag.MatchContains)
                completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
                box.setCompleter(completer)
        box.setMaxVisibleItems(14)
        box.activated.connect(lambda _place: self._finish(box))
        box.destroyed.connect(self._forget)
        self.editor = box
        if not box.isEditable():
            QTimer.singleShot(0, box, box.showPopup)
        return box

    def _forget(self) -> None:
        self.editor = None

    def _finish(self, box: QComboBox) -> None:
        self.commitData.emit(box)
        self.closeEditor.emit(box)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        choices = index.data(CHOICES_ROLE)
        if isinstance(editor, QComboBox) and isinstance(choices, Choices):
            place = (
                choices.values.index(choices.current) if choices.current in choices.values else -1
            )
            editor.setCurrentIndex(place)
            if editor.isEditable():
                if place < 0:
                    editor.setEditText(index.data() or "")
                if (line := editor.lineEdit()) is not None:
                    line.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        choices = index.data(CHOICES_ROLE)
        if not isinstance(editor, QComboBox) or not isinstance(choices, Choices):
            return
        text = editor.currentText()
        place = editor.currentIndex()
        if editor.isEditable() and (place < 0 or editor.itemText(place) != text):
            place = editor.findText(text, Qt.MatchFlag.MatchFixedString)
            if place < 0:
                if text.strip() and text != index.data():
                    model.setData(index, text)
                return
        if place >= 0 and choices.values[place] != choices.current:
            model.setData(index, choices.values[place])

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        rect = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        editor.setGeometry(rect)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        hint = super().sizeHint(option, index)
        return hint + QSize(2 * ARROW, 0) if _has_choices(index) else hint


class ChoiceTable(QTableView):
    """A table of which one column opens lists: by a click, Enter, F2 or Space."""

    keys = Signal(int)
    """A letter was pressed that the table itself does not use."""

    def __init__(self, column: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice_column = column
        self.delegate = ChoiceDelegate(self)
        self.setItemDelegateForColumn(column, self.delegate)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.clicked.connect(self._clicked)

    def prepare(self, stretch: int, widths: dict[int, int]) -> None:
        """Style the table once it has its model."""
        style_table(self, stretch, widths, edited=True)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 12)

    def fit(self) -> None:
        """As high as its rows, up to :data:`MOST_ROWS` of them."""
        model = self.model()
        rows = min(MOST_ROWS, max(1, model.rowCount() if model is not None else 1))
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(
            header + rows * self.verticalHeader().defaultSectionSize() + 2 * self.frameWidth() + 1
        )

    def selected(self) -> list[int]:
        """The selected rows, else the current one."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        current = self.currentIndex()
        return rows or ([current.row()] if current.isValid() else [])

    def open_choices(self, row: int) -> None:
        """Open the list of a row."""
        index = self.model().index(row, self.choice_column)
        if index.isValid() and self.delegate.editor is None:
            self.setCurrentIndex(index)
            self.edit(index)

    def _clicked(self, index: QModelIndex) -> None:
        if index.column() == self.choice_column and len(self.selected()) == 1:
            self.open_choices(index.row())

    def keyPressEvent(self, event: Any) -> None:
        key, modifiers = event.key(), event.modifiers()
        plain = modifiers in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        )
        opening = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2, Qt.Key.Key_Space)
        if plain and key in opening and self.currentIndex().isValid():
            self.open_choices(self.currentIndex().row())
            return
        letter = Qt.Key.Key_A <= key <= Qt.Key.Key_Z
        if plain and (letter or key == Qt.Key.Key_Delete):
            self.keys.emit(int(key))
            return
        super().keyPressEvent(event)


def fill_choices(
    box: QComboBox, entries: Sequence[tuple[str, object]], current: object = None
) -> None:
    """Put texts and values into a box, without telling anybody.

    It is as wide as its longest text where there is room, and need not be.
    """
    box.setMinimumWidth(LEAST_CHOICE * box.fontMetrics().averageCharWidth())
    box.blockSignals(True)
    box.clear()
    for text, value in entries:
        box.addItem(text, value)
    if current is not None:
        box.setCurrentIndex(max(0, box.findData(current)))
    box.blockSignals(False)
