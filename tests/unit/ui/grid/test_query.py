from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from ui_libraries import CUP, DOG, KITE, LIGHT

from lmpt_desktop.engine.search import SearchQuery, SearchResult, SearchState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import ClassCondition, Filter, Sort, SortKey
from lmpt_desktop.inference.search import Ranking
from lmpt_desktop.ui.grid import query as query_module
from lmpt_desktop.ui.grid.marks import Mark
from lmpt_desktop.ui.grid.model import GridModel
from lmpt_desktop.ui.grid.query import GridQuery, HeldOut, Selection, asked_classes, evaluate

NOTHING = Ranking(np.empty(0, np.int64), np.empty(0, np.float32), 0, 0)

LIKE_ONE = SearchResult(SearchQuery(image_ids=(1,)), SearchState.READY, NOTHING)


def searched(text: str) -> SearchResult:
    return SearchResult(SearchQuery(text), SearchState.READY, NOTHING)


@pytest.mark.parametrize(
    ("requested", "order", "search", "asked"),
    [
        (Filter(), Sort(), None, ()),
        (Filter(classes=ClassCondition((KITE,))), Sort(), None, (KITE,)),
        (Filter(classes=ClassCondition((KITE, CUP))), Sort(), None, (KITE, CUP)),
        (Filter(), Sort(SortKey.SCORE, CUP), None, (CUP,)),
        (Filter(classes=ClassCondition((KITE,))), Sort(SortKey.SCORE, KITE), None, (KITE,)),
        (Filter(), Sort(), searched("Traffic Light"), (LIGHT,)),
        (Filter(classes=ClassCondition((DOG,))), Sort(), searched("a traffic light"), (DOG,)),
        (
            Filter(),
            Sort(),
            SearchResult(SearchQuery(image_ids=(1,)), SearchState.READY, NOTHING),
            (),
        ),
    ],
)
def test_asked_are_the_classes_of_the_filter_the_order_and_the_search(
    session: LibrarySession,
    requested: Filter,
    order: Sort,
    search: SearchResult | None,
    asked: tuple[int, ...],
) -> None:
    selection = Selection(session.snapshot(), np.arange(3), requested, order, search)
    assert asked_classes(selection) == asked


def test_held_out_photos_are_read_again_only_when_something_has_changed(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = session.catalogue.images
    asked: list[int] = []
    real = images.of_same_photos
    monkeypatch.setattr(
        images, "of_same_photos", lambda ids: (asked.append(1), real(ids))[1], raising=True
    )
    held_out = HeldOut(session)
    snapshot = evaluate(session, Filter(), Sort()).snapshot

    def ids() -> list[int]:
        """As the query reads them: not on the window's thread."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(held_out.ids, snapshot).result().tolist()

    assert ids() == []
    session.catalogue.runs.add_held_out([5, 2])
    assert ids() == [2, 5]
    before = len(asked)
    assert ids() == [2, 5]
    assert len(asked) == before


def test_the_grid_marks_what_is_held_out(session: LibrarySession, qtbot: QtBot) -> None:
    session.catalogue.runs.add_held_out([3])
    query, model = GridQuery(session), GridModel()
    with qtbot.waitSignal(query.selected) as shown:
        query.ask(Filter(), Sort())
    assert shown.args is not None
    selection = shown.args[0]
    model.set_held_out(selection.held_out)
    model.set_content(selection.snapshot, selection.rows)
    marked = [
        model.image_id(place) for place in range(12) if Mark.HELD_OUT in model.cell(place).marks
    ]
    assert marked == [3]
    query.close()


def test_what_comes_while_the_first_screen_may_lack_photos_is_shown_at_once(
    session: LibrarySession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So long that a query that waits for it is never answered here.
    monkeypatch.setattr(query_module, "REFRESH_INTERVAL_MS", 10**8)
    query = GridQuery(session)
    with qtbot.waitSignal(query.selected):
        query.ask(Filter(), Sort())
        # While the first one is still being answered, too.
        query.ask_soon(Filter(), Sort())
    with qtbot.waitSignal(query.selected):
        pass
    with qtbot.waitSignal(query.selected):
        query.ask_soon(Filter(), Sort())
    assert query.automatic
    query.close()


def test_a_full_screen_is_renewed_at_intervals(
    session: LibrarySession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_module, "REFRESH_INTERVAL_MS", 10**8)
    monkeypatch.setattr(query_module, "FIRST_PAGE", 0)
    query = GridQuery(session)
    with qtbot.waitSignal(query.selected):
        query.ask(Filter(), Sort())
    heard: list[object] = []
    query.selected.connect(heard.append)
    with qtbot.waitSignal(query.refreshed):
        query.ask_soon(Filter(), Sort())
        query.refresh()
    assert heard == []
    query.close()
