"""Chart, table and heat map: the same classes, by mouse and by keyboard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot
from tail_libraries import tail_of, with_presents
from ui_libraries import CUP, DOG, DRIER

from lmpt_desktop.inference.co_occurrence import CoOccurrence, Evidence
from lmpt_desktop.ui.long_tail.axes import CountAxis, height, heights
from lmpt_desktop.ui.long_tail.chart import ClassChart, tool_tip
from lmpt_desktop.ui.long_tail.co_occurrence_tab import CHOSEN, FEWEST, LISTED, MOST, chosen_columns
from lmpt_desktop.ui.long_tail.heat_map import Measure, paint
from lmpt_desktop.ui.long_tail.page import LongTailPage

WAIT_MS = 10_000
ABSENT_CLASS = 4


@pytest.fixture
def together(page: LongTailPage, qtbot: QtBot) -> Any:
    """The second tab, counted."""
    page.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: page.co_occurrence.found is not None, timeout=WAIT_MS)
    return page.co_occurrence


def go(qtbot: QtBot, chart: ClassChart, place: int) -> None:
    """Make the class at this place from the left the current one, by keys."""
    qtbot.keyClick(chart, Qt.Key.Key_Home)
    for _ in range(place):
        qtbot.keyClick(chart, Qt.Key.Key_Right)


def at(chart: ClassChart, place: int) -> QPoint:
    """Where a class is on the chart's viewport."""
    view = chart.counts.getViewBox()
    return chart.mapFromScene(view.mapViewToScene(QPointF(place, 0.3)))


class TestScale:
    def test_zero_stands_at_zero_and_one_above_it(self) -> None:
        assert heights(np.array([0, 9, 99])).tolist() == [0.0, 1.0, 2.0]
        assert height(1) > 0.3

    @pytest.mark.parametrize("pixels", [60, 150, 400])
    def test_zero_is_written_and_no_two_counts_overlap(self, qtbot: QtBot, pixels: int) -> None:
        axis = CountAxis("left")
        values = axis.tickValues(-0.1, 4.0, pixels)[0][1]
        texts = axis.tickStrings(values, 1, 1)
        assert texts[0] == "0"
        assert len(set(texts)) == len(texts) > 1
        assert np.diff(values).min() * pixels / 4.1 >= 17


class TestChart:
    def test_arrow_keys_move_the_class_in_chart_table_and_words(
        self, page: LongTailPage, qtbot: QtBot
    ) -> None:
        chart = page.classes.chart
        chart.setFocus()
        go(qtbot, chart, 1)
        assert chart.current == 1
        assert page.classes.table.currentIndex().row() == 1
        assert page.classes.sentence.text().startswith(
            "person:  Rarity fairly common (medium)  ·  Photos about 6  ·  Present 5"
        )
        assert chart.accessibleDescription() == page.classes.sentence.text()
        qtbot.keyClick(chart, Qt.Key.Key_End)
        assert page.classes.current == ABSENT_CLASS
        qtbot.keyClick(chart, Qt.Key.Key_Home)
        assert chart.current == 0

    def test_enter_opens_the_current_class(self, page: LongTailPage, qtbot: QtBot) -> None:
        go(qtbot, page.classes.chart, 3)
        with qtbot.waitSignal(page.class_requested) as asked:
            qtbot.keyClick(page.classes.chart, Qt.Key.Key_Return)
        assert asked.args == [CUP, None]

    @pytest.mark.parametrize("place", [0, 5])
    def test_a_click_opens_the_class_even_one_without_a_bar(
        self, page: LongTailPage, qtbot: QtBot, place: int
    ) -> None:
        chart = page.classes.chart
        with qtbot.waitSignal(page.class_requested) as asked:
            qtbot.mouseClick(chart.viewport(), Qt.MouseButton.LeftButton, pos=at(chart, place))
        assert asked.args == [DOG if place == 0 else DRIER, None]

    def test_a_class_picked_in_the_table_is_marked_in_the_chart(self, page: LongTailPage) -> None:
        page.classes.table.setCurrentIndex(page.classes.model.index(4, 1))
        assert page.classes.chart.current == 4

    def test_keys_zoom_in_around_the_class_and_out_again(
        self, page: LongTailPage, qtbot: QtBot
    ) -> None:
        chart = page.classes.chart
        go(qtbot, chart, 5)
        whole = chart.shown
        qtbot.keyClick(chart, Qt.Key.Key_Plus)
        first, last = chart.shown
        assert last - first < whole[1] - whole[0] and first <= 5 <= last
        assert not page.classes.scroll_bar.isHidden()
        qtbot.keyClick(chart, Qt.Key.Key_Home)
        assert chart.shown[0] <= 0
        qtbot.keyClick(chart, Qt.Key.Key_0)
        assert chart.shown == pytest.approx(whole)
        assert page.classes.scroll_bar.isHidden()

    def test_the_order_is_one_for_list_header_and_chart(
        self, page: LongTailPage, qtbot: QtBot
    ) -> None:
        classes = page.classes
        classes.order.setCurrentIndex(classes.order.findData("class"))
        assert classes.model.index(0, 1).data() == "cup"
        assert classes.table.horizontalHeader().sortIndicatorSection() == 1
        classes.table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
        assert classes.order.currentData() == "present" and classes.direction.isChecked()
        assert classes.model.listed[0] == ABSENT_CLASS
        for place in range(classes.model.rowCount()):
            classes.chart.set_current(place)
            name = classes.model.index(place, 1).data()
            assert classes.chart.accessibleDescription().startswith(f"{name}:")

    def test_the_tip_tells_every_figure_and_runs_no_markup(self) -> None:
        tip = tool_tip(tail_of(with_presents(3), names=["<b>dog</b>"]), 0)
        assert "&lt;b&gt;dog&lt;/b&gt;" in tip
        for word in ("Present", "Absent", "Predicted", "AP", "Weight", "Margin", "Balance"):
            assert word in tip


class TestTogether:
    def test_cells_show_a_count_and_explain_it(self, together: Any, qtbot: QtBot) -> None:
        together.map.setFocus()
        together.map.set_current(0, 0)
        qtbot.keyClick(together.map, Qt.Key.Key_Right)
        expected = "“dog” with “person”: 5 photos. 56 % of the photos with “dog” show “person” too"
        assert together.sentence.text() == together.map.accessibleDescription() == expected

    def test_enter_on_a_cell_asks_for_the_photos_with_both(
        self, page: LongTailPage, together: Any, qtbot: QtBot
    ) -> None:
        together.map.set_current(1, 0)
        with qtbot.waitSignal(page.images_requested) as asked:
            qtbot.keyClick(together.map, Qt.Key.Key_Return)
        assert asked.args == [[1, 2, 3, 4, 5]]

    def test_a_click_on_a_cell_does_so_too(
        self, page: LongTailPage, together: Any, qtbot: QtBot
    ) -> None:
        heat = together.map
        view = heat.getPlotItem().getViewBox()
        place = heat.mapFromScene(view.mapViewToScene(QPointF(2, 0)))
        with qtbot.waitSignal(page.images_requested) as asked:
            qtbot.mouseClick(heat.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert asked.args == [[1, 2, 3, 4]]

    def test_pairs_are_a_list_too_for_keyboard_and_screen_reader(
        self, page: LongTailPage, together: Any, qtbot: QtBot
    ) -> None:
        cells = [together.model.index(0, column).data() for column in range(5)]
        assert cells == ["dog", "person", "5", "56", "100"]
        together.table.setCurrentIndex(together.model.index(0, 0))
        with qtbot.waitSignal(page.images_requested) as asked:
            qtbot.keyClick(together.table, Qt.Key.Key_Return)
        assert asked.args == [[1, 2, 3, 4, 5]]

    def test_predictions_count_when_asked_for(
        self, page: LongTailPage, together: Any, qtbot: QtBot
    ) -> None:
        before = together.found
        together.evidence.setCurrentIndex(together.evidence.findData(Evidence.ASSIGNED))
        qtbot.waitUntil(lambda: together.found is not before, timeout=WAIT_MS)
        assert together.found.counts.sum() >= before.counts.sum()

    def test_which_classes_can_be_chosen(self) -> None:
        tail = tail_of(with_presents(3, 0, 7, 1))
        listed = np.array([3, 2, 1, 0])
        for choice, selected, expected in (
            (MOST, [], [2, 0]),
            (FEWEST, [], [3, 0]),
            (LISTED, [], [3, 2]),
            (CHOSEN, [0, 1, 2], [0, 1, 2]),
            (CHOSEN, [1], [3, 2]),
        ):
            assert chosen_columns(tail, choice, 2, listed, selected).tolist() == expected

    def test_nothing_is_the_ground_and_the_diagonal_no_colour_of_the_scale(self) -> None:
        painted = paint(np.array([[np.nan, 0.0], [0.5, 1.0]]))
        colours = {tuple(colour) for colour in painted.reshape(-1, 4).tolist()}
        assert len(colours) == 4

    def test_numbers_of_photos_are_shown_on_a_scale_to_the_largest_pair(
        self, page: LongTailPage, together: Any
    ) -> None:
        together.measure.setCurrentIndex(together.measure.findData(Measure.COUNT))
        assert together.map.largest() == 5
        values = together.map.values()
        assert np.isnan(values.diagonal()).all() and np.nanmax(values) == 5

    def test_that_no_class_was_found_is_shown(self, page: LongTailPage, together: Any) -> None:
        assert page.figures is not None
        empty = CoOccurrence(np.zeros(0, np.int64), np.zeros((0, 0), np.int64))
        together.show_found(page.figures.tail, empty)
        assert together.sentence.text() == "No class is in any photo yet."
