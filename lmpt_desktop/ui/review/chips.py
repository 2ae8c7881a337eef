"""Classes of the photo as chips, the first nine with number keys."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.inspector.image_facts import ClassFacts
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.texts import band_name, verdict_name
from lmpt_desktop.ui.kit.verdicts import paint_verdict_sign, verdict_colour
from lmpt_desktop.ui.review.current_image import NUMBERED
from trainer.bands import Band
from trainer.printable import isolated

PAD = 8.0
MARK = 9.0
"""Edge of the diamond that marks a rare class."""


class Chip(QAbstractButton):
    """A class with its key, name, score and verdict; clicks go through present, absent and
    unknown."""

    focused = Signal()
    stepped = Signal(int)
    """Up or Down was pressed: -1 or 1."""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        """``number`` is its key, 0 for none."""
        super().__init__(parent)
        self.number = number
        self.facts: ClassFacts | None = None
        self.setObjectName(f"chip-{number}" if number else "chip")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.marked = False
        """Whether P, A and U apply to this class."""

    def show_class(self, facts: ClassFacts, *, marked: bool) -> None:
        if facts == self.facts and marked == self.marked:
            return
        self.facts, self.marked = facts, marked
        self.setText(facts.name)
        self.setAccessibleName(accessible_text(facts))
        self.setAccessibleDescription(
            _("Press {key} to change").format(key=self.number) if self.number else ""
        )
        self.setToolTip(accessible_text(facts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, round(QFontMetricsF(self.font()).height() + 14))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.facts is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, facts = theme.current(), self.facts
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        known = facts.verdict is not Verdict.UNKNOWN
        shade = verdict_colour(facts.verdict)
        border = shade if known else colours.colour("border")
        if self.hasFocus():
            border = colours.colour("accent")
        painter.setPen(QPen(border, 2 if self.hasFocus() or known else 1))
        background = "raised" if self.underMouse() or self.marked else "surface"
        painter.setBrush(colours.colour(background))
        painter.drawRoundedRect(area, 6, 6)
        left = self._paint_key(painter, area)
        right = self._paint_score(painter, area, facts)
        rare = facts.band is Band.TAIL
        font = QFont(self.font())
        font.setBold(facts.predicted or facts.verdict is Verdict.PRESENT)
        painter.setFont(font)
        faint = not known and not facts.predicted
        painter.setPen(colours.colour("muted" if faint else "text"))
        room = QRectF(left, area.top(), right - left - (MARK + PAD if rare else 0), area.height())
        metrics = QFontMetricsF(font)
        name = metrics.elidedText(facts.name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, _LEFT, name)
        if rare:
            end = left + metrics.horizontalAdvance(name) + PAD / 2
            mark = QRectF(end, area.center().y() - MARK / 2, MARK, MARK)
            theme.paint_band_mark(painter, mark, Band.TAIL, colours.band(Band.TAIL))

    def _paint_key(self, painter: QPainter, area: QRectF) -> float:
        colours = theme.current()
        side = QFontMetricsF(self.font()).height() + 2
        cap = QRectF(area.left() + PAD, area.center().y() - side / 2, side, side)
        if self.number:
            painter.setPen(QPen(colours.colour("border"), 1))
            painter.setBrush(colours.colour("window"))
            painter.drawRoundedRect(cap, 3, 3)
            painter.setPen(colours.colour("muted"))
            painter.setFont(self.font())
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, str(self.number))
        return cap.right() + PAD

    def _paint_score(self, painter: QPainter, area: QRectF, facts: ClassFacts) -> float:
        """Paint the verdict at the right and the score left of it; returns the left end."""
        colours, metrics = theme.current(), QFontMetricsF(self.font())
        side = metrics.height() + 2
        sign = QRectF(area.right() - PAD - side, area.center().y() - side / 2, side, side)
        if facts.verdict is not Verdict.UNKNOWN:
            shade = verdict_colour(facts.verdict)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            painter.drawRoundedRect(sign, 4, 4)
            paint_verdict_sign(painter, sign, facts.verdict, colours.colour("surface"))
        text = "–" if facts.score is None else decimal(facts.score, 2)
        width = metrics.horizontalAdvance(decimal(0, 2))
        painter.setFont(self.font())
        painter.setPen(colours.colour("muted"))
        place = QRectF(sign.left() - PAD - width, area.top(), width, area.height())
        painter.drawText(place, _RIGHT, text)
        return place.left() - PAD

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is not None and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.stepped.emit(step)
            return
        super().keyPressEvent(event)


class ChipColumn(QWidget):
    """Chips in a column; the first nine have number keys."""

    toggled = Signal(int)
    """Class id: change its verdict to the next one."""
    focused = Signal(int)
    """Id of the class whose chip has the keyboard."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-chips")
        self.setAccessibleName(_("Classes of this photo"))
        self._chips: list[Chip] = []
        self._shown = 0
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addStretch(1)
        for place in range(NUMBERED):
            self._chip(place).hide()
        theme.manager().changed.connect(self._repaint)

    def show_classes(self, classes: Sequence[ClassFacts], marked: int | None) -> None:
        """Show these; ``marked`` is the class that P, A and U apply to."""
        for place, facts in enumerate(classes):
            chip = self._chip(place)
            chip.show_class(facts, marked=facts.class_id == marked)
            if place >= self._shown:
                chip.show()
        for chip in self._chips[len(classes) : self._shown]:
            chip.hide()
        self._shown = len(classes)

    def chip(self, place: int) -> Chip | None:
        """The chip at a place, if there is one."""
        return self._chips[place] if place < self._shown else None

    @property
    def numbered(self) -> list[Chip]:
        """Those with a number key, shown or not."""
        return self._chips[:NUMBERED]

    @property
    def shown(self) -> list[Chip]:
        return self._chips[: self._shown]

    def press(self, number: int) -> bool:
        """A number key was pressed; False if no chip has it."""
        chip = self.chip(number - 1)
        if chip is None or chip.number != number:
            return False
        self._toggle(chip)
        return True

    def _chip(self, place: int) -> Chip:
        while len(self._chips) <= place:
            at = len(self._chips)
            chip = Chip(at + 1 if at < NUMBERED else 0, self)
            chip.clicked.connect(lambda _on=False, c=chip: self._toggle(c))
            chip.focused.connect(lambda c=chip: self._focused(c))
            chip.stepped.connect(lambda step, at=at: self._step(at + step))
            self._layout.insertWidget(at, chip)
            if at:
                QWidget.setTabOrder(self._chips[-1], chip)
            self._chips.append(chip)
        return self._chips[place]

    def _toggle(self, chip: Chip) -> None:
        if chip.facts is not None:
            self.toggled.emit(chip.facts.class_id)

    def _focused(self, chip: Chip) -> None:
        if chip.facts is not None:
            self.focused.emit(chip.facts.class_id)

    def _step(self, place: int) -> None:
        chip = self.chip(place) if place >= 0 else None
        if chip is not None:
            chip.setFocus(Qt.FocusReason.TabFocusReason)

    def _repaint(self, *_: object) -> None:
        for chip in self.shown:
            chip.update()


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def accessible_text(facts: ClassFacts) -> str:
    """A class of the photo as a screen reader reads it."""
    parts = [isolated(facts.name), verdict_name(facts.verdict)]
    if facts.score is not None:
        how = (
            _("predicted (from {threshold} on), score {score}")
            if facts.predicted
            else _("not predicted (from {threshold} on), score {score}")
        )
        shown = {"score": decimal(facts.score, 2), "threshold": decimal(facts.threshold, 2)}
        parts.append(how.format(**shown))
    if facts.band is not None:
        parts.append(band_name(facts.band))
    return ", ".join(parts)
