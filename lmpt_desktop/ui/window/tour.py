"""The tour: four cards, each beside the part of the window it explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.shell.context import ShellContext

CARD_WIDTH = 340
GAP = 10


@dataclass(frozen=True)
class Step:
    """A card: its text, and the part of the window it is placed beside."""

    title: str
    text: str
    anchor: str
    """The name of that part; the window knows the widget."""


STEPS: tuple[Step, ...] = (
    Step(
        N_("Open a folder"),
        N_(
            "Choose a folder of photos, or drag one into the window. The model looks at every "
            "photo once and predicts which classes are in it. Your photos stay as they are."
        ),
        "open",
    ),
    Step(
        N_("Look at the tail"),
        N_(
            "Most classes have few photos: they are the tail, marked ◆. Models are "
            "worst at them. Filter by band or sort with the tail first to see what "
            "was predicted there."
        ),
        "bands",
    ),
    Step(
        N_("Correct"),
        N_(
            "Select a photo and mark a class as present ({present}) or absent ({absent}). Mark "
            "the photo as reviewed ({reviewed}) when the rest is right. Everything can be undone."
        ),
        "inspector",
    ),
    Step(
        N_("Retrain and compare"),
        N_(
            "After a few dozen corrections, retrain. The app learns better prompts "
            "from them in the background. Compare old and new, class by class, and "
            "decide which to use."
        ),
        "retrain",
    ),
)


class _Ring(QWidget):
    """A frame around the part of the window that a card explains."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().colour("accent"), 2))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -2, -2), 5, 5)


class TourCard(QFrame):
    """A card over the window, which stays usable."""

    ended = Signal(bool)
    """The tour was finished or skipped; True if the card had the keyboard focus."""

    def __init__(
        self, window: QWidget, context: ShellContext, anchors: Callable[[str], QWidget | None]
    ) -> None:
        """``anchors`` returns the widget of a part of the window, None if it is not there."""
        super().__init__(window)
        self.setObjectName("tour")
        self._window = window
        self._context = context
        self._anchors = anchors
        self._step = 0
        self._anchor: QWidget | None = None
        self.ring = _Ring(window)
        self.title = QLabel()
        self.title.setProperty("role", "heading")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.place = QLabel()
        self.place.setProperty("role", "muted")
        self.skip = QPushButton(_("&Skip"))
        self.back = QPushButton(_("&Back"))
        self.next = QPushButton()
        foot = QHBoxLayout()
        foot.addWidget(self.place, 1)
        for button in (self.skip, self.back, self.next):
            button.setAutoDefault(True)
            foot.addWidget(button)
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 12, 12)
        layout.setSpacing(8)
        for part in (self.title, self.text):
            layout.addWidget(part)
        layout.addLayout(foot)
        self.skip.clicked.connect(self.end)
        self.back.clicked.connect(lambda: self.show_step(self._step - 1))
        self.next.clicked.connect(self._next_step)
        # Layouts are updated one after the other; place the card when they are done.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self._place_card)
        window.installEventFilter(self)
        theme.manager().changed.connect(self._restyle)
        context.opened.connect(self._library_opened)
        context.closed.connect(self._settle.start)
        self._restyle()
        self.hide()

    @property
    def step(self) -> int:
        """Which card is shown, from 0."""
        return self._step

    def begin(self) -> None:
        """Show the first card and give it the keyboard focus."""
        self.show_step(0)
        self.next.setFocus()

    def show_step(self, number: int) -> None:
        """Show a card; after the last one the tour ends."""
        if number >= len(STEPS):
            self.end()
            return
        self._step = max(0, number)
        step = STEPS[self._step]
        last = self._step == len(STEPS) - 1
        self.title.setText(_(step.title))
        keys = {
            name: self._context.commands.keys_text(f"image.{name}") or "–"
            for name in ("present", "absent", "reviewed")
        }
        self.text.setText(_(step.text).format(**keys))
        self.place.setText(_("{step} of {steps}").format(step=self._step + 1, steps=len(STEPS)))
        self.next.setText(_("&Done") if last else _("&Next"))
        self.back.setEnabled(self._step > 0)
        self.skip.setVisible(not last)
        self.setAccessibleName(_(step.title))
        self.setAccessibleDescription(self.text.text())
        self.show()
        self._settle.start()

    def end(self) -> None:
        """Hide the card and end the tour."""
        self.ring.hide()
        self._follow_anchor(None)
        had_focus = self.isAncestorOf(self._window.focusWidget() or self._window)
        self.hide()
        self.ended.emit(had_focus)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.end()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (
            QEvent.Type.Resize,
            QEvent.Type.Move,
            QEvent.Type.Show,
            QEvent.Type.Hide,
            QEvent.Type.LayoutRequest,
        ):
            self._settle.start()
        return False

    # ------------------------------------------------------------------------------ details

    def _next_step(self) -> None:
        self.show_step(self._step + 1)

    def _library_opened(self, _page: object) -> None:
        if self.isVisible() and self._step == 0:
            self.show_step(1)
        self._settle.start()

    def _follow_anchor(self, anchor: QWidget | None) -> None:
        if self._anchor is not None and isValid(self._anchor):
            self._anchor.removeEventFilter(self)
        self._anchor = anchor
        if anchor is not None:
            anchor.installEventFilter(self)

    def _place_card(self) -> None:
        if not self.isVisible():
            return
        anchor = self._anchors(STEPS[self._step].anchor)
        if anchor is not self._anchor:
            self._follow_anchor(anchor)
        # The text wraps, so the height depends on the width, which the buttons determine.
        width = max(CARD_WIDTH, self._layout.minimumSize().width())
        self.setFixedSize(width, self._layout.totalHeightForWidth(width))
        room = self._window.rect().adjusted(GAP, GAP, -GAP, -GAP)
        if anchor is None or not anchor.isVisible():
            self.ring.hide()
            self.move(room.center() - self.rect().center())
        else:
            target = QRect(anchor.mapTo(self._window, QPoint(0, 0)), anchor.size())
            self.ring.setGeometry(target.adjusted(-3, -3, 3, 3))
            self.ring.show()
            self.ring.raise_()
            self.move(beside(target, self.size(), room))
        self.raise_()

    def _restyle(self, *_args: object) -> None:
        colours = theme.current()
        self.setStyleSheet(
            f"#tour {{ background: {colours.raised}; border: 1px solid {colours.border};"
            f" border-left: 4px solid {colours.accent}; border-radius: 6px; }}"
        )
        self.ring.update()


def beside(target: QRect, card: QSize, room: QRect) -> QPoint:
    """The position within ``room`` where a card hides as little of ``target`` as possible.

    Below it, else above, left or right; if no side has enough room, over its far corner.
    """
    centre = target.center()
    left = centre.x() - card.width() // 2
    top = max(target.top(), centre.y() - card.height())
    places = (
        QPoint(left, target.bottom() + GAP),
        QPoint(left, target.top() - GAP - card.height()),
        QPoint(target.left() - GAP - card.width(), top),
        QPoint(target.right() + GAP, top),
        QPoint(target.right() - card.width(), target.bottom() - card.height()),
    )
    inside = [_within(QRect(place, card), room) for place in places]
    return next((at for at in inside if not QRect(at, card).intersects(target)), inside[-1])


def _within(card: QRect, room: QRect) -> QPoint:
    x = max(room.left(), min(card.left(), room.right() - card.width()))
    y = max(room.top(), min(card.top(), room.bottom() - card.height()))
    return QPoint(x, y)
