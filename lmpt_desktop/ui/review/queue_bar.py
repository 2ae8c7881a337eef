"""The bar above the photo: the queue, why it asks these questions, and the progress."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.inference.queues import QueueKind
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.class_picker import ClassButton
from lmpt_desktop.ui.kit.key_button import KeyButton
from lmpt_desktop.ui.kit.label import Label

GRID_ROWS = "grid"
"""An entry among the kinds of queues: the photos as the grid shows them."""
PROGRESS_HEIGHT = 3


class ProgressLine(QWidget):
    """Progress as a thin line, repainted when there is time for it.

    ``QProgressBar`` paints at once whenever its value changes, before the photo, which matters
    more.  Screen readers get the counter beside it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue-progress")
        self.setFixedHeight(PROGRESS_HEIGHT)
        self._share = 0.0
        theme.manager().changed.connect(self._repaint)

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self._share

    def show_share(self, share: float) -> None:
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.current()
        painter.fillRect(self.rect(), colours.colour("border"))
        done = QRectF(0, 0, self.width() * self._share, self.height())
        painter.fillRect(done, colours.colour("accent"))

    def _repaint(self, *_: object) -> None:
        self.update()


class QueueBar(QWidget):
    """Emits :attr:`requested` when the user asks for other questions."""

    requested = Signal(object, object)
    """A :class:`QueueKind`, and a class id or None."""

    def __init__(self, commands: CommandRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue-bar")
        self._classes: tuple[ClassEntry, ...] = ()
        self._suggested: int | None = None
        self.leave = KeyButton(commands.action("review.leave"), _("Grid"), "image")
        self.kind = QComboBox()
        self.kind.setObjectName("queue-kind")
        self.kind.setAccessibleName(_("Questions"))
        self.kind.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for kind in QueueKind:
            self.kind.addItem(_(kind.label), kind.value)
            self.kind.setItemData(self.kind.count() - 1, _(kind.tip), Qt.ItemDataRole.ToolTipRole)
        self.classes = ClassButton()
        self.classes.setObjectName("queue-class")
        self.classes.setAccessibleName(_("Class to ask about"))
        self.classes.hide()
        self.explanation = Label()
        self.explanation.setObjectName("queue-explanation")
        self.explanation.setProperty("role", "muted")
        self.explanation.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.explanation.setSizePolicy(policy)
        self.counter = Label()
        self.counter.setObjectName("queue-counter")
        self.counter.setProperty("role", "heading")
        self.progress = ProgressLine()
        row = QHBoxLayout()
        row.setContentsMargins(8, 6, 12, 4)
        row.setSpacing(8)
        for part in (self.leave, self.kind, self.classes):
            row.addWidget(part)
        row.addWidget(self.explanation, 1)
        row.addWidget(self.counter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self.progress)
        self.kind.activated.connect(lambda _index: self._emit_requested())
        self.classes.chosen.connect(lambda _class_id: self._emit_requested())

    # ----------------------------------------------------------------------------- showing

    def show_queue(self, kind: QueueKind, class_id: int | None) -> None:
        """Show the queue that is being asked."""
        self._remove_grid_entry()
        self.kind.setCurrentIndex(self.kind.findData(kind.value))
        self.classes.setVisible(kind.needs_class)
        if kind.needs_class:
            self.classes.show_classes(self._classes)
            self.classes.choose(class_id)
        self.explanation.setText(_(kind.tip))

    def show_grid_rows(self) -> None:
        """The photos come from the grid, in its order."""
        if self.kind.findData(GRID_ROWS) < 0:
            self.kind.insertItem(0, _("Photos from the grid"), GRID_ROWS)
        self.kind.setCurrentIndex(0)
        self.classes.hide()
        self.explanation.setText(_("The photos as the grid shows them"))

    def show_progress(self, position: int, count: int) -> None:
        """``position`` of ``count`` questions are done."""
        place = number(min(position + 1, count))
        text = _("{place} of {count}").format(place=place, count=number(count))
        self.counter.setText(text if count else "")
        self.progress.show_share(position / count if count else 0.0)

    def set_classes(self, classes: tuple[ClassEntry, ...]) -> None:
        """The vocabulary, to choose one class from."""
        self._classes = classes

    def suggest_class(self, class_id: int | None) -> None:
        """Begin with this class when a queue about one class is chosen."""
        self._suggested = class_id

    # ------------------------------------------------------------------------------ inside

    def _remove_grid_entry(self) -> None:
        place = self.kind.findData(GRID_ROWS)
        if place >= 0:
            self.kind.removeItem(place)

    def _first_class(self) -> int | None:
        first = min(self._classes, key=lambda entry: entry.name.casefold(), default=None)
        return first.id if first is not None else None

    def _emit_requested(self) -> None:
        chosen = self.kind.currentData()
        if chosen == GRID_ROWS:
            return
        kind = QueueKind(chosen)
        if kind.needs_class:
            self.classes.show_classes(self._classes)
            if self.classes.isHidden() and self._suggested is not None:
                self.classes.choose(self._suggested)
            self.classes.show()
            if self.classes.class_id is None:
                self.classes.choose(self._first_class())
            if self.classes.class_id is not None:
                self.requested.emit(kind, self.classes.class_id)
        else:
            self.requested.emit(kind, None)
