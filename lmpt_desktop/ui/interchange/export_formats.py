"""The list of formats that can be written: grouped, with what each is for, and a search field."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.interchange.section import Index, plain_label, plain_tip
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import larger

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (N_("This app"), ("jsonl",)),
    (N_("Tables"), ("csv-wide", "csv-long")),
    (N_("Photo programs"), ("xmp", "exiftool-csv", "txt")),
    (N_("Training"), ("coco", "voc", "hf", "fiftyone", "datumaro")),
    (N_("Annotation tools"), ("label-studio", "cvat")),
    (N_("Nature observation"), ("camtrap-dp",)),
)
"""Titles and names of formats, in the order shown; a format in none comes last."""
_OTHERS = N_("Others")

WIDTH = 43
"""Average characters that the list is wide."""
_PADDING = 6
_INDENT = 10


def grouped(formats: tuple[Format, ...]) -> list[tuple[str, list[Format]]]:
    """Formats under the titles of their groups (translated); groups without any are left out."""
    by_name = {item.name: item for item in formats}
    found = [
        (_(title), [by_name.pop(name) for name in names if name in by_name])
        for title, names in GROUPS
    ]
    found.append((_(_OTHERS), list(by_name.values())))
    return [(title, members) for title, members in found if members]


class FormatModel(QAbstractListModel):
    """Titles of groups (texts, not selectable) and formats."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._groups = grouped(registry.writable())
        self._rows: list[str | Format] = []
        self.find("")

    def find(self, text: str) -> None:
        """Show only formats of which a name, their title or what they are for has every word."""
        words = folded(text).split()
        self.beginResetModel()
        self._rows = []
        for title, members in self._groups:
            shown = [item for item in members if all(word in _searched(item) for word in words)]
            self._rows += [title, *shown] if shown else []
        self.endResetModel()

    def row_of(self, name: str) -> int:
        """The row of a format; -1 if it is not shown."""
        return next(
            (
                row
                for row, item in enumerate(self._rows)
                if isinstance(item, Format) and item.name == name
            ),
            -1,
        )

    def format_at(self, row: int) -> Format | None:
        """The format in a row; None if a title is there."""
        item = self._rows[row] if 0 <= row < len(self._rows) else None
        return item if isinstance(item, Format) else None

    def first(self) -> Format | None:
        """The first format shown."""
        return next((item for item in self._rows if isinstance(item, Format)), None)

    # ----------------------------------------------------------------------------------- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        item = self._rows[index.row()]
        if isinstance(item, str):
            return item if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.DisplayRole:
            return _(item.title)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(_(item.summary)) if item.summary else None
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return _(item.summary) if item.summary else None
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and self.format_at(index.row()) is None:
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)


def _searched(item: Format) -> str:
    parts = (item.name, _(item.title), _(item.summary) if item.summary else "", *item.suffixes)
    return folded(" ".join(parts))


class FormatDelegate(QStyledItemDelegate):
    """A format's title and, smaller and wrapped, what it is for."""

    def __init__(self, view: QListView) -> None:
        super().__init__(view)
        self._view = view

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        shown = QStyleOptionViewItem(option)
        self.initStyleOption(shown, index)
        title, summary, is_format = self._texts(index)
        shown.text = ""  # pyright: ignore[reportAttributeAccessIssue]
        style = self._view.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, shown, painter, self._view)
        rect = self._inner(cast(QRect, option.rect), is_format)  # pyright: ignore[reportAttributeAccessIssue]
        state = option.state  # pyright: ignore[reportAttributeAccessIssue]
        selected = bool(state & QStyle.StateFlag.State_Selected)
        palette = self._view.palette()
        group = (
            QPalette.ColorGroup.Active
            if state & QStyle.StateFlag.State_Active
            else QPalette.ColorGroup.Inactive
        )
        on = palette.color(group, QPalette.ColorRole.HighlightedText)
        painter.save()
        font = self._title_font(is_format)
        painter.setFont(font)
        colours = theme.current()
        plain = colours.colour("text" if is_format else "muted")
        painter.setPen(on if selected else plain)
        metrics = QFontMetrics(font)
        top = QRect(rect.left(), rect.top(), rect.width(), metrics.height())
        if not is_format:
            top.moveBottom(rect.bottom())
        painter.drawText(
            top,
            int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
            metrics.elidedText(title, Qt.TextElideMode.ElideRight, rect.width()),
        )
        if summary:
            painter.setFont(self._summary_font())
            painter.setPen(on if selected else colours.colour("muted"))
            below = rect.adjusted(0, metrics.height() + 1, 0, 0)
            painter.drawText(below, int(Qt.TextFlag.TextWordWrap), summary)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        _title, summary, is_format = self._texts(index)
        width = self._view.viewport().width()
        inner = self._inner(QRect(0, 0, width, 10_000), is_format)
        height = QFontMetrics(self._title_font(is_format)).height() + 2 * _PADDING
        if not is_format:
            return QSize(width, height + _PADDING)
        if summary:
            metrics = QFontMetrics(self._summary_font())
            height += (
                1 + metrics.boundingRect(inner, int(Qt.TextFlag.TextWordWrap), summary).height()
            )
        return QSize(width, height)

    def _texts(self, index: Index) -> tuple[str, str, bool]:
        is_format = bool(index.flags() & Qt.ItemFlag.ItemIsSelectable)
        summary = index.data(Qt.ItemDataRole.AccessibleDescriptionRole) or ""
        return str(index.data()), str(summary), is_format

    @staticmethod
    def _inner(rect: QRect, is_format: bool) -> QRect:
        return rect.adjusted(_INDENT if is_format else _PADDING, _PADDING, -_PADDING, -_PADDING)

    def _title_font(self, is_format: bool) -> QFont:
        font = QFont(self._view.font()) if is_format else larger(self._view.font(), 0.9)
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def _summary_font(self) -> QFont:
        return larger(self._view.font(), 0.9)


class FormatView(QListView):
    """Lays its rows out anew when its width changes, since texts are wrapped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("formats")
        self.setAccessibleName(_("Formats"))
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegate(FormatDelegate(self))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.scheduleDelayedItemsLayout()


class FormatList(QWidget):
    """The formats; one of them is chosen, also while a search does not show it."""

    chosen = Signal(object)
    """Another :class:`Format`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """``name``: of the format that is chosen at first; another one if there is none of it."""
        super().__init__(parent)
        self.model = FormatModel(self)
        self.search = QLineEdit()
        self.search.setObjectName("find-format")
        self.search.setPlaceholderText(_("Find a format or program"))
        self.search.setAccessibleName(_("Find a format or program"))
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.view = FormatView()
        self.view.setModel(self.model)
        self.nothing = plain_label(_("No format fits. Try the name of a program."), role="muted")
        self.nothing.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.search)
        layout.addWidget(self.nothing)
        layout.addWidget(self.view, 1)
        scroll_bar = self.view.verticalScrollBar().sizeHint().width()
        self.setFixedWidth(self.fontMetrics().averageCharWidth() * WIDTH + scroll_bar)
        first = self.model.format_at(self.model.row_of(name)) or self.model.first()
        assert first is not None
        self.current: Format = first
        self._select()
        self.search.textChanged.connect(self._find)
        self.view.selectionModel().currentChanged.connect(self._changed)

    def choose(self, name: str) -> None:
        """Choose a format by name."""
        self.search.clear()
        row = self.model.row_of(name)
        if row >= 0:
            self.view.setCurrentIndex(self.model.index(row))

    def _select(self) -> None:
        row = self.model.row_of(self.current.name)
        if row >= 0:
            self.view.setCurrentIndex(self.model.index(row))
            self.view.scrollTo(self.model.index(row))

    def _find(self, text: str) -> None:
        self.model.find(text)
        self.nothing.setVisible(self.model.first() is None)
        self.view.setVisible(self.model.first() is not None)
        self._select()

    def _changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        item = self.model.format_at(current.row())
        if item is not None and item is not self.current:
            self.current = item
            self.chosen.emit(item)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter and the arrow keys go from the search field into what it has found."""
        if watched is self.search and event.type() == QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            keys = (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter)
            plain = not event.modifiers() & Qt.KeyboardModifier.ControlModifier
            if event.key() in keys and plain:
                first = self.model.first()
                if first is not None:
                    if self.model.row_of(self.current.name) < 0:
                        self.view.setCurrentIndex(self.model.index(self.model.row_of(first.name)))
                    self.view.setFocus(Qt.FocusReason.TabFocusReason)
                return True
            if event.key() == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return super().eventFilter(watched, event)
