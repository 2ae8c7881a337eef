from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from ui_libraries import sample_snapshot

from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.ui.grid.cell_view import ZOOM_MIN
from lmpt_desktop.ui.grid.delegate import focus_spot, mark_spots, paint_focus_verdict, paint_mark
from lmpt_desktop.ui.grid.legend import SAMPLE, LegendButton
from lmpt_desktop.ui.grid.marks import MARK_TEXTS, Mark, marks
from lmpt_desktop.ui.grid.model import GridModel
from lmpt_desktop.ui.kit import theme


def drawn(*, mark: Mark | None = None, verdict: Verdict | None = None) -> QImage:
    image = QImage(24, 24, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    spot = QRect(2, 2, 20, 20)
    if mark is not None:
        paint_mark(painter, spot, mark, theme.LIGHT)
    paint_focus_verdict(painter, spot, verdict, theme.LIGHT)
    painter.end()
    return image.convertToFormat(QImage.Format.Format_Grayscale8)


def test_the_legend_explains_every_mark_with_its_count(qtbot: QtBot) -> None:
    model = GridModel()
    model.set_content(sample_snapshot(1200), np.arange(1200))
    model.set_held_out(np.arange(1, 1101))
    button = LegendButton(model)
    qtbot.addWidget(button)
    legend = button.open()
    texts = {label.text() for label in legend.findChildren(QLabel)}
    for mark in Mark:
        assert {MARK_TEXTS[mark].name, MARK_TEXTS[mark].meaning} <= texts
    assert {entry.name: entry.count for entry in legend.entries}["Held out"] == 1100
    assert "1,100" in texts
    assert all(entry.name and entry.meaning for entry in legend.entries)


def test_no_explanation_is_cut_off(qtbot: QtBot) -> None:
    button = LegendButton(GridModel())
    qtbot.addWidget(button)
    font = button.font()
    font.setPointSizeF(font.pointSizeF() * 1.5)
    button.setFont(font)
    legend = button.open()
    qtbot.waitUntil(legend.isVisible)
    for label in legend.findChildren(QLabel):
        assert label.height() >= label.heightForWidth(label.width())


def test_the_legend_is_opened_and_closed_with_the_keyboard(qtbot: QtBot) -> None:
    button = LegendButton(GridModel())
    qtbot.addWidget(button)
    button.show()
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    (legend,) = button.findChildren(type(button.open()))[:1]
    with qtbot.waitSignal(legend.destroyed):
        qtbot.keyClick(legend, Qt.Key.Key_Escape)


def test_marks_and_verdicts_differ_in_shape(qapp: object) -> None:
    images = [drawn(mark=mark) for mark in Mark]
    images += [drawn(verdict=Verdict.PRESENT), drawn(verdict=Verdict.ABSENT)]
    assert len({bytes(image.constBits()) for image in images}) == len(Mark) + 2
    assert drawn(verdict=Verdict.UNKNOWN) == drawn()


def test_samples_show_something(qtbot: QtBot) -> None:
    button = LegendButton(GridModel())
    qtbot.addWidget(button)
    for entry in button.open().entries:
        image = QImage(SAMPLE, QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        entry.paint(painter, QRect(QPoint(0, 0), SAMPLE))
        painter.end()
        assert any(bytes(image.constBits())), entry.name


@pytest.mark.parametrize("side", [ZOOM_MIN, 160, 400])
def test_marks_stand_in_one_row_at_the_top_and_the_verdict_at_the_bottom(side: int) -> None:
    square = QRect(10, 20, side, side)
    most = len(
        marks(ImageState.OK, reviewed=True, held_out=True, edited=True, damaged=True, waiting=True)
    )
    spots = mark_spots(square, most)
    assert mark_spots(square, 2) == spots[:2], "more marks move none"
    assert {spot.top() for spot in spots} == {24}
    places = [*spots, focus_spot(square)]
    for number, first in enumerate(places):
        assert square.contains(first)
        assert not any(first.intersects(second) for second in places[number + 1 :])
