"""The bracket over an open stack."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter

from lmpt_desktop.ui.grid.delegate import paint_bracket
from lmpt_desktop.ui.grid.stack_layout import StackPart
from lmpt_desktop.ui.kit import theme


@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0])
def test_it_is_one_line_where_cells_meet_at_every_scale(scale: float) -> None:
    image = QImage(round(320 * scale), round(30 * scale), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(0, 0.5)  # a window may place the grid between two pixels
    for left in (0, 107, 214):
        part = StackPart(5, open=True, first=False, last=False)
        paint_bracket(painter, QRect(left, 2, 107, 20), part, theme.LIGHT, mirrored=False)
    painter.end()
    inside = range(round(10 * scale), round(300 * scale))
    rows = [{image.pixel(x, y) for x in inside} for y in range(image.height())]
    assert [row for row in rows if len(row) > 1] == []
    assert {theme.LIGHT.colour("muted").rgb()} in rows
