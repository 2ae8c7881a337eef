"""The panel beside the photo: the question, the classes of the photo, and any class by name."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.inspector.image_facts import ClassFacts
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.key_button import KeyButton
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.shown_texts import Shown
from lmpt_desktop.ui.kit.texts import band_name, verdict_name
from lmpt_desktop.ui.kit.verdicts import verdict_colour
from lmpt_desktop.ui.review.chips import ChipColumn
from lmpt_desktop.ui.review.class_finder import ClassFinder
from lmpt_desktop.ui.review.current_image import CurrentImage
from trainer.bands import Band
from trainer.printable import shown

LONGEST_NAME = 90
"""Characters of a class name in the question; the tool tip shows all of them."""
LONGEST_WORD = 24


class QuestionPanel(QWidget):
    """The question, its reason, band, score and verdict of its class, and buttons to answer."""

    def __init__(self, commands: CommandRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-question")
        self._subject: ClassFacts | None = None
        self._question = ""
        self.title = Label()
        self.title.setObjectName("review-title")
        self.title.setWordWrap(True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        font = self.title.font()
        font.setPointSizeF(font.pointSizeF() * 1.35)
        font.setBold(True)
        self.title.setFont(font)
        self.facts = Label()
        self.facts.setObjectName("review-facts")
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.reason = Label()
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
        """The question and its reason, for screen readers."""
        return " ".join(part for part in (self._question, self.reason.text()) if part)

    def show_question(self, subject: ClassFacts | None, reason: str, *, whole: bool) -> None:
        """Ask about ``subject``, or, with ``whole``, about the whole image; then ``subject`` is
        the class that the verdict keys apply to."""
        self._subject = subject
        if whole or subject is None:
            text = _("What is in this photo?")
        else:
            text = _("Is there “{name}” in this photo?").format(name=subject.name)
        self._question = text
        self.title.setToolTip(text)
        self.title.setText(_breakable(text))
        self.reason.setText(reason.replace(" %", "\u00a0%"))  # not broken before the sign
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
            parts.append(_("The keys apply to “{name}”").format(name=name))
        if subject.band is not None:
            band = _escaped(band_name(subject.band))
            if subject.band is Band.TAIL:
                colour = theme.current().band(Band.TAIL).name()
                shape = theme.BAND_SHAPES[Band.TAIL]
                band = f'<span style="color:{colour}">{shape} {band}</span>'
            parts.append(band)
        if subject.score is not None:
            score = _("score {score}").format(score=decimal(subject.score, 2))
            parts.append(score.replace(" ", "&nbsp;"))
        if subject.verdict is not Verdict.UNKNOWN:
            colour = verdict_colour(subject.verdict).name()
            verdict = _("marked {verdict}").format(verdict=verdict_name(subject.verdict))
            parts.append(f'<b style="color:{colour}">{_escaped(verdict)}</b>')
        # The dot stays with the part before it, so that no line begins with one.
        self.facts.setText("&nbsp;· ".join(parts))


class SidePanel(QWidget):
    """Shows one question about one image."""

    toggled = Signal(int)
    focused = Signal(int)

    def __init__(self, commands: CommandRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-side")
        self.question = QuestionPanel(commands)
        self.heading = Label()
        self.heading.setProperty("role", "heading")
        self.heading.setWordWrap(True)
        self.chips = ChipColumn()
        self.finder = ClassFinder()
        self.done = KeyButton(commands.action("review.done"), _("Confirm"), "reviewed")
        self.done.setObjectName("review-done")
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(self.chips)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(10)
        layout.addWidget(self.question)
        layout.addWidget(self.heading)
        layout.addWidget(self._area, 1)
        layout.addWidget(self.finder)
        layout.addWidget(self.done)
        self.chips.toggled.connect(self.toggled)
        self.chips.focused.connect(self.focused)
        numbered = self.chips.numbered
        self.setTabOrder(self.question.skip, numbered[0])
        for one, following in pairwise(numbered):
            self.setTabOrder(one, following)
        self.setTabOrder(numbered[-1], self.finder.line)
        self.setTabOrder(self.finder.line, self.done)
        # Wide enough for most class names in any font, and for the buttons in any language.
        names = self.fontMetrics().averageCharWidth() * 44
        self.setFixedWidth(max(300, names, layout.minimumSize().width()))

    def show_image(self, current: CurrentImage, reason: str, *, whole: bool) -> None:
        """Show the question about the current image; ``whole`` if it is about all its classes."""
        marked = next((item for item in current.classes if item.class_id == current.marked), None)
        self.question.show_question(marked if whole else current.asked, reason, whole=whole)
        self.heading.setText(_("Top predictions") if whole else _("Also in this photo?"))
        self.heading.setVisible(bool(current.classes))
        self.chips.show_classes(current.classes, current.marked)
        reviewed = current.image is not None and current.image.reviewed
        if reviewed:
            self.done.set_text(_("Already reviewed"))
        elif current.to_confirm:
            count = number(current.to_confirm)
            self.done.set_text(_("Confirm: {count} present, rest absent").format(count=count))
        else:
            self.done.set_text(
                _("Confirm: rest absent") if current.to_confirm == 0 else _("Confirm")
            )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _breakable(text: str) -> str:
    """Shortened, and with places to break very long words at (zero-width spaces)."""
    words = shown(_short(text, LONGEST_NAME + 30)).split(" ")
    return Shown(
        " ".join(
            "\u200b".join(word[i : i + LONGEST_WORD] for i in range(0, len(word), LONGEST_WORD))
            for word in words
        )
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
