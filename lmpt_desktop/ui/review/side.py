"""Beside the photo: the question, the classes of the photo, any class by name, and Enter."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from lmpt_desktop.translation import _
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.review.chips import ChipColumn
from lmpt_desktop.ui.review.facts import ImageFacts
from lmpt_desktop.ui.review.find import ClassFinder
from lmpt_desktop.ui.review.key_button import KeyButton
from lmpt_desktop.ui.review.question import QuestionPanel


class SidePanel(QWidget):
    """Shows one question about one image."""

    toggled = Signal(int)
    focused = Signal(int)

    def __init__(self, commands: CommandRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-side")
        self.question = QuestionPanel(commands)
        self.heading = QLabel()
        self.heading.setProperty("role", "heading")
        self.heading.setWordWrap(True)
        self.chips = ChipColumn()
        self.finder = ClassFinder()
        self.done = KeyButton(commands.action("review.done"), _("Mark reviewed"), "reviewed")
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
        # Wide enough for most class names, in whatever font, and for buttons in any language.
        usual = self.fontMetrics().averageCharWidth() * 44
        self.setFixedWidth(max(300, usual, layout.minimumSize().width()))

    def show_image(
        self, facts: ImageFacts, reason: str, *, whole: bool, subject: int | None
    ) -> None:
        """``subject`` is the class that P, A and U are about."""
        about = next((item for item in facts.classes if item.class_id == subject), None)
        self.question.show_question(about if whole else facts.subject, reason, whole=whole)
        self.heading.setText(_("Top predictions") if whole else _("Also in this photo?"))
        self.heading.setVisible(bool(facts.classes))
        self.chips.show_classes(facts.classes, subject)
        self.done.set_text(_("Reviewed already") if facts.reviewed else _("Mark reviewed"))
