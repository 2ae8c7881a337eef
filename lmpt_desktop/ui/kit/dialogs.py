"""Base of dialogs about an open library, and helpers for dialogs and tables."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeySequence, QPalette, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QTableView,
    QWidget,
)

from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import Task

if TYPE_CHECKING:
    from lmpt_desktop.engine.notices import Notice
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.kit.bridge import SessionBridge

log = logging.getLogger(__name__)

FRAME = QSize(16, 48)
"""Estimated size of the frame that a window manager draws around a dialog."""

ResultT = TypeVar("ResultT")


class MessageStrip(QFrame):
    """A message with an icon and at most one button; hidden while there is none."""

    pressed = Signal()
    """The button was pressed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message-strip")
        self._kind = "text"
        self._icon = Label()
        self._icon.setFixedWidth(20)
        self.sentence = Label()
        self.sentence.setObjectName("message")
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = QPushButton()
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self.pressed)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.sentence, 1)
        row.addWidget(self.button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        theme.manager().changed.connect(self._restyle)
        self.hide()

    @property
    def text(self) -> str:
        return self.sentence.text()

    def show_text(self, text: str, kind: str = "text", button: str = "") -> None:
        """Show a message; ``kind`` is "text", "warning" or "error"."""
        self._kind = kind
        self.sentence.setText(text)
        self.sentence.setAccessibleName(text)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._restyle()
        self.setVisible(bool(text))

    def clear(self) -> None:
        self.show_text("")

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        name = {"warning": "warning", "error": "warning"}.get(self._kind, "info")
        tint = self._kind if self._kind in ("warning", "error") else "muted"
        self._icon.setPixmap(theme.icon(name, tint).pixmap(16, 16))
        self.setStyleSheet(
            f"#message-strip {{ background: {colours.raised}; border-radius: 4px; "
            f"border-left: 3px solid {getattr(colours, tint)}; }}"
        )


class LibraryDialog(QDialog):
    """A modeless dialog about one open library, deleted when closed.

    Without a ``bridge`` for the session's notices it does not follow changes of the library.
    """

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.session = session
        self._bridge = bridge
        self._handlers: list[Callable[[Any], object]] = []
        self.strip = MessageStrip()
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.finished.connect(self._stop_listening)

    def listen(self, kind: type[Notice], handler: Callable[[Any], object]) -> None:
        """Call ``handler`` with every notice of ``kind`` until the dialog closes."""
        if self._bridge is not None:
            self._bridge.on(kind, handler)
            self._handlers.append(handler)

    def run(
        self,
        work: Callable[[], ResultT],
        done: Callable[[ResultT], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
    ) -> Task[ResultT]:
        """Call ``work``, which may use the catalogue, off the window's thread.

        ``done(result)`` is called unless the dialog was closed.  An error goes to ``failed``, or is
        shown in the message strip.
        """
        return Task(work, done, failed or self.show_error, owner=self)

    def show_error(self, error: Exception) -> None:
        """Show an error in the message strip."""
        if isinstance(error, RefusedError):
            log.info("refused: %s", error)
        else:
            log.warning("refused: %s", error, exc_info=error)
        gone = isinstance(error, KeyError)
        message = _("It no longer exists.") if gone else message_of(error)
        self.strip.show_text(message, "error")

    def event(self, event: QEvent) -> bool:
        answer = super().event(event)
        # When it opens, and when a text becomes longer.
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest) and self.isVisible():
            grow_to_text(self)
        return answer

    def _stop_listening(self, _result: int) -> None:
        if self._bridge is not None:
            for handler in self._handlers:
                self._bridge.off(handler)
        self._handlers.clear()


def grow_to_text(dialog: QDialog) -> None:
    """Make a dialog as high as its wrapped texts need, as far as the screen allows.

    Qt limits new dialogs to two thirds of the screen's height and cuts off the rest, which happens
    on small screens and at 150 %.
    """
    layout = dialog.layout()
    if layout is not None:
        needed = max(
            layout.totalHeightForWidth(dialog.width()) if layout.hasHeightForWidth() else 0,
            layout.totalMinimumSize().height(),
        )
        room = dialog.screen().availableGeometry().height()
        if needed > dialog.height():
            dialog.resize(dialog.width(), min(needed, room))


def size_within(screen: QSize, wanted: QSize) -> QSize:
    """The size that a dialog should begin with on a screen: ``wanted``, if that fits with the
    window manager's frame."""
    return wanted.boundedTo(screen - FRAME)


def named_button(name: str, text: str) -> QPushButton:
    """A button that Enter does not press unless it has the focus."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAutoDefault(False)
    return button


def on_ctrl_enter(dialog: QDialog, act: Callable[[], object]) -> None:
    """Call ``act`` when Ctrl+Enter is pressed, of either Enter."""
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        shortcut = QShortcut(QKeySequence(Qt.KeyboardModifier.ControlModifier | key), dialog)
        shortcut.activated.connect(act)


def close_box(dialog: QDialog) -> QDialogButtonBox:
    """A Close button that Enter in a text field does not press."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    box.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
    box.rejected.connect(dialog.reject)
    return box


def style_table(
    table: QTableView, stretch: int, widths: dict[int, int], *, edited: bool = False
) -> None:
    """Style a table: one line per row, no grid, whole rows selected.

    ``widths`` are minimum widths of columns, in pixels; column ``stretch`` gets the rest.
    ``edited``: the cell in focus has a frame, since cells are edited.
    """
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    table.setStyleSheet(
        ("" if edited else "QTableView { outline: none; }") + "QTableView::item { padding: 0 6px; }"
        "QHeaderView::section { padding: 4px 9px; border: none; background: palette(button);"
        " border-bottom: 1px solid palette(mid); }"
    )
    rows = table.verticalHeader()
    rows.hide()
    rows.setDefaultSectionSize(table.fontMetrics().height() + 10)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    for column, width in widths.items():
        # A translated title may need more than the width chosen for the English one.
        needed = header.sectionSizeHint(column) + 14 if table.model() is not None else 0
        header.resizeSection(column, max(width, needed))


def heading(text: str) -> Label:
    """A heading above a part of a dialog."""
    label = Label(text)
    label.setProperty("role", "heading")
    return label


def muted(text: str = "") -> Label:
    """A label of secondary text, wrapped."""
    label = Label(text)
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    return label


def larger(font: QFont, factor: float) -> QFont:
    """``font`` at ``factor`` times its size."""
    result = QFont(font)
    if font.pointSizeF() > 0:
        result.setPointSizeF(font.pointSizeF() * factor)
    else:
        result.setPixelSize(round(font.pixelSize() * factor))
    return result


def tint(label: Label, colour: QColor) -> None:
    """Set the text colour of a label."""
    palette = label.palette()
    palette.setColor(QPalette.ColorRole.WindowText, colour)
    label.setPalette(palette)
