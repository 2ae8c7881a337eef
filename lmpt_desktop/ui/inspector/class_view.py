"""The sections of the inspector as one view: layout, keyboard, mouse and verdicts."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Signal,
)
from PySide6.QtGui import (
    QAction,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    Qt,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QMenu,
    QStyle,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _
from lmpt_desktop.ui.inspector.class_delegate import BUTTONS, MARGIN, ClassDelegate
from lmpt_desktop.ui.inspector.class_model import (
    ClassListModel,
    ClassRow,
    Item,
    Kind,
    Role,
    Section,
    is_reachable,
)
from lmpt_desktop.ui.kit import theme

KEYS = {
    Qt.Key.Key_P: Verdict.PRESENT,
    Qt.Key.Key_A: Verdict.ABSENT,
    Qt.Key.Key_U: Verdict.UNKNOWN,
    Qt.Key.Key_Delete: Verdict.UNKNOWN,
    Qt.Key.Key_Backspace: Verdict.UNKNOWN,
}
"""Heard here where no command of the window has these keys."""
PRESSING = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
CHIP_GAP = 6

Index = QModelIndex | QPersistentModelIndex


class ClassView(QAbstractItemView):
    """Up and Down move through all sections, Left and Right to a row's buttons or the next chip;
    P, A, U and clicks on the buttons give verdicts.  Digits are left to the page, which answers
    the numbered suggestions alike in the grid and here."""

    verdict_requested = Signal(int, object)
    """Class id, :class:`Verdict`."""
    class_focused = Signal(int)
    """The id of the class that the user went to."""
    pin_requested = Signal(int, bool)
    """Class id; whether it is to stay in focus."""
    laid_out = Signal()
    """Rows have got other places, or other room."""
    pointing_changed = Signal()
    """:attr:`pointed_class` may be another one."""
    sweep_requested = Signal(int)
    """Go through the photos that most likely have the class with this id."""
    strictness_requested = Signal(int)
    """The id of a class that is to be stricter or looser than others."""
    left_at_top = Signal()
    """Up was pressed on the first row of what was found."""

    def __init__(
        self, model: ClassListModel, find_bar: QWidget, parent: QWidget | None = None
    ) -> None:
        """``find_bar`` is shown between the heading of all classes and their list."""
        super().__init__(parent)
        self.setObjectName("class-list")
        self.setAccessibleName(_("Classes of the selected photos"))
        self._classes = model
        self._places: list[QRect] | None = None
        self._height = 0
        self._moving = False
        self._last: tuple[Item, int] | None = None
        self._find_bar = find_bar
        find_bar.setParent(self.viewport())
        self.delegate = ClassDelegate(model, self)
        self.setItemDelegate(self.delegate)
        self.setModel(model)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)
        self.delegate.verdict_clicked.connect(self.verdict_requested)
        self.delegate.fold_clicked.connect(self._toggle)
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._restore)
        model.dataChanged.connect(self._rows_changed)
        theme.manager().changed.connect(self._repaint)

    # ------------------------------------------------------------------------------- layout

    def _laid_out(self) -> list[QRect]:
        """Where every row is, from the top of the content: (left, top, width, height)."""
        if self._places is None:
            self._places = self._lay_out()
        return self._places

    def _lay_out(self) -> list[QRect]:
        width, font = self.viewport().width(), self.font()
        places: list[QRect] = []
        margin = int(MARGIN)
        x, top, line = margin, 0, 0
        # All rows of this kind are alike, and there may be a thousand.
        class_height = 0
        for row, item in enumerate(self._classes.items):
            if item.kind in (Kind.CHIP, Kind.FOLD):
                size = self.delegate.item_size(row, font, width)
                if x > margin and x + size.width() > width - margin:
                    x, top, line = margin, top + line + CHIP_GAP - 2, 0
                places.append(QRect(x, top, size.width(), size.height()))
                x += size.width() + CHIP_GAP
                line = max(line, size.height())
                continue
            if x > margin:
                x, top, line = margin, top + line + 2, 0
            if item.kind is Kind.CLASS:
                class_height = class_height or self.delegate.item_size(row, font, width).height()
                height = class_height
            elif item.kind is Kind.FIND:
                height = self._find_bar.sizeHint().height() + 8
            else:
                height = self.delegate.item_size(row, font, width).height()
            places.append(QRect(0, top, width, height))
            top += height
        self._height = top + (line + 2 if x > margin else 0) + 6
        return places

    def _invalidate(self, *_: object) -> None:
        self._places = None
        self.scheduleDelayedItemsLayout()
        self.viewport().update()

    def _rows_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        """Repaint these rows, and lay all out again where one of them takes other room."""
        places, width, font = self._places, self.viewport().width(), self.font()
        for row in range(first.row(), last.row() + 1):
            kind = self._classes.items[row].kind
            if places is None or row >= len(places):
                self._invalidate()
                return
            fixed = kind in (Kind.CLASS, Kind.FIND)
            if not fixed and self.delegate.item_size(row, font, width) != places[row].size():
                self._invalidate()
                return
            self.viewport().update(places[row].translated(0, -self.verticalOffset()))

    def doItemsLayout(self) -> None:
        self._places = None
        super().doItemsLayout()
        self._place_find_bar()

    def updateGeometries(self) -> None:
        self._laid_out()
        bar, page = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, self._height - page))
        bar.setPageStep(page)
        bar.setSingleStep(20)
        super().updateGeometries()
        self.laid_out.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.size().width() != event.oldSize().width():
            self._places = None
        super().resizeEvent(event)
        self.updateGeometries()
        self._place_find_bar()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._invalidate()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._place_find_bar()
        self.viewport().update()

    def _place_find_bar(self) -> None:
        row = next((i for i, item in enumerate(self._classes.items) if item.kind is Kind.FIND), -1)
        self._find_bar.setVisible(row >= 0)
        if row >= 0:
            area = self._laid_out()[row].translated(0, -self.verticalOffset())
            margin = int(MARGIN)
            self._find_bar.setGeometry(area.adjusted(margin, 2, -margin, -6))

    def content_height(self) -> int:
        """Pixels that all rows take."""
        self._laid_out()
        return self._height

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        return False

    def visualRect(self, index: Index) -> QRect:
        places = self._laid_out()
        if not index.isValid() or index.row() >= len(places):
            return QRect()
        return places[index.row()].translated(0, -self.verticalOffset())

    def indexAt(self, point: QPoint) -> QModelIndex:
        place = point + QPoint(0, self.verticalOffset())
        for row, area in enumerate(self._laid_out()):
            if area.contains(place):
                return self._classes.index(row)
        return QModelIndex()

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        for index in selection.indexes():
            region += self.visualRect(index)
        return region

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        index = self.indexAt(rect.topLeft())
        if index.isValid() and is_reachable(self._classes.items[index.row()]):
            self.selectionModel().select(index, command)

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Scroll no further than needed for the row to be seen."""
        if not index.isValid():
            return
        self.updateGeometries()
        area, bar = self.visualRect(index), self.verticalScrollBar()
        if area.top() < 0:
            bar.setValue(bar.value() + area.top())
        elif area.bottom() > self.viewport().height():
            bar.setValue(bar.value() + area.bottom() - self.viewport().height() + 1)

    def open_at_top(self) -> None:
        """Show the first section."""
        self.verticalScrollBar().setValue(0)

    def forget_row(self) -> None:
        """Other images are about to be shown: their rows are others, too."""
        self._moving = True
        self.setCurrentIndex(QModelIndex())
        self._moving = False

    # ---------------------------------------------------------------------------- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        offset = self.verticalOffset()
        exposed = event.rect().translated(0, offset)
        current = self.currentIndex().row()
        for row, area in enumerate(self._laid_out()):
            if area.top() > exposed.bottom():
                break
            if not area.intersects(exposed):
                continue
            option = self.option_of(row)
            if row == current and self.hasFocus():
                option.state |= QStyle.StateFlag.State_HasFocus  # pyright: ignore[reportAttributeAccessIssue]
            self.delegate.paint(painter, option, self._classes.index(row))

    def option_of(self, row: int) -> QStyleOptionViewItem:
        """What the delegate needs to know to paint a row, or to find its buttons."""
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        option.rect = self.visualRect(self._classes.index(row))  # pyright: ignore[reportAttributeAccessIssue]
        option.state &= ~QStyle.StateFlag.State_HasFocus  # pyright: ignore[reportAttributeAccessIssue]
        return option

    def _repaint(self, *_: object) -> None:
        self.viewport().update()

    # --------------------------------------------------------------------------- the keyboard

    def focused_class(self) -> ClassRow | None:
        """The class of the row the keyboard is on."""
        row = self.currentIndex().data(Role.ROW) if self.currentIndex().isValid() else None
        return row if isinstance(row, ClassRow) else None

    def go_to_class(self, class_id: int | None, *, scroll: bool = True) -> bool:
        """Put the keyboard on a class, which emits nothing; False if it is not listed."""
        row = -1 if class_id is None else self._classes.row_of_class(class_id)
        current = self.focused_class()
        if row < 0:
            return False
        if current is None or current.class_id != class_id:
            self._set_current(row)
        if scroll:
            self.scrollTo(self.currentIndex())
        return True

    def shows_class(self, class_id: int, height: int) -> bool:
        """Whether all of a class's first row is in sight in a list of this ``height``."""
        row = self._classes.row_of_class(class_id)
        if row < 0:
            return False
        area = self.visualRect(self._classes.index(row))
        return area.top() >= 0 and area.bottom() < height

    def go_to_first_class(self) -> bool:
        """Put the keyboard on the first class below the search field, as if the user had."""
        for row, item in enumerate(self._classes.items):
            if item.kind is Kind.CLASS and item.section is Section.ALL:
                self.setCurrentIndex(self._classes.index(row))
                return True
        return False

    def _set_current(self, row: int) -> None:
        self._moving = True
        self.setCurrentIndex(self._classes.index(row))
        self._moving = False

    def _remember(self) -> None:
        row = self.currentIndex().row()
        items = self._classes.items
        self._last = (items[row], row) if 0 <= row < len(items) else None

    def _restore(self) -> None:
        """Stay on the same row, or where a class has left its section on the one that follows."""
        self._places = None
        self._hover(-1, None)
        items = self._classes.items
        if self._last is None or not items:
            self._place_find_bar()
            return
        last, row = self._last
        if self._classes.pinned and self.go_to_class(self._classes.focus, scroll=False):
            self._place_find_bar()
            return
        same = [i for i, item in enumerate(items) if item[:3] == last[:3] and is_reachable(item)]
        if same:
            self._set_current(same[0])
        elif last.kind is Kind.CLASS or last.kind is Kind.CHIP:
            inside = [i for i, item in enumerate(items) if item[:2] == last[:2]]
            below = [i for i in inside if items[i].number >= last.number] if last.number else []
            after = below or [i for i in inside if i >= row] or inside[-1:]
            if after and self.hasFocus():
                self.setCurrentIndex(self._classes.index(after[0]))
            elif after:
                self._set_current(after[0])
        self._place_find_bar()

    def currentChanged(self, current: Index, previous: Index) -> None:
        self.delegate.part = None
        super().currentChanged(current, previous)
        self.viewport().update()
        self.pointing_changed.emit()
        class_id = current.data(Role.CLASS_ID) if current.isValid() else None
        if class_id is not None and not self._moving:
            self.class_focused.emit(int(class_id))

    @property
    def pointed_class(self) -> int | None:
        """The class of the row under the pointer, else of the one the keyboard is on."""
        place = self.delegate.hovered[0]
        known = 0 <= place < len(self._classes.items)
        row = self._classes.class_row(place) if known else None
        if row is None and self.hasFocus():
            row = self.focused_class()
        return None if row is None else row.class_id

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.pointing_changed.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Start at the class in focus, or at the first row."""
        super().focusInEvent(event)
        self.pointing_changed.emit()
        if not self.currentIndex().isValid() and not self.go_to_class(self._classes.focus):
            rows = self._reachable()
            if rows:
                self._set_current(rows[0])

    def _reachable(self) -> list[int]:
        return [row for row, item in enumerate(self._classes.items) if is_reachable(item)]

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        rows, places = self._reachable(), self._laid_out()
        if not rows:
            return QModelIndex()
        current = self.currentIndex().row()
        moves = QAbstractItemView.CursorAction
        if not 0 <= current < len(places):
            return self._classes.index(rows[-1 if action is moves.MoveEnd else 0])
        here = places[current]
        if action is moves.MoveHome:
            target = rows[0]
        elif action is moves.MoveEnd:
            target = rows[-1]
        elif action in (moves.MoveLeft, moves.MovePrevious):
            target = max((row for row in rows if row < current), default=current)
        elif action in (moves.MoveRight, moves.MoveNext):
            target = min((row for row in rows if row > current), default=current)
        else:
            page = action in (moves.MovePageUp, moves.MovePageDown)
            step = max(1, self.viewport().height() - here.height()) if page else 1
            up = action in (moves.MoveUp, moves.MovePageUp)
            target = _line_away(places, rows, current, -step if up else step)
        return self._classes.index(target)

    def event(self, event: QEvent) -> bool:
        # Enter presses the button the keyboard is on, though a command may have that key.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in PRESSING
            and not event.modifiers()
            and self._pressable()
        ):
            event.accept()
            return True
        return super().event(event)

    def _pressable(self) -> bool:
        row = self.currentIndex().row()
        if not 0 <= row < len(self._classes.items):
            return False
        return self.delegate.part is not None or self._classes.items[row].column < 0

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        if plain and key in KEYS:
            self._give(KEYS[key])
        elif plain and key in PRESSING and self._pressable():
            self._press()
        elif plain and key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._move_part(key):
            pass
        elif plain and key == Qt.Key.Key_Up and self._at_top():
            self.left_at_top.emit()
        elif event.text().strip() or key in PRESSING:
            event.ignore()  # Qt would search by name and swallow the window's keys
            return
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def _give(self, verdict: Verdict) -> None:
        class_id = self._classes.focus
        if class_id is None:
            current = self.focused_class()
            class_id = None if current is None else current.class_id
        if class_id is not None:
            self.verdict_requested.emit(class_id, verdict)

    def _at_top(self) -> bool:
        """Whether the keyboard is on the first find."""
        rows = [row for row, item in enumerate(self._classes.items) if item.kind is Kind.CLASS]
        return self._classes.finding and self.currentIndex().row() <= (rows or [0])[0]

    def _press(self) -> None:
        item = self._classes.items[self.currentIndex().row()]
        current = self.focused_class()
        if item.column < 0:
            self._toggle(item.section)
        elif current is not None and self.delegate.part is not None:
            part = self.delegate.part
            verdict = Verdict.UNKNOWN if current.verdict is part else part
            self.verdict_requested.emit(current.class_id, verdict)

    def _move_part(self, key: Qt.Key) -> bool:
        """Move between a row and its buttons; False where there is none in this direction."""
        row = self.currentIndex().row()
        if not 0 <= row < len(self._classes.items):
            return False
        item = self._classes.items[row]
        if item.kind is Kind.HEADING:
            self._classes.set_open(item.section, key == Qt.Key.Key_Right)
            return True
        if item.kind is not Kind.CLASS:
            return False
        parts = (None, *BUTTONS)
        place = parts.index(self.delegate.part) + (1 if key == Qt.Key.Key_Right else -1)
        self.delegate.part = parts[min(max(place, 0), len(parts) - 1)]
        self.viewport().update()
        return True

    def _toggle(self, section: Section) -> None:
        self._classes.set_open(section, not self._classes.is_open(section))

    # -------------------------------------------------------------------------------- mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        verdict = None
        if index.isValid():
            option = self.option_of(index.row())
            verdict = self.delegate.button_at(option, index.row(), event.position())
        self._hover(index.row() if index.isValid() else -1, verdict)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1, None)
        super().leaveEvent(event)

    def _hover(self, row: int, verdict: Verdict | None) -> None:
        if self.delegate.hovered != (row, verdict):
            moved = self.delegate.hovered[0] != row
            self.delegate.hovered = (row, verdict)
            self._repaint()
            if moved:
                self.pointing_changed.emit()

    def viewportEvent(self, event: QEvent) -> bool:
        """Buttons have their own tool tips."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self.indexAt(event.pos())
            if index.isValid():
                option = self.option_of(index.row())
                place = event.pos().toPointF()
                verdict = self.delegate.button_at(option, index.row(), place)
                text = self._button_tip(index.row(), verdict)
                if text:
                    QToolTip.showText(event.globalPos(), text, self)
                    return True
        return super().viewportEvent(event)

    def _button_tip(self, row: int, verdict: Verdict | None) -> str:
        """What a button does, and its key."""
        class_row = self._classes.class_row(row)
        if verdict is None or class_row is None:
            return ""
        text = {
            Verdict.PRESENT: _("{name} is present"),
            Verdict.ABSENT: _("{name} is absent"),
            Verdict.UNKNOWN: _("Take back the verdict on {name}"),
        }[verdict].format(name=class_row.name)
        present, absent, unknown = self.delegate.keys
        keys = {Verdict.PRESENT: present, Verdict.ABSENT: absent, Verdict.UNKNOWN: unknown}
        key = keys[verdict] if class_row.focused else ""
        if class_row.number and not key and verdict is Verdict.PRESENT:
            key = str(class_row.number)
        return f"{text} ({key})" if key else text

    def _show_menu(self, place: QPoint) -> None:
        index = self.indexAt(place)
        row = self._classes.class_row(index.row()) if index.isValid() else None
        if row is not None:
            self.menu_of(row).popup(self.viewport().mapToGlobal(place))

    def menu_of(self, row: ClassRow) -> QMenu:
        """What can be done with a class."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addSection(row.name)
        for verdict, text in (
            (Verdict.PRESENT, _("&Present")),
            (Verdict.ABSENT, _("&Absent")),
            (Verdict.UNKNOWN, _("&Unknown")),
        ):
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(row.verdict is verdict)
            action.triggered.connect(
                lambda _on=False, it=verdict: self.verdict_requested.emit(row.class_id, it)
            )
        menu.addSeparator()
        pin = QAction(_("&Keep in focus"), menu)
        pin.setCheckable(True)
        pin.setChecked(row.pinned)
        pin.triggered.connect(lambda on: self.pin_requested.emit(row.class_id, on))
        menu.addAction(pin)
        strictness = menu.addAction(_("&Strictness of this class..."))
        strictness.triggered.connect(lambda: self.strictness_requested.emit(row.class_id))
        sweep = menu.addAction(_("S&weep..."))
        sweep.triggered.connect(lambda: self.sweep_requested.emit(row.class_id))
        return menu


def _line_away(places: list[QRect], rows: list[int], current: int, step: int) -> int:
    """The row nearest to being ``step`` pixels below (above if negative) row ``current``."""
    here = places[current]
    if step > 0:
        others = [row for row in rows if places[row].top() > here.bottom()]
    else:
        others = [row for row in rows if places[row].bottom() < here.top()]
    if not others:
        return current
    wanted = here.top() + step

    def distance(row: int) -> tuple[int, int]:
        return abs(places[row].top() - wanted), abs(places[row].left() - here.left())

    return min(others, key=distance)
