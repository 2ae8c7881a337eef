"""What dialogs on an open library share: notices while open, and a line to say things in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableView,
    QWidget,
)

from lmpt_desktop.engine.notices import Notice
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.kit.bridge import SessionBridge

logger = logging.getLogger(__name__)


class MessageStrip(QFrame):
    """One sentence with an icon and at most one button; hidden while there is nothing."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message-strip")
        self._kind = "text"
        self._icon = QLabel()
        self._icon.setFixedWidth(20)
        self.sentence = QLabel()
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

    def say(self, text: str, kind: str = "text", button: str = "") -> None:
        """Show a sentence; ``kind`` is "text", "warning" or "error"."""
        self._kind = kind
        self.sentence.setText(text)
        self.sentence.setAccessibleName(text)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._restyle()
        self.setVisible(bool(text))

    def clear(self) -> None:
        self.say("")

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

    ``bridge`` brings the session's notices; without one the dialog shows what holds when it
    is opened.
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

    def attempt(self, act: Callable[[], object]) -> bool:
        """Do something that may be refused; a refusal is said in the strip."""
        try:
            act()
        except Exception as error:  # every refusal carries a sentence for the user
            logger.warning("refused: %s", error, exc_info=True)
            gone = isinstance(error, KeyError)
            said = _("It is no longer there.") if gone else str(error)
            self.strip.say(said or type(error).__name__, "error")
            return False
        return True

    def event(self, event: QEvent) -> bool:
        answer = super().event(event)
        # When it opens, and when what it says becomes longer.
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

    Qt opens dialogs no higher than two thirds of the screen and rather cuts lines: on a small
    screen, or a large one at 150 %, that is soon reached.
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


def close_box(dialog: QDialog) -> QDialogButtonBox:
    """A Close button that Enter in a text field does not press."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    box.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
    box.rejected.connect(dialog.reject)
    return box


def dress_table(table: QTableView, stretch: int, widths: dict[int, int]) -> None:
    """Rows of one line, no grid, whole rows selected; ``stretch`` takes the room left."""
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    table.setStyleSheet(
        "QTableView::item { padding: 0 6px; }"
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
        # Words of another language may be longer than those the width was chosen for.
        needed = header.sectionSizeHint(column) + 14 if table.model() is not None else 0
        header.resizeSection(column, max(width, needed))


def heading(text: str) -> QLabel:
    """A label above a part of a dialog."""
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label


def muted(text: str = "") -> QLabel:
    """A label of secondary text, wrapped."""
    label = QLabel(text)
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


def tint(label: QLabel, colour: QColor) -> None:
    """Write a label in a colour."""
    palette = label.palette()
    palette.setColor(QPalette.ColorRole.WindowText, colour)
    label.setPalette(palette)
