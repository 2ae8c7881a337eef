"""File name, facts and caption of the selected photo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QDate, QEvent, QLocale, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine.images import ImageDetails
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.inspector.image_facts import ImageFacts
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.flow_layout import FlowLayout
from lmpt_desktop.ui.kit.label import Label


class ElidedLabel(Label):
    """A label that shortens its text in the middle to fit; the tool tip shows all of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._full_text = ""
        self.setMinimumWidth(40)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)

    def set_full_text(self, text: str, tip: str = "") -> None:
        self._full_text = text
        self.setToolTip(tip or text)
        self.setAccessibleName(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._elide()

    def _elide(self) -> None:
        mode = Qt.TextElideMode.ElideMiddle
        self.setText(self.fontMetrics().elidedText(self._full_text, mode, self.width()))


class CaptionEdit(QPlainTextEdit):
    """One or two lines; committed by Enter or by leaving, restored by Escape."""

    committed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stored = ""
        self.setObjectName("caption")
        self.setAccessibleName(_("Caption"))
        self.setTabChangesFocus(True)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * 2 + 16)

    def expect_caption(self) -> None:
        """Be empty until :meth:`set_caption`; what is typed meanwhile is kept."""
        self._stored = ""
        self.clear()
        self.setPlaceholderText("")

    def set_caption(self, text: str) -> None:
        """Show ``text``, unless the user is in the middle of writing another."""
        self.setPlaceholderText(_("Add a caption: it helps training"))
        writing = self.hasFocus() and self.toPlainText() != self._stored
        self._stored = text
        if not writing and self.toPlainText() != text:
            self.setPlainText(text)

    def flush(self) -> None:
        """Commit what was typed, if anything."""
        text = " ".join(self.toPlainText().split())
        if text != self._stored:
            self._stored = text
            self.committed.emit(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.flush()
        elif key == Qt.Key.Key_Escape:
            self.setPlainText(self._stored)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.flush()
        super().focusOutEvent(event)


class Badges(QWidget):
    """Small labels that say in which states the photo is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector-badges")
        self._layout = FlowLayout(self, spacing=4)
        self._layout.setContentsMargins(0, 4, 0, 2)
        self._shown: tuple[tuple[str, str, str], ...] = ()
        self._labels: list[Label] = []
        theme.manager().changed.connect(self._restyle)

    @property
    def texts(self) -> list[str]:
        """What the labels say."""
        return [text for text, _colour, _tip in self._shown]

    def show_states(self, states: Sequence[tuple[str, str, str]]) -> None:
        """Show (text, name of a theme colour, tool tip) of every state; nothing for none."""
        if tuple(states) == self._shown:
            return
        self._shown = tuple(states)
        while len(self._labels) < len(states):
            label = Label()
            self._labels.append(label)
            self._layout.addWidget(label)
        for place, label in enumerate(self._labels):
            label.setVisible(place < len(states))
            if place < len(states):
                text, _colour, tip = states[place]
                label.setText(text)
                label.setToolTip(tip)
        self.setVisible(bool(states))
        self._restyle()

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        for (_text, colour, _tip), label in zip(self._shown, self._labels, strict=False):
            ink = getattr(colours, colour)
            label.setStyleSheet(
                f"color: {ink}; background: {colours.raised}; border-radius: 7px;"
                "padding: 1px 7px; font-size: 9pt; font-weight: 600;"
            )


def image_states(facts: ImageFacts, details: ImageDetails | None) -> list[tuple[str, str, str]]:
    """The states that :class:`Badges` shows of one photo."""
    states: list[tuple[str, str, str]] = []
    if facts.state is ImageState.MISSING:
        states.append((_("Missing"), "error", _("The file is no longer there.")))
    elif facts.state is ImageState.UNREADABLE:
        states.append((_("Unreadable"), "error", _("The file cannot be read.")))
    elif facts.damaged:
        tip = _("The end of the file is missing. What is there is shown; the rest is grey.")
        states.append((_("Damaged"), "warning", tip))
    if facts.edited:
        states.append((_("Changed"), "warning", _("The photo was edited after it was annotated.")))
    if facts.reviewed:
        states.append((_("Reviewed"), "present", _("You have reviewed this photo.")))
    if details is not None and details.held_out:
        states.append(
            (
                _("Held out"),
                "muted",
                _("The model never learns from this photo: it measures how good the model is."),
            )
        )
    return states


class FactsPanel(QWidget):
    """Name, one line of facts, states, what is wrong or to be checked, caption."""

    caption_committed = Signal(int, str)
    """Image id, text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image_id = -1
        self.name = ElidedLabel()
        self.name.setObjectName("inspector-name")
        self.name.setProperty("role", "heading")
        self.facts = ElidedLabel()
        self.facts.setObjectName("inspector-facts")
        self.facts.setProperty("role", "muted")
        self.badges = Badges()
        self.problem = Label()
        self.problem.setObjectName("inspector-problem")
        self.problem.setWordWrap(True)
        self.edited = Label(
            _(
                "The photo was edited after it was annotated. Check whether the annotations still "
                "hold."
            )
        )
        self.edited.setObjectName("inspector-edited")
        self.edited.setWordWrap(True)
        self.still_hold = QPushButton(_("They still hold"))
        self.still_hold.setObjectName("still-hold")
        self.still_hold.setToolTip(_("The photo was edited, but its annotations are still right"))
        self.another = QPushButton(_("It is another photo"))
        self.another.setObjectName("another-photo")
        self.another.setToolTip(_("Give the annotations back to the photo that was there before"))
        self._answers = QWidget()
        answers = FlowLayout(self._answers)
        answers.setContentsMargins(0, 3, 0, 0)
        for button in (self.still_hold, self.another):
            button.setAutoDefault(False)
            answers.addWidget(button)
        self.caption = CaptionEdit()
        self.caption.committed.connect(self._committed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 2)
        layout.setSpacing(2)
        for widget in (
            self.name,
            self.facts,
            self.badges,
            self.problem,
            self.edited,
            self._answers,
        ):
            layout.addWidget(widget)
        layout.addSpacing(3)
        layout.addWidget(self.caption)
        self.clear()

    def clear(self) -> None:
        self.caption.flush()
        self._image_id = -1
        self.name.set_full_text("")
        self.facts.set_full_text("")
        self.badges.show_states(())
        self.badges.hide()
        self.problem.hide()
        self._show_edited(False)
        self.caption.hide()

    def _show_edited(self, edited: bool) -> None:
        self.edited.setVisible(edited)
        self._answers.setVisible(edited)

    def show_image(self, facts: ImageFacts, details: ImageDetails | None) -> None:
        """Show the facts of one image; ``details`` is None until they are read."""
        if facts.image_id != self._image_id:
            self.caption.flush()
            self._image_id = facts.image_id
            self.caption.clearFocus()
            self.caption.expect_caption()
        self.name.set_full_text(facts.file_name, str(details.path) if details else facts.name)
        self.facts.set_full_text(facts_line(facts))
        self.badges.show_states(image_states(facts, details))
        reason = _(details.reason) if details is not None and details.reason else ""
        self.problem.setText(reason or state_sentence(facts.state))
        self.problem.setVisible(facts.state is not ImageState.OK)
        self._show_edited(facts.edited)
        self.caption.show()
        if details is not None:
            self.caption.set_caption(details.caption)

    def show_many(self, count: int, reviewed: int) -> None:
        """Show the facts of a selection."""
        self.clear()
        self.name.set_full_text(_("{0} photos selected").format(number(count)))
        self.facts.set_full_text(
            _("{0} reviewed; a verdict applies to all of them").format(number(reviewed))
        )

    def _committed(self, text: str) -> None:
        if self._image_id >= 0:
            self.caption_committed.emit(self._image_id, text)


def facts_line(facts: ImageFacts) -> str:
    """Size and date, in the user's own format."""
    # Camera clocks know no zone: seconds count from the epoch as if it were UTC.
    # Added, since some systems take no time before 1970.
    when = datetime.fromtimestamp(0, UTC) + timedelta(seconds=facts.date)
    day = QDate(when.year, when.month, when.day)
    parts = [QLocale().toString(day, QLocale.FormatType.ShortFormat)]
    if facts.size is not None:
        parts.insert(0, f"{number(facts.size[0])} × {number(facts.size[1])}")
    return "  ·  ".join(parts)


def state_sentence(state: ImageState) -> str:
    """What is wrong with the file; "" if nothing is."""
    if state is ImageState.MISSING:
        return _("The file is no longer there. Its annotations are kept.")
    return _("The file cannot be read.") if state is ImageState.UNREADABLE else ""
