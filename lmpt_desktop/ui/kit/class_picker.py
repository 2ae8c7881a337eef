"""A list of classes to tick, with a search field and the number of photos of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.check_box import BOX, paint_check_box
from lmpt_desktop.ui.kit.texts import photos_text, shorten
from trainer.printable import isolated

Index = QModelIndex | QPersistentModelIndex
GAP = 7
ROW_PADDING = 9


class Pick(Enum):
    """What the user wants of a class."""

    EITHER = "either"
    WITH = "with"
    WITHOUT = "without"


def gone_name(name: str) -> str:
    """The name of a class that is no longer in the vocabulary."""
    return _("{name} (gone)").format(name=name) if name else _("(gone)")


@dataclass(frozen=True)
class _Row:
    class_id: int
    name: str
    count: int | None


class ClassPickModel(QAbstractListModel):
    """The classes whose name contains the search text; those picked at the time come first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.picks: dict[int, Pick] = {}
        self._all: list[_Row] = []
        self._first: frozenset[int] = frozenset()
        self._text = ""
        self.rows: list[_Row] = []

    def set_rows(self, rows: list[_Row]) -> None:
        """Replace the classes; those gone that are still picked should be among them."""
        self._all = rows
        self._list()

    def picked_first(self) -> None:
        """List what is picked now first; called when rows may move, not while they are clicked."""
        self._first = frozenset(self.picks)
        self._list()

    def search(self, text: str) -> None:
        self._text = folded(text.strip())
        self._list()

    def set_pick(self, place: int, pick: Pick) -> None:
        class_id = self.rows[place].class_id
        if pick is Pick.EITHER:
            self.picks.pop(class_id, None)
        else:
            self.picks[class_id] = pick
        index = self.index(place)
        self.dataChanged.emit(index, index)

    def pick(self, place: int) -> Pick:
        return self.picks.get(self.rows[place].class_id, Pick.EITHER)

    def place_of(self, class_id: int) -> int:
        """Where a class is listed; -1 if it is not."""
        return next((i for i, row in enumerate(self.rows) if row.class_id == class_id), -1)

    def _list(self) -> None:
        found = [row for row in self._all if self._text in folded(row.name)]
        # Names that begin with the text come first: Enter picks the first.
        found.sort(
            key=lambda row: (
                bool(self._text) and not folded(row.name).startswith(self._text),
                row.class_id not in self._first,
                row.name.casefold(),
            )
        )
        self.beginResetModel()
        self.rows = found
        self.endResetModel()

    # --------------------------------------------------------------------------------- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            words = [isolated(row.name)]
            if row.count is not None:
                words.append(photos_text(row.count))
            pick = self.pick(index.row())
            if pick is not Pick.EITHER:
                words.append(_("ticked") if pick is Pick.WITH else _("left out"))
            return ", ".join(words)
        return None


class _RowDelegate(QStyledItemDelegate):
    """Box, name, number of photos and, where classes can be left out, *not*."""

    def __init__(self, model: ClassPickModel, *, several: bool, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._several = several

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, option.fontMetrics.height() + ROW_PADDING)  # pyright: ignore[reportAttributeAccessIssue]

    def not_area(self, row: QRect, metrics: Any) -> QRect:
        """Where *not* is in a row."""
        width = metrics.horizontalAdvance(_("not")) + 14
        return QRect(row.right() - width - 3, row.top() + 2, width, row.height() - 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        view: Any = option
        colours = theme.current()
        row, pick = self._model.rows[index.row()], self._model.pick(index.row())
        area: QRect = view.rect
        current = bool(view.state & QStyle.StateFlag.State_Selected)
        hovered = bool(view.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if current or hovered:
            painter.fillRect(area, colours.colour("selection" if current else "raised"))
        left, right = area.left() + GAP, area.right() - GAP
        if self._several:
            box = QRectF(left, area.center().y() - BOX / 2 + 0.5, BOX, BOX)
            paint_check_box(painter, box, pick is Pick.WITH)
            left += BOX + GAP
            room = self.not_area(area, view.fontMetrics)
            if pick is Pick.WITHOUT or current or hovered:
                self._paint_not(painter, room, on=pick is Pick.WITHOUT)
            right = room.left() - GAP
        painter.setFont(view.font)
        if row.count is not None:
            text = number(row.count)
            painter.setPen(colours.colour("text" if current else "muted"))
            painter.drawText(
                QRect(left, area.top(), right - left, area.height()),
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                text,
            )
            right -= view.fontMetrics.horizontalAdvance(text) + GAP
        painter.setPen(colours.colour("text"))
        name = view.fontMetrics.elidedText(row.name, Qt.TextElideMode.ElideMiddle, right - left)
        painter.drawText(
            QRect(left, area.top(), right - left, area.height()),
            int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
            name,
        )
        painter.restore()

    @staticmethod
    def _paint_not(painter: QPainter, area: QRect, *, on: bool) -> None:
        colours = theme.current()
        painter.setPen(QPen(colours.colour("absent" if on else "muted"), 1))
        painter.setBrush(colours.colour("absent") if on else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.setPen(colours.colour("surface" if on else "text"))
        painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), _("not"))


class _List(QListView):
    """Space ticks, minus leaves out; a click does the same where it falls."""

    toggled = Signal(int, bool)
    """The place of a row, and whether it is to be left out rather than ticked."""
    up_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        place = self.currentIndex().row()
        key = event.key()
        if place >= 0 and key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.toggled.emit(place, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif place >= 0 and key == Qt.Key.Key_Minus:
            self.toggled.emit(place, True)
        elif key == Qt.Key.Key_Up and place <= 0:
            self.up_pressed.emit()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            delegate = self.itemDelegate()
            assert isinstance(delegate, _RowDelegate)
            room = delegate.not_area(self.visualRect(index), self.fontMetrics())
            self.toggled.emit(index.row(), event.position().x() >= room.left())


class ClassPicker(QWidget):
    """Emits :attr:`changed` when the user ticks a class or leaves one out.

    With ``several=False`` there are no boxes: a class is chosen by click, Space or Enter, and
    :attr:`picked` says which.
    """

    changed = Signal()
    picked = Signal(int)

    def __init__(self, *, several: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class-picker")
        self._several = several
        self._classes: tuple[ClassEntry, ...] = ()
        self._counts: NDArray[np.int64] | None = None
        self._names: dict[int, str] = {}
        self.search = QLineEdit()
        self.search.setObjectName("class-search")
        self.search.setAccessibleName(_("Find a class"))
        self.search.setPlaceholderText(_("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.model = ClassPickModel(self)
        self.list = _List()
        self.list.setObjectName("class-list")
        self.list.setAccessibleName(_("Classes"))
        self.list.setModel(self.model)
        self.list.setItemDelegate(_RowDelegate(self.model, several=several, parent=self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if several:
            self.list.setToolTip(
                _("Space ticks a class. Minus, or a click on “not”, leaves it out.")
            )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        self.setFocusProxy(self.search)
        self.search.textChanged.connect(self._searched)
        self.search.returnPressed.connect(self._entered)
        self.search.installEventFilter(self)
        self.list.toggled.connect(self._toggled)
        self.list.up_pressed.connect(self.search.setFocus)
        theme.manager().changed.connect(self._restyle)

    # ------------------------------------------------------------------------------- state

    def chosen(self) -> tuple[int, ...]:
        """Ids of the ticked classes, in the order in which they were ticked."""
        return tuple(id_ for id_, pick in self.model.picks.items() if pick is Pick.WITH)

    def left_out(self) -> tuple[int, ...]:
        """Ids of the classes that are left out, in the order in which they were."""
        return tuple(id_ for id_, pick in self.model.picks.items() if pick is Pick.WITHOUT)

    def name(self, class_id: int) -> str:
        """The name of a class, with a note if it is gone."""
        known = next((entry.name for entry in self._classes if entry.id == class_id), None)
        return known if known is not None else gone_name(self._names.get(class_id, ""))

    def plain_name(self, class_id: int) -> str:
        """The name that a class has, or had; "" if that is not known."""
        return self._names.get(class_id, "")

    def knows(self, class_id: int) -> bool:
        """Whether a class is in the vocabulary."""
        return any(entry.id == class_id for entry in self._classes)

    def choose(
        self,
        ids: Sequence[int],
        left_out: Sequence[int] = (),
        names: Mapping[int, str] | None = None,
    ) -> None:
        """Tick these classes only, without a signal.

        Args:
            ids, left_out: class ids; those that are gone are listed as such.
            names: of classes that may be gone.
        """
        self._names.update(names or {})
        picks = dict.fromkeys(left_out, Pick.WITHOUT) | dict.fromkeys(ids, Pick.WITH)
        if picks != self.model.picks:
            self.model.picks = picks
            self._list()

    def show_classes(
        self, classes: tuple[ClassEntry, ...], counts: NDArray[np.int64] | None = None
    ) -> None:
        """List the vocabulary; ``counts`` (C,) are the photos of each class, None: not known."""
        if classes == self._classes and (
            counts is self._counts
            or (
                counts is not None
                and self._counts is not None
                and np.array_equal(counts, self._counts)
            )
        ):
            return
        self._classes, self._counts = classes, counts
        self._names.update({entry.id: entry.name for entry in classes})
        self._list()

    def begin(self) -> None:
        """Show the whole list, what is picked first."""
        self.search.clear()
        self.model.picked_first()
        self.list.scrollToTop()

    # ----------------------------------------------------------------------------- details

    def _list(self) -> None:
        current = self._current_id()
        counts = self._counts
        if counts is not None and len(counts) != len(self._classes):
            counts = None
        rows = [
            _Row(entry.id, entry.name, None if counts is None else int(counts[column]))
            for column, entry in enumerate(self._classes)
        ]
        known = {entry.id for entry in self._classes}
        rows += [
            _Row(id_, gone_name(self._names.get(id_, "")), None)
            for id_ in self.model.picks
            if id_ not in known
        ]
        offset = self.list.verticalScrollBar().value()
        self.model.set_rows(rows)
        if current is not None and (place := self.model.place_of(current)) >= 0:
            self.list.setCurrentIndex(self.model.index(place))
        self.list.verticalScrollBar().setValue(offset)

    def _current_id(self) -> int | None:
        place = self.list.currentIndex().row()
        return self.model.rows[place].class_id if 0 <= place < len(self.model.rows) else None

    def _toggled(self, place: int, leave_out: bool) -> None:
        if not self._several:
            self.picked.emit(self.model.rows[place].class_id)
            return
        wanted = Pick.WITHOUT if leave_out else Pick.WITH
        self.model.set_pick(place, Pick.EITHER if self.model.pick(place) is wanted else wanted)
        self.changed.emit()

    def _searched(self, text: str) -> None:
        self.model.search(text)

    def _entered(self) -> None:
        if self.model.rows and self.search.text().strip():
            self._toggled(0, leave_out=False)
            self.search.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            watched is self.search
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Down
            and self.model.rows
        ):
            self.list.setFocus(Qt.FocusReason.TabFocusReason)
            if not self.list.currentIndex().isValid():
                self.list.setCurrentIndex(self.model.index(0))
            return True
        return super().eventFilter(watched, event)

    def _restyle(self, *_: object) -> None:
        self.list.viewport().update()


POPUP_SIZE = QSize(280, 340)


class ClassButton(QToolButton):
    """One class, chosen from a list with a search field that opens below."""

    chosen = Signal(int)
    """The id of the class that the user chose."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.class_id: int | None = None
        self.picker = ClassPicker(several=False)
        self._popup = QFrame(self, Qt.WindowType.Popup)
        self._popup.setFrameShape(QFrame.Shape.StyledPanel)
        layout = QVBoxLayout(self._popup)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.picker)
        self._popup.resize(POPUP_SIZE)
        self.picker.picked.connect(self._picked)
        self.clicked.connect(self.open_list)
        self.choose(None)

    def show_classes(
        self, classes: tuple[ClassEntry, ...], counts: NDArray[np.int64] | None = None
    ) -> None:
        """List the vocabulary, as :meth:`ClassPicker.show_classes`."""
        self.picker.show_classes(classes, counts)
        self.choose(self.class_id)

    def choose(self, class_id: int | None) -> None:
        """Show a class as the one chosen, without a signal."""
        self.class_id = class_id
        name = self.picker.name(class_id) if class_id is not None else _("Choose a class")
        self.setText(f"{shorten(name)}  ▾")
        self.setToolTip(name)

    def open_list(self) -> None:
        """Open the list; Escape closes it."""
        self.picker.begin()
        self._popup.move(self.mapToGlobal(QPoint(0, self.height() + 2)))
        self._popup.show()
        self.picker.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def _picked(self, class_id: int) -> None:
        self._popup.hide()
        self.choose(class_id)
        self.chosen.emit(class_id)
