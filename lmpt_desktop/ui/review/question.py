"""What is asked about the photo, why, and the buttons that answer."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.review.facts import ClassFacts
from lmpt_desktop.ui.review.key_button import KeyButton
from lmpt_desktop.ui.review.verdicts import verdict_colour, verdict_word

LONGEST_NAME = 90
"""Characters of a class name in the question; the tooltip has all of them."""
LONGEST_WORD = 24


class QuestionPanel(QWidget):
    """Question, reason, band and score, the verdict so far, and the answering buttons."""

    def __init__(self, commands: CommandRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-question")
        self._subject: ClassFacts | None = None
        self.title = QLabel()
        self.title.setObjectName("review-title")
        self.title.setWordWrap(True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        font = self.title.font()
        font.setPointSizeF(font.pointSizeF() * 1.35)
        font.setBold(True)
        self.title.setFont(font)
        self.facts = QLabel()
        self.facts.setObjectName("review-facts")
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.reason = QLabel()
        self.reason.setObjectName("review-reason")
        self.reason.setProperty("role", "muted")
        self.reason.setWordWrap(True)
        self.reason.setTextFormat(Qt.TextFormat.PlainText)
        action = commands.action
        self.present = KeyButton(action("image.present"), _("Present"), "present")
        self.absent = KeyButton(action("image.absent"), _("Absent"), "absent")
        self.skip = KeyButton(action("review.skip"), _("Skip"))
        answers = QHBoxLayout()
        answers.setSpacing(6)
        for button in (self.present, self.absent, self.skip):
            answers.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for part in (self.title, self.facts, self.reason):
            layout.addWidget(part)
        layout.addLayout(answers)
        theme.manager().changed.connect(self._restyle)

    @property
    def sentence(self) -> str:
        """What is asked, to be read out."""
        return " ".join(part for part in (self.title.toolTip(), self.reason.text()) if part)

    def show_question(self, subject: ClassFacts | None, reason: str, *, whole: bool) -> None:
        """Ask about ``subject``, or, where ``whole``, about all of the image; then ``subject`` is
        the class that the verdict keys are about."""
        self._subject = subject
        if whole or subject is None:
            text = _("What is in this photo?")
        else:
            text = _("Is there “{name}” in this photo?").format(name=subject.name)
        self.title.setToolTip(text)
        self.title.setText(_breakable(text))
        self.reason.setText(reason.replace(" %", "\u00a0%"))  # a number keeps its sign
        self.reason.setVisible(bool(reason))
        self._whole = whole
        self._restyle()

    def _restyle(self, *_args: object) -> None:
        subject = self._subject
        self.facts.setVisible(subject is not None)
        if subject is None:
            return
        parts: list[str] = []
        if self._whole:
            name = _escaped(_short(subject.name, 40))
            parts.append(_("The keys are about “{name}”").format(name=name))
        if subject.band is not None:
            colour = theme.current().band(subject.band).name()
            shape = theme.BAND_SHAPES[subject.band]
            word = theme.band_word(subject.band)
            parts.append(f'<span style="color:{colour}">{shape} {_escaped(word)}</span>')
        if subject.score is not None:
            score = _("score {score}").format(score=decimal(subject.score, 2))
            parts.append(score.replace(" ", "&nbsp;"))
        if subject.verdict is not Verdict.UNKNOWN:
            colour = verdict_colour(subject.verdict).name()
            said = _("you said {verdict}").format(verdict=verdict_word(subject.verdict))
            parts.append(f'<b style="color:{colour}">{_escaped(said)}</b>')
        # The dot stays with what it follows: no line begins with one.
        self.facts.setText("&nbsp;· ".join(parts))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _breakable(text: str) -> str:
    """Shortened, and with places to break very long words at (zero-width spaces)."""
    words = _short(text, LONGEST_NAME + 30).split(" ")
    return " ".join(
        "\u200b".join(word[i : i + LONGEST_WORD] for i in range(0, len(word), LONGEST_WORD))
        for word in words
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
