"""A region stays on its part of the photo, and is asked for once somebody has stopped to look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.translation import _
from lmpt_desktop.ui.inspector.photo_view import PhotoView
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.photo_canvas import PhotoCanvas
from lmpt_desktop.ui.kit.photo_pool import Decoded, fitted
from lmpt_desktop.ui.kit.photo_viewer import PhotoViewer
from lmpt_desktop.ui.kit.region_finder import RegionFinder
from lmpt_desktop.ui.kit.region_overlay import TIP
from trainer.box import Box

ROOM = QSize(400, 300)
SIZE = QSize(4000, 2000)
BOX = Box(0.25, 0.5, 0.75, 1.0)
TURNED = 6
"""The EXIF orientation of a photo whose right side is up."""


def grey(size: QSize, room: QSize = ROOM) -> Decoded:
    image = QImage(fitted(size, room), QImage.Format.Format_RGB32)
    image.fill(QColor("#808080"))
    return Decoded(image, size)


@pytest.fixture
def canvas(qtbot: QtBot) -> PhotoCanvas:
    made = PhotoCanvas()
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its frame has the colour of a region
    qtbot.addWidget(made)
    made.resize(ROOM)
    made.show()
    qtbot.waitExposed(made)
    return made


def area(canvas: PhotoCanvas) -> QRectF:
    return canvas.region.place(canvas.photo_area)


def coloured(widget: QWidget) -> QRectF:
    """Around the pixels that have the colour of the outline."""
    picture = widget.grab().toImage()
    colour = theme.current().colour("focus_on_photo")
    places = [
        (x, y)
        for x in range(picture.width())
        for y in range(picture.height())
        if _near(picture.pixelColor(x, y), colour)
    ]
    columns, rows = zip(*places, strict=True)
    ratio = widget.devicePixelRatioF()
    return QRectF(
        min(columns) / ratio,
        min(rows) / ratio,
        (max(columns) - min(columns) + 1) / ratio,
        (max(rows) - min(rows) + 1) / ratio,
    )


def _near(one: QColor, other: QColor) -> bool:
    return all(
        abs(a - b) <= 24
        for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)  # pyright: ignore[reportIndexIssue, reportArgumentType]
    )


def is_close(one: QRectF, other: QRectF, tolerance: float = 5.0) -> bool:
    differences = (
        one.left() - other.left(),
        one.top() - other.top(),
        one.right() - other.right(),
        one.bottom() - other.bottom(),
    )
    return all(abs(value) <= tolerance for value in differences)


def faded_in(qtbot: QtBot, canvas: PhotoCanvas | PhotoView) -> None:
    qtbot.waitUntil(lambda: canvas.region._opacity == 1.0)


def test_a_region_is_drawn_on_its_part_of_the_fitted_photo(
    canvas: PhotoCanvas, qtbot: QtBot
) -> None:
    canvas.show_photo(1, grey(SIZE))
    canvas.show_region(1, BOX)
    assert area(canvas) == QRectF(100, 150, 200, 100)  # the photo is 400 x 200, in the middle
    assert canvas.toolTip() == _(TIP)
    faded_in(qtbot, canvas)
    assert is_close(coloured(canvas), area(canvas))


def test_a_region_stays_on_its_part_of_a_photo_that_is_zoomed_and_moved(
    canvas: PhotoCanvas, qtbot: QtBot
) -> None:
    canvas.show_photo(1, grey(SIZE))
    canvas.show_region(1, BOX)
    before = area(canvas)
    canvas.zoom(1, QPointF(200, 200))  # in the middle of the region
    zoomed = area(canvas)
    assert zoomed.width() == pytest.approx(1.25 * before.width())
    assert zoomed.center().x() == pytest.approx(before.center().x())
    canvas.pan(QPointF(20, 0))
    assert area(canvas).left() == pytest.approx(zoomed.left() + 20)
    faded_in(qtbot, canvas)
    assert is_close(coloured(canvas), area(canvas).intersected(QRectF(canvas.rect())))
    canvas.fit()
    assert area(canvas) == before


def test_a_region_goes_with_its_photo(canvas: PhotoCanvas) -> None:
    canvas.show_photo(1, grey(SIZE))
    canvas.show_region(1, BOX)
    canvas.show_photo(1, grey(SIZE))  # decoded in another size
    assert canvas.region.box == BOX
    canvas.show_photo(2, grey(SIZE))
    assert canvas.region.box is None
    assert canvas.toolTip() == ""
    canvas.show_region(1, BOX)  # too late
    assert canvas.region.box is None
    canvas.show_region(2, BOX)
    canvas.show_text("The file is missing.", 2)
    assert canvas.region.box is None


def turned_photo(path: Path) -> Path:
    """Stored 300 x 200, upright 200 x 300."""
    exif = Image.Exif()
    exif[0x0112] = TURNED
    Image.new("RGB", (300, 200), "#808080").save(path, exif=exif)
    return path


def test_a_region_is_on_the_upright_photo_in_review(tmp_path: Path, qtbot: QtBot) -> None:
    path = turned_photo(tmp_path / "turned.jpg")
    viewer = PhotoViewer(lambda _image_id: path)
    qtbot.addWidget(viewer)
    viewer.resize(400, 360)
    viewer.show()
    viewer.show_image((1, "a"), "turned.jpg")
    viewer.preload([(1, "a")])
    qtbot.waitUntil(lambda: viewer.shows(1))
    canvas = viewer.canvas
    canvas.show_region(1, Box(0.0, 0.0, 1.0, 0.5))
    photo = canvas.photo_area
    assert photo.height() == pytest.approx(1.5 * photo.width(), abs=2)
    assert area(canvas).height() == pytest.approx(photo.height() / 2)
    viewer.close_viewer()


def test_a_region_is_on_the_upright_photo_in_the_inspector(tmp_path: Path, qtbot: QtBot) -> None:
    path = turned_photo(tmp_path / "turned.jpg")
    view = PhotoView(lambda _image_id: path)
    qtbot.addWidget(view)
    view.resize(320, 240)
    view.show()
    view.show_photo(1, "turned.jpg", "a")
    view.show_region(1, Box(0.0, 0.0, 1.0, 0.5))  # known before the photo is read
    qtbot.waitUntil(lambda: view.pixmap is not None)
    assert view.photo_area == QRectF(80, 0, 160, 240)
    assert view.region.place(view.photo_area) == QRectF(80, 0, 160, 120)
    faded_in(qtbot, view)
    assert is_close(coloured(view), QRectF(80, 0, 160, 120))
    view.show_photo(2, "another.jpg", "b")
    assert view.region.box is None


class Asked:
    """Stands for the session's regions."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, bool]] = []
        self.dropped = 0
        self.answer: Callable[[Box | None], None] = lambda _box: None

    def ask(
        self,
        image_id: int,
        class_id: int,
        answer: Callable[[Box | None], None],
        *,
        load: bool = False,
    ) -> None:
        self.asked.append((image_id, class_id, load))
        self.answer = answer

    def drop(self) -> None:
        self.dropped += 1


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def finder(asked: Asked, qtbot: QtBot) -> Iterator[RegionFinder]:
    qtbot.addWidget(owner := QWidget())
    yield RegionFinder(asked, owner)
    owner.close()


def test_nothing_is_asked_of_photos_that_are_only_passed(
    finder: RegionFinder, asked: Asked, qtbot: QtBot
) -> None:
    for image in range(20):
        finder.want(image, "a", 1, load=False)
    qtbot.waitUntil(lambda: bool(asked.asked))
    assert asked.asked == [(19, 1, False)]


def test_only_the_answer_to_what_is_still_wanted_is_shown(
    finder: RegionFinder, asked: Asked, qtbot: QtBot
) -> None:
    found: list[tuple[int, Box | None]] = []
    finder.found.connect(lambda image, box: found.append((image, box)))
    finder.want(1, "a", 1, load=True)
    qtbot.waitUntil(lambda: len(asked.asked) == 1)
    late = asked.answer
    finder.want(2, "a", 1, load=True)
    assert asked.dropped == 1
    qtbot.waitUntil(lambda: len(asked.asked) == 2)
    late(BOX)
    asked.answer(BOX)
    qtbot.waitUntil(lambda: (2, BOX) in found)
    assert (1, BOX) not in found
    finder.want(2, "a", 1, load=True)  # the photo is shown again: no need to ask
    assert found[-1] == (2, BOX)
    finder.want(2, "b", 1, load=True)  # the file has another content
    assert found[-1] == (2, None)
    qtbot.waitUntil(lambda: len(asked.asked) == 3)
    asked.answer(BOX)
    qtbot.waitUntil(lambda: found[-1] == (2, BOX))
    finder.want(2, "b", None, load=False)
    assert found[-1] == (2, None)
    assert len(asked.asked) == 3


def test_who_asks_for_it_after_looking_on_gets_the_model_loaded(
    finder: RegionFinder, asked: Asked, qtbot: QtBot
) -> None:
    finder.want(1, "a", 1, load=False)
    qtbot.waitUntil(lambda: len(asked.asked) == 1)
    asked.answer(None)
    finder.want(1, "a", 1, load=True)
    qtbot.waitUntil(lambda: len(asked.asked) == 2)
    assert asked.asked[-1] == (1, 1, True)
