"""The tour: a few cards, each beside the part of the window it explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.shell.context import ShellContext

CARD_WIDTH = 340
GAP = 10
FOLLOW_MS = 150
"""How often a card looks where what it explains is."""


@dataclass(frozen=True)
class Step:
    """A card: its text, and the part of the window it is placed beside."""

    title: str
    text: str
    anchor: str
    """The name of that part; the window knows where it is."""


STEPS: tuple[Step, ...] = (
    Step(
        N_("Your photos"),
        N_(
            "Choose a folder to see only its photos. Drag another one into the window to add it. "
            "Your photos are only read, never changed."
        ),
        "folders",
    ),
    Step(
        N_("What the model suggests"),
        N_(
            "Below every photo are the classes that the model suggests, the surest first. "
            "◆ marks a class that is rare in this library: there your help counts most."
        ),
        "card",
    ),
    Step(
        N_("Say what is right"),
        N_(
            "The suggestions for the selected photo are numbered: press a number, and that class "
            "is present. {present}, {absent} and {unknown} act on the class in focus. "
            "Everything can be undone ({undo})."
        ),
        "inspector",
    ),
    Step(
        N_("Confirm a photo"),
        N_(
            "Is everything that is suggested right? {confirm} makes it present and the other "
            "classes absent; your own verdicts stay. If you have marked all that is there "
            "yourself, {rest} makes only the rest absent."
        ),
        "confirm",
    ),
    Step(
        N_("Review"),
        N_(
            "Shows one photo at a time and asks the questions whose answers help most, "
            "with the reason for each ({review})."
        ),
        "review",
    ),
    Step(
        N_("The long tail"),
        N_(
            "Most classes are in few photos, and there models are at their worst. This page shows "
            "which are rare and which need examples ({tail})."
        ),
        "long-tail",
    ),
    Step(
        N_("Retrain and compare"),
        N_(
            "After a few dozen verdicts, retrain: the app learns from them in the background. "
            "Then compare old and new, class by class, and decide which to use."
        ),
        "retrain",
    ),
)

KEYS = {
    "present": "image.present",
    "absent": "image.absent",
    "unknown": "image.unknown",
    "confirm": "image.confirm",
    "rest": "image.reviewed",
    "undo": "edit.undo",
    "review": "view.review",
    "tail": "view.long-tail",
}
"""The commands whose keys the texts name."""


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
    """A card over the window, which stays usable.  Steps whose part of the window is not to be
    seen are left out."""

    ended = Signal(bool)
    """The tour was finished or skipped; True if the card had the keyboard focus."""

    def __init__(
        self,
        window: QWidget,
        context: ShellContext,
        anchors: Callable[[str], QRect | None],
        prepare: Callable[[str], object],
    ) -> None:
        """``anchors`` returns where in the window a part of it is, None if it is not to be seen;
        ``prepare`` is called before a step is shown, to have something to see."""
        super().__init__(window)
        self.setObjectName("tour")
        self._window = window
        self._context = context
        self._anchors = anchors
        self._prepare = prepare
        self._step = 0
        self.ring = _Ring(window)
        self.title = Label()
        self.title.setProperty("role", "heading")
        self.text = Label()
        self.text.setWordWrap(True)
        self.place = Label()
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
        self.back.clicked.connect(lambda: self._go(-1))
        self.next.clicked.connect(lambda: self._go(1))
        # What a card points at moves with the window, its splitters and what is in them.
        self._follow = QTimer(self)
        self._follow.setInterval(FOLLOW_MS)
        self._follow.timeout.connect(self._place_card)
        theme.manager().changed.connect(self._restyle)
        context.closed.connect(self._library_closed)
        self._restyle()
        self.hide()

    @property
    def step(self) -> int:
        """Which of the steps is shown, from 0."""
        return self._step

    def begin_soon(self) -> None:
        """Begin when the window has come to rest."""
        QTimer.singleShot(0, self, self.begin)

    def begin(self) -> None:
        """Show the first card and give it the keyboard focus; nothing if there is none to show."""
        steps = self._steps()
        if steps:
            self.show_step(steps[0])
            self.next.setFocus()

    def show_step(self, number: int) -> None:
        """Show the card of a step."""
        self._step = number
        step = STEPS[number]
        self._prepare(step.anchor)
        self.title.setText(_(step.title))
        text_of = self._context.commands.keys_text
        keys = {name: text_of(command).split(",")[0] or "–" for name, command in KEYS.items()}
        self.text.setText(_(step.text).format(**keys))
        self._number_card()
        self.setAccessibleName(_(step.title))
        self.setAccessibleDescription(self.text.text())
        self.show()
        self._follow.start()
        self._place_card()

    def end(self) -> None:
        """Hide the card and end the tour."""
        self._follow.stop()
        self.ring.hide()
        had_focus = self.isAncestorOf(self._window.focusWidget() or self._window)
        self.hide()
        self.ended.emit(had_focus)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.end()
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------------------------ details

    def _steps(self) -> list[int]:
        """The steps with something to see, in order."""
        return [n for n, step in enumerate(STEPS) if self._anchors(step.anchor) is not None]

    def _go(self, direction: int) -> None:
        """To the next card, or the one before; after the last one the tour ends."""
        before = self._step
        steps = [n for n in self._steps() if (n - before) * direction > 0]
        if steps:
            self.show_step(steps[0] if direction > 0 else steps[-1])
        elif direction > 0:
            self.end()

    def _number_card(self) -> None:
        steps = sorted({*self._steps(), self._step})
        place = steps.index(self._step)
        last = place == len(steps) - 1
        self.place.setText(_("{step} of {steps}").format(step=place + 1, steps=len(steps)))
        self.next.setText(_("&Done") if last else _("&Next"))
        self.back.setEnabled(place > 0)
        self.skip.setVisible(not last)

    def _library_closed(self) -> None:
        if self.isVisible():
            self.end()

    def _place_card(self) -> None:
        if not self.isVisible():
            return
        # The text wraps, so the height depends on the width, which the buttons determine.
        width = max(CARD_WIDTH, self._layout.minimumSize().width())
        self.setFixedSize(width, self._layout.totalHeightForWidth(width))
        room = self._window.rect().adjusted(GAP, GAP, -GAP, -GAP)
        target = self._anchors(STEPS[self._step].anchor)
        if target is None:
            self.ring.hide()
            self.move(room.center() - self.rect().center())
        else:
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
