"""The search row, and the grid that shows what was found; only the encoder is a stand-in."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_encoder import text_vector
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot
from ui_libraries import BACKBONE, PHOTO_NAMES, OpenSession, make_library, sample_scores

from lmpt_desktop.engine.notices import PredictionsChanged
from lmpt_desktop.engine.search import (
    NOTHING_ENCODED,
    VARIANT,
    Searcher,
    SearchQuery,
    SearchReady,
    SearchResult,
    SearchState,
)
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.inference.filters import SortKey
from lmpt_desktop.inference.search import Ranking
from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.grid.search_bar import SearchBar, shortened, summary
from lmpt_desktop.ui.kit.bridge import SessionBridge

ENCODER = Path(__file__).parents[3] / "support" / "fake_encoder.py"
WAIT_MS = 20_000

MakePanel = Callable[[LibrarySession], GridPanel]


def no_thumbnail(_image_id: int, _version: str, _size: int) -> bytes:
    raise OSError("no picture in this test")


@pytest.fixture
def bar(qtbot: QtBot) -> SearchBar:
    bar = SearchBar()
    qtbot.addWidget(bar)
    bar.show()
    return bar


@pytest.fixture
def session(library: Path, open_session: OpenSession) -> LibrarySession:
    """A session that knows the word "dog" from an earlier search, and starts no model."""
    session = open_session(library)
    remember_dog(session)
    return session


def remember_dog(session: LibrarySession) -> None:
    """Keep what the encoder says of the word "dog", as after an earlier search."""
    session.catalogue.features.put_texts(BACKBONE, {"dog": text_vector("dog")}, VARIANT)


@pytest.fixture
def with_encoder(
    library: Path, open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., LibrarySession]:
    """Open the library with an encoder that starts as asked (see ``fake_encoder.py``)."""

    def opened(**encoder: object) -> LibrarySession:
        monkeypatch.setenv("FAKE_ENCODER", json.dumps(encoder))
        commands = Commands(encode=(sys.executable, str(ENCODER)))
        return open_session(library, encode=True, commands=commands)

    return opened


@pytest.fixture
def make_panel(open_session: OpenSession, qtbot: QtBot) -> Iterator[MakePanel]:
    """Show a grid, which hears of the session as in the window."""
    panels: list[GridPanel] = []
    bridges: list[SessionBridge] = []

    def make(session: LibrarySession) -> GridPanel:
        panel, bridge = GridPanel(session, no_thumbnail), SessionBridge(session)
        panels.append(panel)
        bridges.append(bridge)
        bridge.on(SearchReady, panel.search_read)
        bridge.on(PredictionsChanged, lambda _notice: panel.library_changed())
        qtbot.addWidget(panel)
        panel.resize(900, 600)
        panel.show()
        panel.ask()
        qtbot.waitUntil(lambda: panel.model.rowCount() == 12)
        return panel

    yield make
    for bridge in bridges:
        bridge.close()
    for panel in panels:
        panel.close_panel()


@pytest.fixture
def panel(session: LibrarySession, make_panel: MakePanel) -> GridPanel:
    return make_panel(session)


def shown(panel: GridPanel) -> list[int]:
    return panel.model.ids.tolist()


def search(bar: SearchBar, qtbot: QtBot, words: str) -> None:
    """Type and press Enter."""
    bar.field.setText(words)
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)


BEST_FIRST = (1 + np.argsort(-sample_scores(12)[:10, 0])).tolist()
"""Image ids by how much they look like a dog; 11 and 12 have no feature."""


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
    search(bar, qtbot, "dog")
    with qtbot.waitSignal(bar.retry_requested):
        qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    search(bar, qtbot, "   ")
    assert bar.query is None and bar.chip.isHidden()


@pytest.mark.parametrize("way", ["escape", "chip", "chip by keyboard", "emptied"])
def test_a_search_can_be_cleared_in_several_ways(bar: SearchBar, qtbot: QtBot, way: str) -> None:
    search(bar, qtbot, "dog")
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
    assert heard == [None], "announced once"
    assert bar.field.text() == "" and bar.chip.isHidden()


def test_escape_with_nothing_to_clear_and_down_lead_to_the_photos(
    bar: SearchBar, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(bar.grid_requested):
        qtbot.keyClick(bar.field, Qt.Key.Key_Escape)
    with qtbot.waitSignal(bar.grid_requested):
        qtbot.keyClick(bar.field, Qt.Key.Key_Down)


def test_examples_take_the_place_of_words(bar: SearchBar, qtbot: QtBot) -> None:
    search(bar, qtbot, "dog")
    bar.search_like([4, 9], "2 photos")
    assert bar.query == SearchQuery(image_ids=(4, 9))
    assert bar.field.text() == "" and bar.chip.text() == "Like 2 photos"
    bar.field.setText("c")
    bar.field.clear()
    assert bar.query is not None, "emptying the field takes back words only"


def test_every_part_has_a_name_for_screen_readers(bar: SearchBar, qtbot: QtBot) -> None:
    search(bar, qtbot, "a dog on a beach")
    assert bar.field.accessibleName() == "Search photos by words"
    assert bar.chip.accessibleName() == "Remove this search: “a dog on a beach”"
    none = Ranking(np.arange(2), np.zeros(2, np.float32), 2, 0)
    assert bar.query is not None
    bar.show_result(SearchResult(bar.query, SearchState.READY, none))
    assert bar.status.accessibleName() == "Search result: 2 photos, most similar first"
    assert bar.chip.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_long_words_are_cut_on_the_chip_only(bar: SearchBar, qtbot: QtBot) -> None:
    words = "a dog " * 20
    search(bar, qtbot, words)
    assert bar.query == SearchQuery(words.strip())
    assert len(bar.chip.text()) < 45 and "…" in bar.chip.text()
    assert shortened("dog") == "dog"


@pytest.mark.parametrize(
    ("rows", "candidates", "left_out", "sentence"),
    [
        (312, 312, 0, "312 photos, most similar first"),
        (1000, 99_000, 0, "1,000 of 99,000 photos, most similar first"),
        (1, 1, 0, "1 photo"),
        (0, 0, 0, "0 photos"),
        (5, 5, 1, "5 photos, most similar first. 1 photo that is not encoded yet is left out"),
        (
            5, 5, 1200,
            "5 photos, most similar first. 1,200 photos that are not encoded yet are left out",
        ),
    ],
)  # fmt: skip
def test_the_status_counts_what_is_shown_and_what_could_not_be_compared(
    rows: int, candidates: int, left_out: int, sentence: str
) -> None:
    ranking = Ranking(np.arange(rows), np.zeros(rows, np.float32), candidates, left_out)
    assert summary(SearchResult(SearchQuery("x"), SearchState.READY, ranking)) == sentence


# --------------------------------------------------------------------------------- the grid


def test_what_is_found_is_shown_most_alike_first_and_the_order_returns(
    panel: GridPanel, qtbot: QtBot
) -> None:
    order = panel.bar.order
    order.setCurrentIndex(order.findData(SortKey.NAME))
    panel.bar.direction.setChecked(True)
    qtbot.waitUntil(lambda: shown(panel)[0] != 1)
    before = shown(panel)
    with qtbot.waitSignal(panel.searched) as messages:
        search(panel.search_bar, qtbot, "dog")
    text = "10 photos, most similar first. 2 photos that are not encoded yet are left out"
    assert messages.args == [text]
    assert shown(panel) == BEST_FIRST
    assert panel.search_bar.status.text() == text
    assert panel.bar.order_parts.isHidden(), "a search has its own order"
    panel.search_bar.clear()
    qtbot.waitUntil(lambda: shown(panel) == before)
    assert panel.bar.order_parts.isVisible()
    assert panel.search_bar.status.isHidden()


def test_filters_and_search_narrow_together(
    panel: GridPanel, session: LibrarySession, qtbot: QtBot
) -> None:
    session.annotations.mark_reviewed(range(1, 13, 2))
    search(panel.search_bar, qtbot, "dog")
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    panel.bar.popover.unreviewed.setChecked(True)
    qtbot.waitUntil(lambda: shown(panel) == [i for i in BEST_FIRST if i % 2 == 0])
    assert panel.bar.count.text() == "5 of 12 photos"
    panel.bar.clear()
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    assert panel.search_bar.query is not None, "clearing filters keeps the search"


def test_while_the_model_loads_the_grid_stays_and_the_search_bar_explains(
    with_encoder: Callable[..., LibrarySession], make_panel: MakePanel, qtbot: QtBot
) -> None:
    panel = make_panel(with_encoder(seconds_to_load=0.5))
    before = shown(panel)
    search(panel.search_bar, qtbot, "dog")
    qtbot.waitUntil(lambda: "Loading the model" in panel.search_bar.status.text())
    assert shown(panel) == before
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST, timeout=WAIT_MS)


def test_words_that_were_read_for_another_search_change_nothing(
    panel: GridPanel, session: LibrarySession, qtbot: QtBot
) -> None:
    search(panel.search_bar, qtbot, "dog")
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    asked: list[object] = []
    panel.shown.connect(asked.append)
    panel.search_read(SearchReady("something else"))
    qtbot.wait(50)
    assert asked == []
    panel.search_read(SearchReady("dog"))
    qtbot.waitUntil(lambda: len(asked) == 1)


def test_an_empty_grid_is_explained_by_the_loading_model_not_by_filters(
    with_encoder: Callable[..., LibrarySession], make_panel: MakePanel, qtbot: QtBot
) -> None:
    panel = make_panel(with_encoder(seconds_to_load=0.5))
    panel.bar.popover.text.setText("no such name")
    qtbot.waitUntil(lambda: panel.model.rowCount() == 0)
    search(panel.search_bar, qtbot, "dog")
    qtbot.waitUntil(lambda: "Loading the model" in panel.empty.sentence.text())
    assert not panel.empty.button.isVisible()
    panel.bar.clear()
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST, timeout=WAIT_MS)


def test_words_that_could_not_be_read_are_tried_again_by_the_button(
    with_encoder: Callable[..., LibrarySession],
    make_panel: MakePanel,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel = make_panel(with_encoder(crash_on_texts=True))
    search(panel.search_bar, qtbot, "dog")
    qtbot.waitUntil(panel.empty.isVisible, timeout=WAIT_MS)
    assert panel.empty.sentence.text().startswith("Your search text could not be encoded. ")
    assert panel.empty.button.text() == "Try again"
    monkeypatch.delenv("FAKE_ENCODER")
    panel.empty.button.click()
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST, timeout=WAIT_MS)


def test_with_nothing_encoded_the_grid_explains_it_and_the_button_clears(
    library: Path, open_session: OpenSession, make_panel: MakePanel, qtbot: QtBot
) -> None:
    panel = make_panel(open_session(library, begin=False))
    search(panel.search_bar, qtbot, "dog")
    qtbot.waitUntil(panel.empty.isVisible)
    assert panel.empty.sentence.text() == NOTHING_ENCODED
    panel.empty.button.click()
    qtbot.waitUntil(lambda: len(shown(panel)) == 12)
    assert panel.search_bar.query is None


def test_photos_that_pass_the_filters_but_are_not_encoded_are_explained(
    panel: GridPanel, qtbot: QtBot
) -> None:
    panel.bar.popover.text.setText("photo 10")
    qtbot.waitUntil(lambda: shown(panel) == [11])
    search(panel.search_bar, qtbot, "dog")
    qtbot.waitUntil(panel.empty.isVisible)
    assert "has been encoded yet" in panel.empty.sentence.text()


def test_newly_encoded_photos_join_and_keep_the_selection(
    tmp_path: Path,
    open_session: OpenSession,
    make_panel: MakePanel,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = sample_scores(len(PHOTO_NAMES))
    scores[9:] = np.nan
    photos = tmp_path / "photos"
    make_library(tmp_path / "fresh", photos, scores=scores)
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"seconds_to_load": 0.5}))
    session = open_session(
        tmp_path / "fresh",
        encode=True,
        begin=False,
        folders=[photos],
        commands=Commands(encode=(sys.executable, str(ENCODER))),
    )
    remember_dog(session)
    panel = make_panel(session)
    session.begin()
    qtbot.waitUntil(lambda: not np.isnan(session.snapshot().scores[0]).any(), timeout=WAIT_MS)
    search(panel.search_bar, qtbot, "dog")
    known = [image_id for image_id in BEST_FIRST if image_id != 10]
    qtbot.waitUntil(lambda: shown(panel) == known)
    panel.view.select_ids([8], 8)
    messages: list[str] = []
    panel.searched.connect(messages.append)
    qtbot.waitUntil(lambda: 10 in shown(panel), timeout=WAIT_MS)
    assert [image_id for image_id in shown(panel) if image_id != 10] == known
    assert panel.view.selected_array().tolist() == [8]
    assert messages == [], "the status bar is not filled with each photo that comes"


def test_the_window_thread_never_ranks(
    panel: GridPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    run = Searcher.run

    def recorded(*arguments: Any) -> SearchResult:
        threads.append(threading.current_thread())
        return run(*arguments)

    monkeypatch.setattr(Searcher, Searcher.run.__name__, recorded)
    search(panel.search_bar, qtbot, "dog")
    qtbot.waitUntil(lambda: shown(panel) == BEST_FIRST)
    assert threads and threading.main_thread() not in threads


def test_the_field_has_a_clear_button_and_a_limit(bar: SearchBar) -> None:
    assert bar.field.isClearButtonEnabled()
    assert isinstance(bar.field, QLineEdit) and bar.field.maxLength() == 300
