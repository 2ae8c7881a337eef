"""The search row, and the grid that shows what was found (the engine's side is a stand-in)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.search import SearchQuery, SearchReady, SearchResult, SearchState
from lmpt_desktop.inference.filters import Filter, Sort, SortKey
from lmpt_desktop.inference.search import Ranking, rank
from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.grid.search_bar import SearchBar, shortened, summary

NAN = float("nan")


class StandIn:
    """Ranks the memory session's twelve images by given numbers; says what it is told to say."""

    def __init__(self, select: Callable[[Filter, Sort], np.ndarray]) -> None:
        self.select = select
        self.values = np.linspace(0, 1, 12).astype(np.float32)
        self.values[[3, 10, 11]] = NAN
        self.says: tuple[SearchState, str] | None = None
        self.asked: list[SearchQuery] = []
        self.retried: list[SearchQuery] = []

    def run(self, query: SearchQuery, wanted: Filter, snapshot: Snapshot) -> SearchResult:
        self.asked.append(query)
        if self.says is not None:
            state, message = self.says
            none = rank(np.empty(0, np.float32))
            return SearchResult(query, state, none, message)
        passing = self.select(wanted, Sort())
        return SearchResult(query, SearchState.READY, rank(self.values, passing))

    def retry(self, query: SearchQuery) -> None:
        self.retried.append(query)
        self.says = None


class NoThumbnails:
    def get(self, *_: object) -> None:
        return None

    def get_or_make(self, *_: object) -> bytes:
        raise OSError("no picture in this test")


@pytest.fixture
def bar(qtbot: QtBot) -> SearchBar:
    bar = SearchBar()
    qtbot.addWidget(bar)
    bar.show()
    return bar


@pytest.fixture
def engine(memory_session: Any) -> StandIn:
    memory_session.search = StandIn(memory_session.select)
    return memory_session.search


@pytest.fixture
def panel(qtbot: QtBot, memory_session: Any, engine: StandIn) -> Any:
    panel = GridPanel(memory_session, NoThumbnails())  # type: ignore[arg-type]
    qtbot.addWidget(panel)
    panel.resize(900, 600)
    panel.show()
    panel.ask()
    qtbot.waitUntil(lambda: panel.model.rowCount() == 12)
    yield panel
    panel.close_panel()


def shown(panel: GridPanel) -> list[int]:
    return panel.model.ids.tolist()


BEST_FIRST = [10, 9, 8, 7, 6, 5, 3, 2, 1]
"""Image ids by the stand-in's numbers; 4, 11 and 12 have no feature."""


# ---------------------------------------------------------------------------------- the row


def test_enter_searches_for_the_words_without_superfluous_space(
    bar: SearchBar, qtbot: QtBot
) -> None:
    heard: list[object] = []
    bar.changed.connect(lambda: heard.append(bar.query))
    qtbot.keyClicks(bar.field, "  a dog  on a beach ")
    assert heard == [], "typing alone reads no words"
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    assert heard == [SearchQuery("a dog on a beach")]
    assert bar.chip.isVisible() and bar.chip.text() == "“a dog on a beach”"


def test_enter_on_the_same_words_tries_again_and_on_none_clears(
    bar: SearchBar, qtbot: QtBot
) -> None:
    bar.search_words("dog")
    with qtbot.waitSignal(bar.retry_wanted):
        qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    bar.search_words("   ")
    assert bar.query is None and bar.chip.isHidden()


@pytest.mark.parametrize("way", ["escape", "chip", "chip by keyboard", "emptied"])
def test_a_search_can_be_taken_back_in_several_ways(bar: SearchBar, qtbot: QtBot, way: str) -> None:
    bar.search_words("dog")
    heard: list[object] = []
    bar.changed.connect(lambda: heard.append(bar.query))
    if way == "escape":
        qtbot.keyClick(bar.field, Qt.Key.Key_Escape)
    elif way == "chip":
        qtbot.mouseClick(bar.chip, Qt.MouseButton.LeftButton)
    elif way == "chip by keyboard":
        qtbot.keyClick(bar.chip, Qt.Key.Key_Space)
    else:
        bar.field.clear()
    assert heard == [None], "said once"
    assert bar.field.text() == "" and bar.chip.isHidden()


def test_escape_with_nothing_to_clear_and_down_lead_to_the_photos(
    bar: SearchBar, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(bar.grid_wanted):
        qtbot.keyClick(bar.field, Qt.Key.Key_Escape)
    with qtbot.waitSignal(bar.grid_wanted):
        qtbot.keyClick(bar.field, Qt.Key.Key_Down)


def test_examples_take_the_place_of_words(bar: SearchBar) -> None:
    bar.search_words("dog")
    bar.search_like([4, 9], "2 photos")
    assert bar.query == SearchQuery(image_ids=(4, 9))
    assert bar.field.text() == "" and bar.chip.text() == "Like 2 photos"
    bar.field.setText("c")
    bar.field.clear()
    assert bar.query is not None, "emptying the field takes back words only"


def test_every_part_has_a_name_for_screen_readers(bar: SearchBar) -> None:
    bar.search_words("a dog on a beach")
    assert bar.field.accessibleName() == "Search photos by words"
    assert bar.chip.accessibleName() == "Remove this search: “a dog on a beach”"
    none = Ranking(np.arange(2), np.zeros(2, np.float32), 2, 0)
    assert bar.query is not None
    bar.show_result(SearchResult(bar.query, SearchState.READY, none))
    assert bar.status.accessibleName() == "Search result: 2 photos, most alike first"
    assert bar.chip.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_long_words_are_cut_on_the_chip_only(bar: SearchBar) -> None:
    words = "a dog " * 20
    bar.search_words(words)
    assert bar.query == SearchQuery(words.strip())
    assert len(bar.chip.text()) < 45 and "…" in bar.chip.text()
    assert shortened("dog") == "dog"


@pytest.mark.parametrize(
    ("rows", "candidates", "left_out", "said"),
    [
        (312, 312, 0, "312 photos, most alike first"),
        (1000, 99_000, 0, "1,000 of 99,000 photos, most alike first"),
        (1, 1, 0, "1 photo"),
        (0, 0, 0, "0 photos"),
        (5, 5, 1, "5 photos, most alike first. 1 photo not looked at by the model is left out"),
        (
            5, 5, 1200,
            "5 photos, most alike first. 1,200 photos not looked at by the model are left out",
        ),
    ],
)  # fmt: skip
def test_the_status_counts_what_is_shown_and_what_could_not_be_compared(
    rows: int, candidates: int, left_out: int, said: str
) -> None:
    ranking = Ranking(np.arange(rows), np.zeros(rows, np.float32), candidates, left_out)
    assert summary(SearchResult(SearchQuery("x"), SearchState.READY, ranking)) == said


# --------------------------------------------------------------------------------- the grid


def test_what_is_found_is_shown_most_alike_first_and_the_order_returns(
    panel: GridPanel, qtbot: QtBot
) -> None:
    order = panel.bar.order
    order.setCurrentIndex(order.findData(SortKey.NAME))
    panel.bar.direction.setChecked(True)
    qtbot.waitUntil(lambda: shown(panel)[0] != 1)
    before = shown(panel)
    with qtbot.waitSignal(panel.searched) as said:
        panel.search_bar.search_words("dog")
    text = "9 photos, most alike first. 3 photos not looked at by the model are left out"
    assert said.args == [text]
    assert shown(panel) == BEST_FIRST
    assert panel.search_bar.status.text() == text
    assert panel.bar.order_parts.isHidden(), "a search has its own order"
    panel.search_bar.clear()
    qtbot.waitUntil(lambda: shown(panel) == before)
    assert panel.bar.order_parts.isVisible()
    assert panel.search_bar.status.isHidden()


def test_filters_and_search_narrow_together(panel: GridPanel, qtbot: QtBot) -> None:
    panel.search_bar.search_words("dog")
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    panel.bar.text.setText("beach")
    qtbot.waitUntil(lambda: shown(panel) == [10, 8, 6, 2])
    assert panel.bar.count.text() == "4 of 12 photos"
    panel.bar.clear()
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    assert panel.search_bar.query is not None, "clearing filters keeps the search"


def test_while_the_model_loads_the_grid_stays_and_the_row_says_so(
    panel: GridPanel, engine: StandIn, qtbot: QtBot
) -> None:
    before = shown(panel)
    engine.says = (SearchState.WAITING, "Loading the model to read your words...")
    panel.search_bar.search_words("dog")
    qtbot.waitUntil(lambda: "Loading the model" in panel.search_bar.status.text())
    assert shown(panel) == before
    engine.says = None
    panel.search_read(SearchReady("something else"))
    assert len(engine.asked) == 1, "not the words we wait for"
    panel.search_read(SearchReady("dog"))
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)


def test_an_empty_grid_says_that_the_model_loads_not_that_filters_hide_photos(
    panel: GridPanel, engine: StandIn, qtbot: QtBot
) -> None:
    panel.bar.text.setText("no such name")
    qtbot.waitUntil(lambda: panel.model.rowCount() == 0)
    engine.says = (SearchState.WAITING, "Loading the model to read your words...")
    panel.search_bar.search_words("dog")
    qtbot.waitUntil(lambda: "Loading the model" in panel.empty.sentence.text())
    assert not panel.empty.button.isVisible()
    engine.says = None
    panel.bar.clear()
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)


def test_words_that_could_not_be_read_are_tried_again_by_the_button(
    panel: GridPanel, engine: StandIn, qtbot: QtBot
) -> None:
    engine.says = (SearchState.FAILED, "Your words could not be read. It crashed.")
    panel.search_bar.search_words("dog")
    qtbot.waitUntil(panel.empty.isVisible)
    assert panel.empty.sentence.text() == "Your words could not be read. It crashed."
    assert panel.empty.button.text() == "Try again"
    panel.empty.button.click()
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    assert engine.retried == [SearchQuery("dog")]


def test_with_nothing_encoded_the_grid_says_so_and_the_button_clears(
    panel: GridPanel, engine: StandIn, qtbot: QtBot
) -> None:
    engine.says = (SearchState.NOTHING, "No photo has been looked at by the model yet.")
    panel.search_bar.search_words("dog")
    qtbot.waitUntil(panel.empty.isVisible)
    assert panel.empty.sentence.text() == "No photo has been looked at by the model yet."
    panel.empty.button.click()
    qtbot.waitUntil(lambda: len(shown(panel)) == 12)
    assert panel.search_bar.query is None


def test_photos_that_pass_but_were_not_looked_at_are_explained(
    panel: GridPanel, engine: StandIn, qtbot: QtBot
) -> None:
    engine.values[:] = NAN
    panel.search_bar.search_words("dog")
    qtbot.waitUntil(panel.empty.isVisible)
    assert "has not looked at any photo" in panel.empty.sentence.text()


def test_newly_encoded_photos_join_and_keep_the_selection(
    panel: GridPanel, engine: StandIn, qtbot: QtBot
) -> None:
    panel.search_bar.search_words("dog")
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    panel.view.select_ids([8], 8)
    said: list[str] = []
    panel.searched.connect(said.append)
    engine.values[3] = 2.0
    panel.library_changed()
    qtbot.waitUntil(lambda: shown(panel) == [4, *BEST_FIRST])
    assert panel.view.selected_ids() == [8]
    assert said == [], "the status bar is not filled with each photo that comes"


def test_the_window_thread_never_ranks(panel: GridPanel, engine: StandIn, qtbot: QtBot) -> None:
    import threading

    threads: list[threading.Thread] = []
    rank_ = engine.run

    def run(*arguments: Any) -> SearchResult:
        threads.append(threading.current_thread())
        return rank_(*arguments)

    engine.run = run  # type: ignore[method-assign]
    panel.search_bar.search_words("dog")
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    assert threads and threading.main_thread() not in threads


def test_the_field_has_a_clear_button_and_a_limit(bar: SearchBar) -> None:
    assert bar.field.isClearButtonEnabled()
    assert isinstance(bar.field, QLineEdit) and bar.field.maxLength() == 300
