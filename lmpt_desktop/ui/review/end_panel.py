"""What is shown in place of a photo: nothing to ask yet, nothing left to ask, or a summary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.inference.queues import Queue, QueueKind
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.review.question_list import Tally

GRID, RETRAIN, VOCABULARY = "grid", "retrain", "vocabulary"
"""Choices in addition to the values of :class:`QueueKind`."""

_CHOICES = {
    GRID: N_("Back to the grid"),
    RETRAIN: N_("Retrain..."),
    VOCABULARY: N_("Choose a vocabulary..."),
}

ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Ending:
    """A heading, a sentence, and choices: the name of each and the text of its button."""

    heading: str
    sentence: str
    choices: tuple[tuple[str, str], ...]
    icon: str


# -------------------------------------------------------------------------------- what to show


def choosing() -> Ending:
    """A queue is being built."""
    return Ending("", _("Choosing questions..."), (), "search")


def finished(kind: QueueKind | None, tally: Tally, tail_gained: int) -> Ending:
    """The last question is answered; ``kind`` is None for photos of the grid."""
    whole = kind is None or kind.row.whole_photos
    done = tally.answered or tally.reviewed or tally.present or tally.absent
    sentence = (
        tally_text(tally, tail_gained, whole=whole) if done else _("No questions were answered.")
    )
    if kind is None:
        choices = [_queue_choice(QueueKind.TAIL_FIRST)]
    else:
        following = kind.follow_up
        text = _("Next: {queue}").format(queue=_(following.label))
        choices = [(following.value, text), (kind.value, _("More of the same"))]
    if done:
        choices.append(_choice(RETRAIN))
    return Ending(_("Done"), sentence, (*choices, _choice(GRID)), "reviewed")


def empty(queue: Queue, snapshot: Snapshot) -> Ending:
    """There is nothing in the queue."""
    if not len(snapshot.classes):
        sentence = _("There are no classes to ask about yet.")
        choices = (_choice(VOCABULARY), _choice(GRID))
        return Ending(_("No classes yet"), sentence, choices, "list")
    if not len(snapshot.images):
        sentence = _("There are no photos in this library yet. Add a folder of photos.")
        return Ending(_("No photos yet"), sentence, (_choice(GRID),), "image")
    if not _any_scored(snapshot):
        sentence = _("No photo has been encoded yet. Questions appear here as soon as one is.")
        return Ending(_("Not yet"), sentence, (_choice(GRID),), "cpu")
    choices = [
        _queue_choice(kind)
        for kind in QueueKind
        if kind.row.offered and kind is not queue.request.kind
    ]
    sentence = queue.note or _("Every question of this kind is answered.")
    return Ending(_("Nothing left to ask"), sentence, (*choices, _choice(GRID)), "reviewed")


def failed(error: Exception) -> Ending:
    """The queue could not be built."""
    sentence = _("The questions could not be chosen: {error}").format(error=message_of(error))
    return Ending(_("Something went wrong"), sentence, (_choice(GRID),), "warning")


def count_tail_gained(tally: Tally, bands: ClassBands | None, snapshot: Snapshot) -> int:
    """How many tail classes have a new example."""
    if bands is None:
        return 0
    tail = bands.is_tail()
    columns = [snapshot.column_of.get(class_id, -1) for class_id in tally.gained]
    return sum(0 <= column < len(tail) and bool(tail[column]) for column in columns)


def tally_text(tally: Tally, tail_gained: int, *, whole: bool) -> str:
    """What was done: "200 questions answered, 31 present; 4 tail classes gained examples."."""
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
            "{count} rare class gained examples",
            "{count} rare classes gained examples",
            tail_gained,
        )
        sentence = f"{sentence}; {gained.format(count=number(tail_gained))}"
    return f"{sentence}."


def _choice(name: str) -> tuple[str, str]:
    return name, _(_CHOICES[name])


def _queue_choice(kind: QueueKind) -> tuple[str, str]:
    return kind.value, _(kind.label)


def _any_scored(snapshot: Snapshot) -> bool:
    """Whether any image has a score."""
    if snapshot.unscored:
        return False
    scores = snapshot.scores
    # In parts, because the first one nearly always decides.
    return any(
        not np.isnan(scores[start : start + ROWS_AT_ONCE]).all()
        for start in range(0, len(scores), ROWS_AT_ONCE)
    )


# -------------------------------------------------------------------------------------- widget


class EndPanel(QWidget):
    """Shows an :class:`Ending`."""

    chosen = Signal(str)
    """The name of the choice whose button was pressed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-end")
        self._mark = Label()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._icon = "reviewed"
        self.heading = Label()
        self.heading.setObjectName("review-end-heading")
        self.heading.setProperty("role", "title")
        self.heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.heading.setWordWrap(True)
        self.sentence = Label()
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

    def show_ending(self, ending: Ending) -> None:
        self.heading.setText(ending.heading)
        self.heading.setVisible(bool(ending.heading))
        self.sentence.setText(ending.sentence)
        self._icon = ending.icon
        while self._row.count():
            self._row.takeAt(0)
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons = []
        self._row.addStretch(1)
        for name, text in ending.choices:
            button = QPushButton(text)
            button.setObjectName(f"choice-{name}")
            button.setAutoDefault(True)  # so that Enter presses it
            button.clicked.connect(lambda _on=False, n=name: self.chosen.emit(n))
            self._row.addWidget(button)
            button.show()  # now, so that it can take the keyboard; the layout would do it later
            self._buttons.append(button)
        self._row.addStretch(1)
        self._restyle()

    def take_focus(self) -> None:
        """Give the first choice the keyboard."""
        if self._buttons:
            self._buttons[0].setFocus(Qt.FocusReason.TabFocusReason)

    def _restyle(self, *_args: object) -> None:
        self._mark.setPixmap(theme.icon(self._icon, "muted").pixmap(48, 48))
