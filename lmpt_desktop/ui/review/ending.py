"""What stands in place of a photo when there is none to show: nothing yet, nothing left, done."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.review.line import Tally


def tally_text(tally: Tally, tail_gained: int, *, whole: bool) -> str:
    """What was done, in a sentence: "200 questions answered, 31 present; 4 tail classes gained
    examples."."""
    if whole:
        count = tally.reviewed
        text = ngettext("{count} photo reviewed", "{count} photos reviewed", count)
    else:
        count = tally.answered
        text = ngettext("{count} question answered", "{count} questions answered", count)
    parts = [text.format(count=number(count))]
    parts.append(_("{count} present").format(count=number(tally.present)))
    sentence = ", ".join(parts)
    if tail_gained:
        gained = ngettext(
            "{count} tail class gained examples",
            "{count} tail classes gained examples",
            tail_gained,
        )
        sentence = f"{sentence}; {gained.format(count=number(tail_gained))}"
    return f"{sentence}."


class EndPanel(QWidget):
    """A heading, a sentence, and what one can do now."""

    pressed = Signal(str)
    """The name of the choice that was taken."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-end")
        self._mark = QLabel()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._icon = "reviewed"
        self.heading = QLabel()
        self.heading.setObjectName("review-end-heading")
        self.heading.setProperty("role", "title")
        self.heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.heading.setWordWrap(True)
        self.sentence = QLabel()
        self.sentence.setObjectName("review-end-sentence")
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        self._buttons: list[QPushButton] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(40, 20, 40, 20)
        layout.setSpacing(12)
        layout.addStretch(2)
        for part in (self._mark, self.heading, self.sentence):
            layout.addWidget(part)
        layout.addLayout(self._row)
        layout.addStretch(3)
        theme.manager().changed.connect(self._restyle)
        self._restyle()

    @property
    def buttons(self) -> list[QPushButton]:
        return list(self._buttons)

    def say(
        self, heading: str, sentence: str, choices: list[tuple[str, str]], icon: str = "reviewed"
    ) -> None:
        """Show it; ``choices`` are names and what their buttons read."""
        self.heading.setText(heading)
        self.heading.setVisible(bool(heading))
        self.sentence.setText(sentence)
        self._icon = icon
        while self._row.count():
            self._row.takeAt(0)
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons = []
        self._row.addStretch(1)
        for name, text in choices:
            button = QPushButton(text)
            button.setObjectName(f"choice-{name}")
            button.setAutoDefault(True)  # Enter presses it, too
            button.clicked.connect(lambda _on=False, n=name: self.pressed.emit(n))
            self._row.addWidget(button)
            button.show()  # now, so that it can take the keyboard; the layout would do it later
            self._buttons.append(button)
        self._row.addStretch(1)
        self._restyle()

    def take_focus(self) -> None:
        """Put the keyboard on the first choice."""
        if self._buttons:
            self._buttons[0].setFocus(Qt.FocusReason.TabFocusReason)

    def _restyle(self, *_args: object) -> None:
        self._mark.setPixmap(theme.icon(self._icon, "muted").pixmap(48, 48))
