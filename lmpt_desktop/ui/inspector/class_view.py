"""The list of classes: keyboard, mouse and verdicts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, Qt
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyleOptionViewItem, QWidget

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _
from lmpt_desktop.ui.inspector.class_delegate import ClassDelegate
from lmpt_desktop.ui.inspector.class_model import ClassListModel, ClassRow, Role
from lmpt_desktop.ui.kit import theme

KEYS = {
    Qt.Key.Key_P: Verdict.PRESENT,
    Qt.Key.Key_A: Verdict.ABSENT,
    Qt.Key.Key_U: Verdict.UNKNOWN,
}
"""Heard here where no command of the window has these keys."""

Index = QModelIndex | QPersistentModelIndex


class ClassView(QListView):
    """Up and Down move; P, A, U and clicks on the buttons give verdicts."""

    verdict_requested = Signal(int, object)
    """Class id, :class:`Verdict`."""
    class_focused = Signal(int)
    """The id of the class the keyboard is on; -1 for none."""
    left_at_top = Signal()
    """Up was pressed on the first row."""

    def __init__(self, model: ClassListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class-list")
        self.setAccessibleName(_("Classes of the selected photos"))
        self._model = model
        self._last_class = -1
        self._last_row = 0
        self._user_moved = False
        self.delegate = ClassDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setModel(model)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.delegate.verdict_clicked.connect(self.verdict_requested)
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._restore)
        theme.manager().changed.connect(self._repaint)

    def focused_class(self) -> ClassRow | None:
        """The class the keyboard is on."""
        row = self.currentIndex().data(Role.ROW) if self.currentIndex().isValid() else None
        return row if isinstance(row, ClassRow) else None

    def focus_class(self, class_id: int) -> bool:
        """Put the keyboard on a class, to stay on it; False if it is not listed."""
        self._user_moved = True
        return self._go_to(class_id)

    def _go_to(self, class_id: int) -> bool:
        row = self._model.row_of_class(class_id)
        if row < 0:
            return False
        self.setCurrentIndex(self._model.index(row))
        self.scrollTo(self._model.index(row))
        return True

    def focus_first(self) -> None:
        """Put the keyboard on the first class."""
        if self._model.rowCount():
            self.setCurrentIndex(self._model.index(0))
            self.scrollToTop()

    def _remember(self) -> None:
        current = self.focused_class()
        if current is not None:
            self._last_class = current.class_id
            self._last_row = self.currentIndex().row()

    def _restore(self) -> None:
        """Keep the class the user went to in focus on the next photo; else focus the first."""
        count = self._model.rowCount()
        if not count:
            self.class_focused.emit(-1)
        elif not self._user_moved:
            self.focus_first()
        elif not self._go_to(self._last_class):
            # The class left the list (by a filter, say): stay in its row.
            self.setCurrentIndex(self._model.index(min(self._last_row, count - 1)))

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        class_id = current.data(Role.CLASS_ID) if current.isValid() else None
        self.class_focused.emit(-1 if class_id is None else int(class_id))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        current = self.focused_class()
        if plain and key in KEYS and current is not None:
            self.verdict_requested.emit(current.class_id, KEYS[key])
            self._user_moved = True
            event.accept()
        elif plain and key == Qt.Key.Key_Up and self.currentIndex().row() <= 0:
            self.left_at_top.emit()
            event.accept()
        elif event.text().strip():
            event.ignore()  # Qt would search by name and swallow the window's keys
        else:
            self._user_moved = True
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._user_moved = True
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        row = index.data(Role.ROW) if index.isValid() else None
        verdict = None
        if isinstance(row, ClassRow):
            option = QStyleOptionViewItem()
            self.initViewItemOption(option)
            option.rect = self.visualRect(index)
            verdict = self.delegate.geometry(option, row).button_at(event.position())
        self._hover(index.row() if index.isValid() else -1, verdict)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1, None)
        super().leaveEvent(event)

    def _hover(self, row: int, verdict: Verdict | None) -> None:
        if self.delegate.hovered != (row, verdict):
            self.delegate.hovered = (row, verdict)
            self._repaint()

    def _repaint(self, *_: object) -> None:
        self.viewport().update()
