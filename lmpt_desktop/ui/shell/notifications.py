"""Messages that float over the bottom of the window's content.

They never take the keyboard focus by themselves, and never move what is below them.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label

MAX_SHOWN = 3
AUTO_DISMISS_MS = 12_000
"""How long a message that needs no reaction stays; others stay until dismissed."""
TOAST_MS = 8_000
"""How long a toast stays: long enough to press its button."""

MIN_WIDTH, MAX_WIDTH = 420, 560
"""Of a message, in pixels at 100 %; a toast is as narrow as its text."""
GAP = 10
"""Between messages, and around them: room for their shadow."""
RADIUS = 8


class Notification(QFrame):
    """One message: what happened, what it means, what to do.

    A toast is one line: its button stands beside the text, not below.
    """

    refitted = Signal()
    """The text or the buttons were changed, and with them the size."""

    def __init__(
        self, title: str, message: str, details: str = "", colour: str = "accent", *,
        toast: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.setObjectName("notification")
        self.title = title
        self.message = message
        self.is_toast = toast
        self._colour = colour
        self._mark = Label()
        if toast:
            self._mark.hide()
        self._heading = Label(title)
        self._heading.setProperty("role", "heading")
        self._body = Label(message)
        self._details = Label(details)
        self._details.setProperty("role", "muted")
        self._details.hide()
        words = QVBoxLayout()
        words.setSpacing(2)
        for part in (self._heading, self._body, self._details):
            _lay_out_text(part)
            words.addWidget(part)
        if not title:
            self._heading.hide()
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(6)
        self.buttons.setContentsMargins(0, 0 if toast else 4, 0, 0)
        self.close_button = QToolButton()
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip(_("Dismiss"))
        self.close_button.setAccessibleName(_("Dismiss"))
        # A click must leave the focus with the work.
        self.close_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        top = Qt.AlignmentFlag.AlignTop
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 8)
        layout.setSpacing(10)
        layout.addWidget(self._mark, 0, top)
        layout.addLayout(words)
        if toast:
            layout.addLayout(self.buttons)
        else:
            self.buttons.addStretch(1)
            words.addLayout(self.buttons)
        layout.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignVCenter if toast else top)
        if details:
            self.add_button(_("Details"), self._toggle_details)
        self._name()
        self.setAccessibleDescription(details)
        self._restyle()
        theme.manager().changed.connect(self._restyle)
        self._dismiss_timer = QTimer(self)
        self._dismiss_timer.setSingleShot(True)
        self._dismiss_timer.timeout.connect(self._auto_dismiss)

    def set_message(self, message: str) -> None:
        """Change the text in place."""
        if message != self.message:
            self.message = message
            self._body.setText(message)
            self._name()
            self.refitted.emit()

    def set_title(self, title: str) -> None:
        """Change the heading in place."""
        if title != self.title:
            self.title = title
            self._heading.setText(title)
            self._name()
            self.refitted.emit()

    def dismiss_later(self, after_ms: int | None = None) -> None:
        """Dismiss the message after a while, unless it has the mouse or the keyboard focus."""
        self._dismiss_timer.start(AUTO_DISMISS_MS if after_ms is None else after_ms)

    def add_button(
        self, text: str, action: Callable[[], object], *, place: int | None = None
    ) -> QPushButton:
        """Add a button after the others, or at ``place`` among them."""
        button = QPushButton(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda _checked=False: action())
        if place is None:
            place = self.buttons.count() - (0 if self.is_toast else 1)  # before the stretch
        self.buttons.insertWidget(place, button, 0, Qt.AlignmentFlag.AlignVCenter)
        button.show()  # now, not when the layout gets to it: it may be given the focus at once
        self.refitted.emit()
        return button

    def first_button(self) -> QWidget:
        """The first button, or *Dismiss*."""
        item = self.buttons.itemAt(0)
        button = item.widget() if item is not None else None
        return button or self.close_button

    def fit(self, width: int, at_least: int = MIN_WIDTH) -> None:
        """Take the width that the text needs, from ``at_least`` (unless it is a toast) to ``width``
        pixels."""
        layout = self.layout()
        assert layout is not None
        _measure_again(layout)
        margins = layout.contentsMargins()
        others = [part for part in (self._mark, self.close_button) if not part.isHidden()]
        taken = (
            margins.left()
            + margins.right()
            + sum(part.sizeHint().width() + layout.spacing() for part in others)
        )
        beside = self.buttons.sizeHint().width()
        if self.is_toast and beside:
            taken += beside + layout.spacing()
        texts = [part for part in (self._heading, self._body, self._details) if part.text()]
        wanted = max((_text_width(part) for part in texts), default=0)
        if not self.is_toast:
            wanted = max(wanted, beside, at_least - taken)
        room = max(120, width - taken)
        for part in (self._heading, self._body, self._details):
            part.setFixedWidth(min(wanted, room))
            # Asked with the width above: a label's own guess is that of a narrow column.
            part.setFixedHeight(max(0, part.heightForWidth(min(wanted, room))))
        self.setFixedWidth(taken + min(wanted, room))
        _measure_again(layout)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_button.click()
        else:
            super().keyPressEvent(event)

    def _name(self) -> None:
        # A screen reader reads the name of a group when it gets the keyboard focus.
        self.setAccessibleName(f"{self.title}. {self.message}" if self.title else self.message)

    def _toggle_details(self) -> None:
        self._details.setVisible(self._details.isHidden())
        self.refitted.emit()

    def _auto_dismiss(self) -> None:
        focus = QApplication.focusWidget()
        if self.underMouse() or (focus is not None and self.isAncestorOf(focus)):
            self._dismiss_timer.start()
        else:
            self.close_button.click()

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        name = "info" if self._colour == "accent" else "warning"
        self._mark.setPixmap(theme.icon(name, self._colour).pixmap(20, 20))
        self.close_button.setIcon(theme.icon("clear", "muted"))
        edge = "" if self.is_toast else f"border-left: 4px solid {getattr(colours, self._colour)};"
        self.setStyleSheet(
            f"#notification {{ background: {colours.surface}; border: 1px solid {colours.border};"
            f" {edge} border-radius: {RADIUS}px; }}"
        )


def _lay_out_text(label: Label) -> None:
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    # Text that can be selected would take the focus when it is clicked.
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)


def _measure_again(layout: QLayout) -> None:
    """Lay out at once what was added or changed, in nested layouts too."""
    layout.invalidate()
    layout.activate()


def _text_width(label: Label) -> int:
    """Of the longest line, with a little room for rounding."""
    metrics = label.fontMetrics()
    return max(metrics.horizontalAdvance(line) for line in label.text().split("\n")) + 4


_MOVING = (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide)


class NotificationArea(QWidget):
    """The newest few messages, one above the other, at the bottom of ``parent`` and over its
    content; hidden if there are none."""

    focus_left = Signal()
    """A message was dismissed while it had the keyboard focus, and what had it before is gone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notifications")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(GAP, GAP, GAP, GAP)
        self._layout.setSpacing(GAP)
        self._shown: list[Notification] = []
        self._focus_before: QWidget | None = None
        self._uncovered: list[QWidget] = []
        self._shadow: tuple[object, QPixmap] | None = None
        """What it was painted for, and the shadows."""
        if parent is not None:
            parent.installEventFilter(self)
        self.hide()

    @property
    def shown(self) -> tuple[Notification, ...]:
        """The messages on screen, newest first."""
        return tuple(self._shown)

    def notify(
        self, title: str, message: str, details: str = "", *, colour: str = "warning"
    ) -> Notification:
        """Show a message until it is dismissed, replacing one with the same title.

        ``colour`` is the theme colour of the edge: accent, warning or error.
        """
        for old in [old for old in self._shown if old.title == title and not old.is_toast]:
            self.dismiss(old)
        return self._show(Notification(title, message, details, colour))

    def toast(
        self, text: str, button: str = "", pressed: Callable[[], object] | None = None
    ) -> Notification:
        """Show a line that goes by itself, in place of the toast before it.

        ``button`` is the label of a button that dismisses the toast and calls ``pressed``.
        """
        for old in [old for old in self._shown if old.is_toast]:
            self.dismiss(old)
        note = Notification("", text, toast=True)

        def press() -> None:
            self.dismiss(note)
            if pressed is not None:
                pressed()

        if button:
            note.add_button(button, press)
        note.dismiss_later(TOAST_MS)
        return self._show(note)

    def _show(self, note: Notification) -> Notification:
        note.close_button.clicked.connect(lambda: self.dismiss(note))
        note.refitted.connect(self._place)
        self._shown.insert(0, note)
        # The newest is nearest to the edge, where the eye has learned to look.
        self._layout.addWidget(note, 0, Qt.AlignmentFlag.AlignHCenter)
        note.show()  # as the buttons
        QAccessible.updateAccessibility(QAccessibleEvent(note, QAccessible.Event.Alert))
        for old in self._shown[MAX_SHOWN:]:
            self.dismiss(old)
        self._place()
        self.show()
        self.raise_()
        return note

    def take_focus(self) -> None:
        """Give the newest message the keyboard focus: its first button, or *Dismiss*."""
        if self._shown:
            focus = QApplication.focusWidget()
            if focus is not None and not self.isAncestorOf(focus):
                self._focus_before = focus
            self._shown[0].first_button().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def is_shown(self, note: Notification | None) -> bool:
        """Whether a message is on screen; one that is gone may have been deleted."""
        return note is not None and isValid(note) and note in self._shown

    def dismiss(self, note: Notification | None) -> None:
        """Remove a message, if it is on screen."""
        if note is None or not self.is_shown(note):
            return
        focus = QApplication.focusWidget()
        if focus is not None and note.isAncestorOf(focus):
            self._return_focus(note)
        self._shown.remove(note)
        self._layout.removeWidget(note)
        note.hide()
        note.deleteLater()
        self.setVisible(bool(self._shown))
        self._place()

    def clear(self) -> None:
        for note in list(self._shown):
            self.dismiss(note)

    def _return_focus(self, note: Notification) -> None:
        others = [other for other in self._shown if other is not note]
        before, work = self._focus_before, None
        if before is not None and isValid(before) and before.isVisible() and before.isEnabled():
            work = before
        if others:
            others[0].close_button.setFocus()
        elif work is not None:
            work.setFocus()
        else:
            self.focus_left.emit()

    def keep_clear_of(self, part: QWidget) -> None:
        """Show messages above ``part``, which is at the bottom of the content, while it is
        visible."""
        self._uncovered.append(part)
        part.installEventFilter(self)

    def _bottom(self, parent: QWidget) -> int:
        self._uncovered = [part for part in self._uncovered if isValid(part)]
        tops = (
            part.mapTo(parent, QPoint(0, 0)).y()
            for part in self._uncovered
            if part.isVisible() and parent.isAncestorOf(part)
        )
        return min(tops, default=parent.height())

    def _place(self) -> None:
        """Put the messages at the bottom centre of the parent."""
        parent = self.parentWidget()
        if parent is None or not self._shown:
            return
        room = min(MAX_WIDTH, parent.width() - 2 * GAP)
        for note in self._shown:
            note.fit(room)
        messages = [note for note in self._shown if not note.is_toast]
        widest = max((note.width() for note in messages), default=0)
        for note in messages:
            if note.width() < widest:  # one below the other, their edges are in line
                note.fit(room, widest)
        _measure_again(self._layout)
        size = self.sizeHint()
        self.setGeometry(
            (parent.width() - size.width()) // 2,
            max(0, self._bottom(parent) - size.height()),
            size.width(),
            size.height(),
        )
        _measure_again(self._layout)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _MOVING and self._shown:
            self._place()
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._place()

    def paintEvent(self, event: QPaintEvent) -> None:
        # A graphics effect would blur again whenever the photos below are painted.
        QPainter(self).drawPixmap(0, 0, self._shadows())

    def _shadows(self) -> QPixmap:
        """What is around the messages: painted once, as the photos below are painted often."""
        places = tuple(note.geometry().getRect() for note in self._shown)
        of = places, self.size().toTuple(), self.devicePixelRatioF(), theme.current().dark
        if self._shadow is None or self._shadow[0] != of:
            self._shadow = of, self._painted_shadows()
        return self._shadow[1]

    def _painted_shadows(self) -> QPixmap:
        pixmap = QPixmap(self.size() * self.devicePixelRatioF())
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 16 if theme.current().dark else 7))
        for note in self._shown:
            around = QRectF(note.geometry()).translated(0, 2)
            for grow in range(1, GAP - 2):
                painter.drawRoundedRect(
                    around.adjusted(-grow, -grow, grow, grow), RADIUS + grow, RADIUS + grow
                )
        painter.end()
        return pixmap
