"""File name, facts, details and caption of the selected photo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QDate, QEvent, QLocale, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine.common_details import CommonDetails
from lmpt_desktop.engine.images import ImageDetails
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.inspector.detail_texts import DOT, common_rows, detail_rows, exposure_line
from lmpt_desktop.ui.inspector.details_view import INDENT, DetailsView
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
    details_requested = Signal(bool)
    """Show the details, or hide them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image_id = -1
        self._described = -1
        """The photo whose details are shown."""
        self._expanded = self._has_exposure = False
        self.name = _line("inspector-name", "heading")
        self.facts = _line("inspector-facts", "muted")
        self.exposure = _line("inspector-exposure", "muted")
        self.expand = _details_button()
        self.expand.clicked.connect(self.details_requested)
        self.details = DetailsView()
        self.details.hide()
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
        self._lay_out()
        theme.manager().changed.connect(self._restyle)
        self._restyle()
        self.clear()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        # The text of the list begins where the lines above it begin, its frame beside them.
        layout.setContentsMargins(12 - INDENT, 8, 12 - INDENT, 2)
        layout.setSpacing(2)
        first = QHBoxLayout()
        first.setContentsMargins(INDENT, 0, INDENT, 0)
        first.setSpacing(4)
        lines = QVBoxLayout()
        lines.setSpacing(2)
        for line in (self.name, self.facts, self.exposure):
            lines.addWidget(line)
        first.addLayout(lines, 1)
        first.addWidget(self.expand, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(first)
        layout.addWidget(self.details)
        below = QVBoxLayout()
        below.setContentsMargins(INDENT, 0, INDENT, 0)
        below.setSpacing(2)
        for widget in (
            self.badges,
            self.problem,
            self.edited,
            self._answers,
        ):
            below.addWidget(widget)
        below.addSpacing(3)
        below.addWidget(self.caption)
        layout.addLayout(below)
        self.setTabOrder(self.expand, self.details)
        self.setTabOrder(self.details, self.caption)

    def clear(self) -> None:
        self._clear()
        self.forget_details()

    def forget_details(self) -> None:
        """Show no details until others are shown: those there are of other photos."""
        self._described = -1
        self._show_exposure("")
        self.details.show_rows(())
        self.details.hide()

    def _clear(self) -> None:
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
        photo = details.photo if details is not None else None
        if details is not None or facts.image_id != self._described:
            self._show_exposure(exposure_line(photo), photo.camera if photo is not None else "")
            self.details.show_rows(detail_rows(details) if details is not None else ())
            self._described = facts.image_id
        self._show_details()
        self.badges.show_states(image_states(facts, details))
        reason = _(details.reason) if details is not None and details.reason else ""
        self.problem.setText(reason or state_sentence(facts.state))
        self.problem.setVisible(facts.state is not ImageState.OK)
        self._show_edited(facts.edited)
        self.caption.show()
        if details is not None:
            self.caption.set_caption(details.caption)

    def expand_details(self, expanded: bool) -> None:
        """Show the details below the facts, or hide them."""
        self._expanded = expanded
        self.expand.setChecked(expanded)
        self._show_details()
        self._restyle()

    def show_common(self, found: CommonDetails) -> None:
        """Show the details of the selection whose facts :meth:`show_many` shows."""
        self.details.show_rows(common_rows(found))
        self._show_details()

    def _show_exposure(self, text: str, camera: str = "") -> None:
        self._has_exposure = bool(text)
        self.exposure.set_full_text(text, DOT.join(filter(None, (camera, text))))
        self._show_details()

    def _show_details(self) -> None:
        listed = self._expanded and bool(self.details.rows)
        self.details.setVisible(listed)
        # The list says it, too.
        self.exposure.setVisible(self._has_exposure and not listed)

    def _restyle(self, *_: object) -> None:
        self.expand.setIcon(theme.icon("info", "accent" if self._expanded else "muted"))
        # No frame, as of a field to type in, unless the keyboard is in it.
        self.details.setStyleSheet(
            "#photo-details { background: transparent; border: 1px solid transparent; padding: 0; }"
            f"#photo-details:focus {{ border-color: {theme.current().accent}; }}"
        )

    def show_many(self, count: int, reviewed: int) -> None:
        """Show the facts of a selection."""
        if self._image_id >= 0:
            self.forget_details()
        self._clear()
        self.name.set_full_text(_("{0} photos selected").format(number(count)))
        self.facts.set_full_text(
            _("{0} reviewed; a verdict applies to all of them").format(number(reviewed))
        )

    def _committed(self, text: str) -> None:
        if self._image_id >= 0:
            self.caption_committed.emit(self._image_id, text)


def _line(name: str, role: str) -> ElidedLabel:
    label = ElidedLabel()
    label.setObjectName(name)
    label.setProperty("role", role)
    return label


def _details_button() -> QToolButton:
    button = QToolButton()
    button.setObjectName("show-details")
    button.setCheckable(True)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAccessibleName(_("Details"))
    button.setToolTip(_("Camera, exposure, place, keywords and file"))
    return button


def facts_line(facts: ImageFacts) -> str:
    """Size and date, in the user's own format, and the kind of its raw file."""
    # Camera clocks know no zone: seconds count from the epoch as if it were UTC.
    # Added, since some systems take no time before 1970.
    when = datetime.fromtimestamp(0, UTC) + timedelta(seconds=facts.date)
    day = QDate(when.year, when.month, when.day)
    parts = [QLocale().toString(day, QLocale.FormatType.ShortFormat)]
    if facts.size is not None:
        parts.insert(0, f"{number(facts.size[0])} × {number(facts.size[1])}")
    if facts.raw:
        parts.append(f"+{facts.raw}")
    return "  ·  ".join(parts)


def state_sentence(state: ImageState) -> str:
    """What is wrong with the file; "" if nothing is."""
    if state is ImageState.MISSING:
        return _("The file is no longer there. Its annotations are kept.")
    return _("The file cannot be read.") if state is ImageState.UNREADABLE else ""
