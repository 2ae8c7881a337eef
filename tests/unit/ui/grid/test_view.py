"""The grid's view on its own: a sample library's arrays, real key and mouse events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QItemSelectionModel, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QColor, QMouseEvent, QPaintEvent, QRegion
from PySide6.QtWidgets import QAbstractItemView, QApplication, QWidget
from pytestqt.qtbot import QtBot
from ui_libraries import sample_snapshot

from lmpt_desktop.ui.grid.card_pictures import SPARE
from lmpt_desktop.ui.grid.cell_view import AHEAD_SCREENS
from lmpt_desktop.ui.grid.delegate import GridDelegate
from lmpt_desktop.ui.grid.model import GridModel
from lmpt_desktop.ui.grid.view import GridView
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

Key, Modifier, Button = Qt.Key, Qt.KeyboardModifier, Qt.MouseButton
CONTROL, SHIFT, PLAIN = Modifier.ControlModifier, Modifier.ShiftModifier, Modifier.NoModifier
Hint = QAbstractItemView.ScrollHint
LEFT = Button.LeftButton


def no_thumbnail(_image_id: int, _version: str, _size: int) -> bytes:
    raise ValueError("none")


@pytest.fixture
def make(qtbot: QtBot) -> Iterator[Callable[[int], GridView]]:
    loaders: list[ThumbnailLoader] = []

    def made(count: int) -> GridView:
        loader = ThumbnailLoader(no_thumbnail)
        loaders.append(loader)
        model = GridModel()
        view = GridView(model, loader)
        # Left to the garbage collector they might be taken down on a worker thread.
        model.setParent(view)
        loader.setParent(view)
        qtbot.addWidget(view)
        view.resize(900, 700)
        model.set_content(sample_snapshot(count), np.arange(count))
        view.show()
        qtbot.waitExposed(view)
        view.setFocus()
        return view

    yield made
    for loader in loaders:
        loader.close()


def chosen(view: GridView) -> list[int]:
    return view.selected_positions().tolist()


def current(view: GridView) -> int:
    return view.currentIndex().row()


def centre(view: GridView, position: int) -> QPoint:
    return view.visualRect(view.model().index(position, 0)).center()


def click(
    qtbot: QtBot, view: GridView, position: int, modifier: Qt.KeyboardModifier = PLAIN
) -> None:
    qtbot.mouseClick(view.viewport(), LEFT, modifier, centre(view, position))


def drag(
    view: GridView, *places: QPoint, modifier: Qt.KeyboardModifier = PLAIN, release: bool = True
) -> None:
    """Press at the first place, move through the others, let go at the last."""
    kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * (len(places) - 1)]
    steps = [(kind, place, LEFT) for kind, place in zip(kinds, places, strict=True)]
    if release:
        steps.append((QEvent.Type.MouseButtonRelease, places[-1], Button.NoButton))
    for kind, place, held in steps:
        button = Button.NoButton if kind is QEvent.Type.MouseMove else LEFT
        shown = QPointF(view.viewport().mapToGlobal(place))
        event = QMouseEvent(kind, QPointF(place), shown, button, held, modifier)
        QApplication.sendEvent(view.viewport(), event)


def test_cells_fill_the_width_and_index_and_place_belong_together(make: Any) -> None:
    view = make(100)
    columns = view.cells.columns
    assert columns > 2
    for position in (0, columns - 1, columns):
        index = view.model().index(position, 0)
        assert view.indexAt(view.visualRect(index).center()) == index
    right = view.visualRect(view.model().index(columns - 1, 0)).right()
    assert view.viewport().width() - columns <= right + 1 <= view.viewport().width()
    assert not view.indexAt(QPoint(5, 699)).isValid() or view.cells.rows * columns >= 100


@pytest.mark.parametrize("count", [10, 1_000_000])
def test_opening_resizing_and_zooming_ask_the_same_whatever_the_number_of_images(
    make: Any, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, count: int
) -> None:
    asked = [0]
    real = GridModel.rowCount

    def counted(self: GridModel, *args: Any) -> int:
        asked[0] += 1
        return real(self, *args)

    monkeypatch.setattr(GridModel, "rowCount", counted)
    view = make(count)
    view.resize(700, 600)
    view.set_zoom(240)
    QApplication.processEvents()
    assert asked[0] < 100


def test_keys_move_the_current_image_and_the_selection(make: Any, qtbot: QtBot) -> None:
    view = make(1000)
    columns = view.cells.columns
    view.select_ids([1], 1)
    qtbot.keyClick(view, Key.Key_Down)
    assert chosen(view) == [columns]
    qtbot.keyClick(view, Key.Key_Right, SHIFT)
    qtbot.keyClick(view, Key.Key_Down, SHIFT)
    assert chosen(view) == list(range(columns, 2 * columns + 2))
    qtbot.keyClick(view, Key.Key_Up, SHIFT)
    assert chosen(view) == [columns, columns + 1]
    qtbot.keyClick(view, Key.Key_End, CONTROL)
    assert current(view) == 999
    assert chosen(view) == [columns, columns + 1], "Ctrl leaves the selection alone"
    qtbot.keyClick(view, Key.Key_Space, CONTROL)
    assert chosen(view) == [columns, columns + 1, 999]
    qtbot.keyClick(view, Key.Key_Left, CONTROL | SHIFT)
    assert chosen(view) == [columns, columns + 1, 998, 999]
    qtbot.keyClick(view, Key.Key_Home, SHIFT)
    assert chosen(view) == list(range(1000))
    qtbot.keyClick(view, Key.Key_Home)
    assert chosen(view) == [0]
    qtbot.keyClick(view, Key.Key_PageDown)
    page = view.viewport().height() // view.cells.cell_height * columns
    assert chosen(view) == [page]


def test_the_current_image_stays_in_sight(make: Any, qtbot: QtBot) -> None:
    view = make(1_000_000)
    for key in (Key.Key_End, Key.Key_Up, Key.Key_PageUp, Key.Key_Home):
        qtbot.keyClick(view, key)
        place = view.visualRect(view.currentIndex())
        assert view.viewport().rect().contains(place), key
    index = view.model().index(500_000, 0)
    for hint in (Hint.PositionAtCenter, Hint.PositionAtTop, Hint.PositionAtBottom):
        view.scrollTo(index, hint)
        assert view.viewport().rect().contains(view.visualRect(index))


def test_shift_selects_hundreds_of_thousands_with_one_click(make: Any, qtbot: QtBot) -> None:
    view = make(1_000_000)
    click(qtbot, view, 1)
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    click(qtbot, view, 999_997, SHIFT)
    assert view.selected_count() == 999_997
    view.selectAll()
    assert view.selected_count() == 1_000_000
    assert view.selected_array()[-1] == 1_000_000


def test_clicks_with_and_without_control(make: Any, qtbot: QtBot) -> None:
    view = make(30)
    click(qtbot, view, 3)
    click(qtbot, view, 5, CONTROL)
    assert chosen(view) == [3, 5]
    click(qtbot, view, 3, CONTROL)
    assert chosen(view) == [5]
    assert current(view) == 3
    click(qtbot, view, 1)
    assert chosen(view) == [1]
    view.clearSelection()
    assert chosen(view) == []


def test_the_other_button_keeps_a_selection_it_is_on(make: Any, qtbot: QtBot) -> None:
    view = make(30)
    view.select_ids([2, 3], 2)
    qtbot.mouseClick(view.viewport(), Button.RightButton, PLAIN, centre(view, 2))
    assert chosen(view) == [1, 2]
    qtbot.mouseClick(view.viewport(), Button.RightButton, PLAIN, centre(view, 6))
    assert chosen(view) == [6]


def test_a_rubber_band_selects_what_it_touches(make: Any, qtbot: QtBot) -> None:
    view = make(60)
    columns = view.cells.columns
    start, middle, end = centre(view, 1), centre(view, columns * 2), centre(view, columns + 2)
    drag(view, start, middle, end, release=False)
    assert view.band is not None
    assert chosen(view) == [1, 2, columns + 1, columns + 2]
    drag(view, end)
    assert view.band is None


def test_a_rubber_band_with_control_turns_round_what_it_touches(make: Any) -> None:
    view = make(60)
    columns = view.cells.columns
    view.select_ids([1, 2, 60], 1)
    drag(view, centre(view, 1), centre(view, columns + 2), modifier=CONTROL)
    assert chosen(view) == [0, 2, columns + 1, columns + 2, 59]


def test_what_comes_into_view_next_is_loaded_before(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = make(2000)
    asked: list[tuple[list[int], int, object]] = []
    monkeypatch.setattr(
        view._loader,
        "expect",
        lambda images, size, box: asked.append(([one for one, _ in images], size, box)),
    )
    drawn: list[tuple[int, object]] = []
    pixmap = view._loader.pixmap

    def noted(image_id: int, version: str, size: int, box: object = None) -> object:
        drawn.append((size, box))
        return pixmap(image_id, version, size, box)

    monkeypatch.setattr(view._loader, "pixmap", noted)
    view.verticalScrollBar().setValue(5000)
    view.viewport().grab()
    seen, ids = view.visible_positions(), view._model.ids
    coming, size, box = asked[-1]
    assert coming == ids[seen.stop : seen.stop + AHEAD_SCREENS * len(seen)].tolist()
    assert set(drawn) == {(size, box)}, "as they will be asked for"
    view.verticalScrollBar().setValue(4900)
    seen = view.visible_positions()
    coming = asked[-1][0]
    assert coming == ids[seen.start - AHEAD_SCREENS * len(seen) : seen.start][::-1].tolist()
    view.verticalScrollBar().setValue(10)
    assert asked[-1][0] == ids[: view.visible_positions().start][::-1].tolist()


def test_a_rubber_band_past_the_edge_scrolls(make: Any, qtbot: QtBot) -> None:
    view = make(100_000)
    below = QPoint(centre(view, 2).x(), view.viewport().height() + 400)
    drag(view, centre(view, 0), below, release=False)
    bar, first = view.verticalScrollBar(), view.selected_count()
    qtbot.waitUntil(lambda: bar.value() > 2000, timeout=10_000)
    assert view.selected_count() > first
    assert set(np.unique(view.selected_positions() % view.cells.columns)) == {0, 1, 2}
    drag(view, below)
    value = bar.value()
    QApplication.processEvents()
    assert bar.value() == value


def test_a_double_click_and_return_open_the_photo(make: Any, qtbot: QtBot) -> None:
    view = make(30)
    with qtbot.waitSignal(view.activated_image) as clicked:
        qtbot.mouseDClick(view.viewport(), LEFT, PLAIN, centre(view, 4))
    assert clicked.args == [5]
    view.select_ids([9], 9)
    with qtbot.waitSignal(view.activated_image) as pressed:
        qtbot.keyClick(view, Key.Key_Return)
    assert pressed.args == [9]


def test_zoom_and_another_width_keep_the_current_image_in_sight(make: Any, qtbot: QtBot) -> None:
    view = make(50_000)
    view.select_ids([30_001], 30_001)
    view.set_zoom(300)
    assert 30_000 in view.visible_positions()
    columns = view.cells.columns
    view.resize(500, 700)
    assert view.cells.columns < columns
    assert 30_000 in view.visible_positions()


def test_the_first_image_in_sight_stays_when_the_width_changes(make: Any) -> None:
    view = make(50_000)
    view.verticalScrollBar().setValue(view.cells.top_left(20_000)[1] + 10)
    first = view.visible_positions()[0]
    view.resize(500, 700)
    assert first in view.visible_positions()


def test_other_rows_clear_the_selection_and_signal_it(make: Any, qtbot: QtBot) -> None:
    view = make(30)
    view.select_ids([1, 2], 1)
    QApplication.processEvents()
    with qtbot.waitSignal(view.selection_settled):
        view.model().set_content(sample_snapshot(30), np.arange(12, 3, -1))
    assert chosen(view) == []
    assert view.cells.count == 9


def test_scattered_images_are_selected_in_any_order(make: Any) -> None:
    view = make(100_000)
    ids = np.arange(1, 100_001, 2)[::-1]
    view.select_ids(ids, 7)
    assert view.selected_count() == 50_000
    assert view.current_id() == 7
    assert view.selected_array().tolist() == ids[::-1].tolist()


def test_a_screen_reader_meets_the_cells_with_name_place_and_state(make: Any, qtbot: QtBot) -> None:
    view = make(40)
    view.select_ids([2, 3], 2)
    qtbot.waitUntil(lambda: len(view.selectionModel().selectedIndexes()) == 2)
    accessible = QAccessible.queryAccessibleInterface(view)
    assert accessible.text(QAccessible.Text.Name) == "Photos"
    assert accessible.childCount() == 40
    cell = accessible.child(1)
    assert cell.text(QAccessible.Text.Name) == "photo-000001.jpg"
    assert cell.state().selected
    assert cell.state().selectable
    assert not accessible.child(5).state().selected
    place = view.visualRect(view.model().index(1, 0))
    assert cell.rect().size() == place.size()


def test_what_is_selected_through_qts_model_is_selected_here(make: Any, qtbot: QtBot) -> None:
    view = make(40)
    view.setCurrentIndex(view.model().index(7, 0))
    assert chosen(view) == [7]
    view.selectionModel().select(view.model().index(9, 0), QItemSelectionModel.SelectionFlag.Select)
    assert chosen(view) == [7, 9]
    with qtbot.waitSignal(view.selection_settled):
        pass
    assert chosen(view) == [7, 9]


def test_a_scattered_selection_tells_qt_of_the_current_image_only(make: Any, qtbot: QtBot) -> None:
    view = make(10_000)
    with qtbot.waitSignal(view.selection_settled):
        view.select_ids(np.arange(1, 10_001, 2), 5)
    assert [index.row() for index in view.selectionModel().selectedIndexes()] == [4]
    assert view.selected_count() == 5000


def test_a_selected_cell_is_painted_otherwise(make: Any) -> None:
    view = make(30)
    view.select_ids([2], 3)
    QApplication.processEvents()
    picture = view.viewport().grab().toImage()

    def corner(position: int) -> QColor:
        return picture.pixelColor(
            view.visualRect(view.model().index(position, 0)).topLeft() + QPoint(14, 8)
        )

    assert corner(1) != corner(4)
    assert corner(0) == corner(4)


def test_in_a_right_to_left_layout_the_first_cell_is_at_the_right(make: Any, qtbot: QtBot) -> None:
    view = make(30)
    view.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    QApplication.processEvents()
    place = view.visualRect(view.model().index(0, 0))
    assert place.right() + 1 == view.viewport().width()
    view.select_ids([1], 1)
    qtbot.keyClick(view, Key.Key_Left)
    assert chosen(view) == [1]


class Painted(QObject):
    """The regions in which a widget is painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.region = QRegion()
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.region += event.region()
        return False


def test_a_verdict_repaints_the_card_of_its_photo_alone(
    make: Callable[[int], GridView], qtbot: QtBot
) -> None:
    view = make(40)
    model = view.model()
    assert isinstance(model, GridModel) and model.snapshot is not None
    painted, before = Painted(view.viewport()), model.snapshot
    at_rest(view, painted, qtbot)
    annotations = before.annotations.copy()
    annotations[2, 0] = 1
    model.refresh(replace(before, annotations=annotations))
    card = view.visualRect(model.index(2, 0))
    qtbot.waitUntil(lambda: not painted.region.isEmpty())
    QApplication.processEvents()
    assert painted.region.subtracted(QRegion(card)).isEmpty()

    # Another picture under the same name leaves all cells as they are.
    images = replace(before.images, fingerprints=[f"{n:032x}" for n in range(100, 140)])
    painted.region = QRegion()
    model.refresh(replace(before, annotations=annotations, images=images))
    qtbot.waitUntil(lambda: not painted.region.isEmpty())
    seen = view.visible_positions()
    inside = view.viewport().rect()
    cards = [QRegion(view.visualRect(model.index(place, 0)) & inside) for place in seen]
    assert all(card.subtracted(painted.region).isEmpty() for card in cards)


def at_rest(view: GridView, painted: Painted, qtbot: QtBot) -> None:
    """Wait until nothing is painted any longer: thumbnails that fail to load repaint cards."""
    still = False
    while not still:
        painted.region = QRegion()
        qtbot.wait(100)
        still = painted.region.isEmpty()


def test_photos_that_a_scan_finds_leave_what_is_looked_at_alone(
    make: Callable[[int], GridView], qtbot: QtBot
) -> None:
    view = make(200)
    model = view.model()
    assert isinstance(model, GridModel)
    view.choose_only(3)
    view.verticalScrollBar().setValue(150)
    resets: list[int] = []
    settled: list[int] = []
    painted = Painted(view.viewport())
    at_rest(view, painted, qtbot)
    model.modelReset.connect(lambda: resets.append(1))
    view.selection_settled.connect(lambda: settled.append(1))
    longest = view.verticalScrollBar().maximum()
    assert not model.set_content(sample_snapshot(400), np.arange(400)), "none has moved"
    qtbot.wait(100)
    assert model.rowCount() == 400 and view.verticalScrollBar().maximum() > longest
    assert view.verticalScrollBar().value() == 150
    assert (chosen(view), current(view)) == ([3], 3)
    assert (resets, settled) == ([], [])
    assert painted.region.isEmpty()
    view.selectAll()
    assert view.selected_count() == 400


def test_photos_that_come_into_sight_are_painted(
    make: Callable[[int], GridView], qtbot: QtBot
) -> None:
    view = make(2)
    model = view.model()
    assert isinstance(model, GridModel)
    painted = Painted(view.viewport())
    at_rest(view, painted, qtbot)
    model.set_content(sample_snapshot(4), np.arange(4))
    qtbot.waitUntil(lambda: not painted.region.isEmpty())
    first, last = (view.visualRect(model.index(place, 0)) for place in (0, 3))
    assert QRegion(last).subtracted(painted.region).isEmpty()
    assert not painted.region.intersects(first)


def test_scrolling_copies_cards_that_were_painted(
    make: Callable[[int], GridView], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = make(400)
    at_rest(view, Painted(view.viewport()), qtbot)
    cards: list[int] = []
    paint = GridDelegate.paint

    def counted(self: GridDelegate, painter: Any, option: Any, index: Any) -> None:
        cards.append(index.row())
        paint(self, painter, option, index)

    monkeypatch.setattr(GridDelegate, "paint", counted)
    first = view.visible_positions()
    bar = view.verticalScrollBar()
    for _tick in range(8):
        bar.setValue(bar.value() + view.cells.cell_height // 8)
        view.viewport().repaint()
    assert set(cards) - set(first), "a row has come into sight"
    # Not for every strip: while it has no thumbnail, when it is known to have none, and when it
    # comes under the pointer.
    assert max(map(cards.count, cards)) <= 3
    before = view.viewport().grab().toImage()
    view._pictures.clear()
    assert view.viewport().grab().toImage() == before
    assert len(view._pictures) <= len(view.visible_positions()) + SPARE


def test_a_card_is_painted_again_when_its_look_changes(
    make: Callable[[int], GridView], qtbot: QtBot
) -> None:
    view = make(30)
    at_rest(view, Painted(view.viewport()), qtbot)
    theme.manager().apply(theme.ThemeChoice.LIGHT)
    plain = view.viewport().grab().toImage()
    view.choose_only(2)
    chosen_one = view.viewport().grab().toImage()
    assert chosen_one != plain
    theme.manager().apply(theme.ThemeChoice.DARK)
    try:
        assert view.viewport().grab().toImage() != chosen_one
    finally:
        theme.manager().apply(theme.ThemeChoice.LIGHT)
    view.set_zoom(view.zoom + 40)
    assert view.viewport().grab().toImage() != chosen_one
