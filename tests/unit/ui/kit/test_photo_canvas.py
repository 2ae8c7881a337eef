"""Zoom keeps what is under the pointer; panning stays on the photo."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.kit.photo_canvas import LARGEST, PhotoCanvas, zoom_text
from lmpt_desktop.ui.kit.photo_pool import Decoded, fitted

ROOM = QSize(400, 300)


SIZE = QSize(4000, 3000)


def photo(size: QSize, colour: str = "#808080", room: QSize = ROOM) -> Decoded:
    image = QImage(fitted(size, room), QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    return Decoded(image, size)


def map_photo() -> Decoded:
    """A photo of 4000 x 3000 whose colour says the place: red rises to the right, green down."""
    small = fitted(SIZE, ROOM)
    colours = np.zeros((small.height(), small.width(), 3), np.uint8)
    colours[..., 0] = np.linspace(0, 255, small.width())
    colours[..., 1] = np.linspace(0, 255, small.height())[:, None]
    image = QImage(
        colours.tobytes(), small.width(), small.height(), 3 * small.width(),
        QImage.Format.Format_RGB888,
    )  # fmt: skip
    return Decoded(image.convertToFormat(QImage.Format.Format_RGB32), SIZE)


def place_under(canvas: PhotoCanvas, x: int, y: int) -> tuple[float, float]:
    """Which place of :func:`map_photo` is painted there, as shares of its width and height."""
    picture = canvas.grab().toImage()
    ratio = picture.width() / canvas.width()
    colour = picture.pixelColor(int(x * ratio), int(y * ratio))
    return colour.redF(), colour.greenF()


@pytest.fixture
def canvas(qtbot: QtBot) -> PhotoCanvas:
    made = PhotoCanvas()
    qtbot.addWidget(made)
    made.resize(ROOM)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_a_photo_is_fitted_and_its_first_painting_is_signalled_once(
    canvas: PhotoCanvas, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(canvas.painted) as painted:
        canvas.show_photo(5, photo(QSize(4000, 2000)))
    assert painted.args == [5]
    assert canvas.scale == pytest.approx(0.1)
    grabbed = canvas.grab().toImage()
    ratio = grabbed.width() / canvas.width()
    middle = grabbed.pixelColor(int(200 * ratio), int(150 * ratio))
    edge = grabbed.pixelColor(int(200 * ratio), int(10 * ratio))
    assert middle.name() == "#808080" and edge.name() != "#808080"


def test_the_wheel_keeps_the_place_under_the_pointer(canvas: PhotoCanvas) -> None:
    canvas.show_photo(1, map_photo())
    canvas.zoom(6)
    before, scale = place_under(canvas, 100, 80), canvas.scale
    canvas.zoom(2, QPointF(100, 80))
    assert canvas.scale > 1.2 * scale
    assert place_under(canvas, 100, 80) == pytest.approx(before, abs=0.01)
    canvas.zoom(2)
    assert place_under(canvas, 100, 80) != pytest.approx(before, abs=0.01), "the middle stays"


def test_zoom_has_limits_and_the_smallest_is_fitted(canvas: PhotoCanvas) -> None:
    canvas.show_photo(1, photo(QSize(4000, 3000)))
    canvas.zoom(100)
    assert canvas.scale == LARGEST
    canvas.zoom(-100)
    assert canvas.is_fitted
    canvas.zoom(-1)
    assert canvas.is_fitted and canvas.scale == pytest.approx(0.1)


def test_panning_stops_at_the_edges(canvas: PhotoCanvas) -> None:
    canvas.show_photo(1, map_photo())
    canvas.toggle()
    assert canvas.scale == 1
    canvas.pan(QPointF(1e6, 1e6))
    assert place_under(canvas, 5, 5) == pytest.approx((0, 0), abs=0.01)
    canvas.pan(QPointF(-1e6, -1e6))
    corner = place_under(canvas, ROOM.width() - 6, ROOM.height() - 6)
    assert corner == pytest.approx((1, 1), abs=0.01)


def test_dragging_moves_the_photo_with_the_pointer(canvas: PhotoCanvas, qtbot: QtBot) -> None:
    canvas.show_photo(1, map_photo())
    canvas.zoom(4)
    grabbed = place_under(canvas, 200, 150)
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(canvas, left, pos=QPoint(200, 150))
    qtbot.mouseMove(canvas, QPoint(150, 130))
    qtbot.mouseRelease(canvas, left, pos=QPoint(150, 130))
    assert place_under(canvas, 150, 130) == pytest.approx(grabbed, abs=0.01)
    assert place_under(canvas, 200, 150) != pytest.approx(grabbed, abs=0.01)


def test_full_resolution_is_asked_for_only_where_it_is_needed(
    canvas: PhotoCanvas, qtbot: QtBot
) -> None:
    asked: list[bool] = []
    canvas.full_requested.connect(lambda: asked.append(True))
    canvas.show_photo(1, photo(QSize(200, 150)))  # it is enlarged already when fitted
    canvas.zoom(2)
    assert not asked
    canvas.show_photo(2, photo(QSize(4000, 3000)))
    assert not asked
    canvas.zoom(1)
    assert asked
    full = QImage(QSize(4000, 3000), QImage.Format.Format_RGB32)
    full.fill(QColor("#123456"))
    canvas.fit()
    canvas.toggle()
    canvas.show_full(1, full)  # of the photo before: too late
    assert canvas.grab().toImage().pixelColor(100, 100).name() == "#808080"
    canvas.show_full(2, full)
    assert canvas.grab().toImage().pixelColor(100, 100).name() == "#123456"


def test_another_photo_is_fitted_again_but_a_better_one_of_the_same_is_not(
    canvas: PhotoCanvas,
) -> None:
    canvas.show_photo(1, photo(QSize(4000, 3000)))
    canvas.toggle()
    canvas.show_photo(1, photo(QSize(4000, 3000)))
    assert canvas.scale == 1
    canvas.show_photo(2, photo(QSize(4000, 3000)))
    assert canvas.is_fitted


def test_toggling_goes_between_fitted_and_actual_size(canvas: PhotoCanvas) -> None:
    canvas.show_photo(1, photo(QSize(4000, 3000)))
    canvas.toggle(QPointF(10, 10))
    assert canvas.scale == 1
    canvas.toggle()
    assert canvas.is_fitted
    canvas.show_photo(2, photo(QSize(400, 300)))
    canvas.toggle()
    assert canvas.scale == pytest.approx(2), "at 100 % already: larger, else nothing would happen"


def test_where_there_is_no_photo_there_is_a_sentence(canvas: PhotoCanvas) -> None:
    canvas.show_photo(1, photo(QSize(4000, 3000)))
    canvas.show_text("The file is no longer there.", 2)
    assert not canvas.showing and canvas.image_id == 2
    canvas.zoom(3)
    canvas.toggle()
    assert canvas.is_fitted


def test_the_zoom_in_words() -> None:
    assert zoom_text(1.0, is_fitted=False) == "100 %"
    assert zoom_text(0.314, is_fitted=True) == "Fitted (31 %)"
