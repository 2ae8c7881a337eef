"""What everything on a card means: a button, and the legend that it opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QToolButton, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.grid.delegate import (
    RAW_WIDTH,
    SPOT,
    paint_chip,
    paint_focus_verdict,
    paint_mark,
    paint_raw,
    paint_stack_sample,
)
from lmpt_desktop.ui.grid.marks import MARK_TEXTS, Mark, counts
from lmpt_desktop.ui.grid.model import GridModel
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import heading, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import photos_text
from trainer.bands import Band

SAMPLE = QSize(44, 24)
"""Pixels of the pictures at the left."""
MEANING_WIDTH = 380
"""Pixels at which explanations are wrapped."""


@dataclass(frozen=True)
class Entry:
    """A line of the legend; ``paint`` draws a sample into a rectangle."""

    paint: Callable[[QPainter, QRect], None]
    name: str
    meaning: str
    count: int | None = None


def mark_entries(found: dict[Mark, int]) -> Iterator[Entry]:
    """One line per mark, with the number of photos that have it."""
    for mark in Mark:

        def paint(painter: QPainter, area: QRect, mark: Mark = mark) -> None:
            paint_mark(painter, _spot(area), mark, theme.current())

        text = MARK_TEXTS[mark]
        yield Entry(paint, _(text.name), _(text.meaning), found.get(mark))


def stack_entry() -> Entry:
    """The sign of a stack."""

    def paint(painter: QPainter, area: QRect) -> None:
        place = QRect(0, 0, SPOT + 16, SPOT)
        place.moveCenter(area.center())
        paint_stack_sample(painter, place, theme.current())

    return Entry(
        paint,
        _("Stack"),
        _("So many photos taken within seconds and alike; a click on the number opens it"),
    )


def class_entries() -> Iterator[Entry]:
    """The verdict on the class in focus, and the lines of classes under a photo."""

    def verdict(shown: Verdict) -> Callable[[QPainter, QRect], None]:
        def paint(painter: QPainter, area: QRect) -> None:
            paint_focus_verdict(painter, _spot(area), shown, theme.current())

        return paint

    def own(painter: QPainter, area: QRect) -> None:
        paint_chip(painter, area.adjusted(4, 3, -4, -3), theme.current())

    def words(text: str, colour: str, *, bold: bool = False) -> Callable[[QPainter, QRect], None]:
        def paint(painter: QPainter, area: QRect) -> None:
            font = QFont(painter.font())
            font.setBold(bold)
            painter.setFont(font)
            painter.setPen(theme.current().colour(colour))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

        return paint

    def rare(painter: QPainter, area: QRect) -> None:
        side = 9
        place = QRectF(0, 0, side, side)
        place.moveCenter(QRectF(area).center())
        theme.paint_band_mark(painter, place, Band.TAIL, theme.current().colour("tail"))

    score = decimal(0.34, 2)
    yield Entry(own, _("Your tag"), _("You said that this class is present"))
    yield Entry(
        words(score, "muted"),
        _("Predicted"),
        _(
            "How likely the photo has the class, from 0 to 1. Each class is predicted from its own"
            " threshold on, often far below {half}; the inspector marks it on the bar"
        ).format(half=decimal(0.5)),
    )
    yield Entry(
        words(score, "text", bold=True),
        _("Filtered or searched"),
        _("The class you are looking for, also where it is not predicted"),
    )
    yield Entry(rare, _("Rare"), _("Few photos of this library have this class"))
    yield Entry(words("+5", "muted"), _("More"), _("Further classes; the inspector shows them all"))
    yield Entry(
        verdict(Verdict.PRESENT),
        _("Class in focus: present"),
        _("Your verdict on the class that the keys act on"),
    )
    yield Entry(
        verdict(Verdict.ABSENT),
        _("Class in focus: absent"),
        _("You said that it is not in this photo"),
    )
    yield Entry(
        lambda painter, area: paint_raw(painter, _raw_spot(area), "CR3", theme.current()),
        _("With its raw file"),
        _("The photo and the raw file of the same name are one photo (Preferences, Library)"),
    )


def _raw_spot(area: QRect) -> QRect:
    spot = QRect(0, 0, min(area.width(), round(SPOT * RAW_WIDTH)), SPOT)
    spot.moveCenter(area.center())
    return spot


def _spot(area: QRect) -> QRect:
    spot = QRect(0, 0, SPOT, SPOT)
    spot.moveCenter(area.center())
    return spot


class Legend(QFrame):
    """Closes with Escape or a click elsewhere, as a menu does."""

    def __init__(self, found: dict[Mark, int], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("legend")
        self.setAccessibleName(_("What the marks mean"))
        colours = theme.current()
        self.setStyleSheet(
            f"#legend {{ background: {colours.surface}; border: 1px solid {colours.border}; }}"
        )
        self._lines = QGridLayout()
        self._lines.setHorizontalSpacing(10)
        self._lines.setVerticalSpacing(6)
        self._lines.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.addLayout(self._lines)
        self.entries: list[Entry] = []
        self._add(_("On the photo"), [*mark_entries(found), stack_entry()])
        self._add(_("Classes"), [*class_entries()])

    def _add(self, title: str, entries: list[Entry]) -> None:
        row = self._lines.rowCount()
        if self.entries:
            self._lines.setRowMinimumHeight(row, 8)
            row += 1
        self._lines.addWidget(heading(title), row, 0, 1, 3)
        for entry in entries:
            row += 1
            self.entries.append(entry)
            sample = Label()
            sample.setPixmap(self._sample(entry))
            text = Label(entry.name)
            meaning = muted(entry.meaning)
            meaning.setMinimumWidth(MEANING_WIDTH)
            words = QVBoxLayout()
            words.setSpacing(0)
            words.addWidget(text)
            words.addWidget(meaning)
            self._lines.addWidget(sample, row, 0, Qt.AlignmentFlag.AlignTop)
            self._lines.addLayout(words, row, 1)
            if entry.count is not None:
                count = Label(number(entry.count))
                count.setAccessibleName(f"{entry.name}: {photos_text(entry.count)}")
                count.setProperty("role", "muted")
                top_right = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight
                self._lines.addWidget(count, row, 2, top_right)

    def best_size(self) -> QSize:
        """At which no explanation is cut off."""
        self.ensurePolished()
        width = self.sizeHint().width()
        # Not adjustSize(), which stops at two thirds of the screen.
        return QSize(width, max(self.sizeHint().height(), self.heightForWidth(width)))

    def _sample(self, entry: Entry) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(SAMPLE * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        entry.paint(painter, QRect(QPoint(0, 0), SAMPLE))
        painter.end()
        return pixmap


class LegendButton(QToolButton):
    """Opens the legend above itself."""

    def __init__(self, model: GridModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setObjectName("legend-button")
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(_("What the marks mean"))
        self.setToolTip(_("What the marks on the photos mean"))
        self.clicked.connect(self.open)
        theme.manager().changed.connect(self._restyle)
        self._restyle()

    def open(self) -> Legend:
        """Show the legend, with counts of the whole library."""
        snapshot = self._model.snapshot
        legend = Legend({} if snapshot is None else counts(snapshot, self._model.held_out), self)
        corner = self.mapToGlobal(QPoint(self.width(), 0))
        size = legend.best_size()
        place = QRect(corner - QPoint(size.width(), size.height() + 4), size)
        room = self.screen().availableGeometry()
        place.moveLeft(max(room.left(), min(place.left(), room.right() - place.width())))
        place.moveTop(max(room.top(), place.top()))
        legend.setGeometry(place)
        legend.show()
        return legend

    def _restyle(self, *_: object) -> None:
        self.setIcon(theme.icon("help", "muted"))
