from __future__ import annotations

from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.inference.filters import Filter, Sort, SortKey
from lmpt_desktop.inference.saved_searches import SavedSearch
from lmpt_desktop.settings import Settings, Storage
from lmpt_desktop.ui.grid.grid_settings import GridSettings


class Store:
    """Where a library's settings go; ``broken``: nothing can be written."""

    def __init__(self, **stored: Any) -> None:
        self.stored: dict[str, Any] = {key.replace("_", " "): it for key, it in stored.items()}
        self.broken = False

    def save(self, key: str, value: Any) -> None:
        if self.broken:
            raise OSError("The disk is full.")
        self.stored[key] = value

    def opened(self, failures: list[Exception] | None = None) -> GridSettings:
        settings = Settings(Storage.LIBRARY, self.stored.get, self.save)
        return GridSettings(settings, (failures if failures is not None else []).append)


def test_the_order_and_the_searches_are_there_the_next_time(qtbot: QtBot) -> None:
    store = Store()
    kept = store.opened()
    assert kept.sort() == Sort()
    assert kept.searches == ()
    kept.keep_sort(Sort(SortKey.SCORE, class_id=3, descending=True))
    search = SavedSearch("Herons", Filter(unreviewed=True), Sort(SortKey.DATE))
    kept.add_search(search)
    qtbot.waitUntil(lambda: not kept.saving)
    again = store.opened()
    assert again.sort() == Sort(SortKey.SCORE, descending=True), "the class is the filter's"
    assert again.searches == (search,)


def test_of_many_changes_the_last_is_kept(qtbot: QtBot) -> None:
    store = Store()
    kept = store.opened()
    for descending in (True, False, True):
        kept.keep_sort(Sort(SortKey.NAME, descending=descending))
    for number in range(20):
        kept.add_search(SavedSearch(f"search {number:02}"))
    qtbot.waitUntil(lambda: not kept.saving)
    again = store.opened()
    assert again.sort() == Sort(SortKey.NAME, descending=True)
    assert len(again.searches) == 20


def test_saving_under_a_name_again_replaces_the_search(qtbot: QtBot) -> None:
    kept = Store().opened()
    heard: list[object] = []
    kept.searches_changed.connect(heard.append)
    kept.add_search(SavedSearch("Herons"))
    kept.add_search(SavedSearch("herons", Filter(unreviewed=True)))
    assert [search.filter.unreviewed for search in kept.searches] == [True]
    assert len(heard) == 2
    qtbot.waitUntil(lambda: not kept.saving)


@pytest.mark.parametrize("order", ["name", {"key": "colour", "descending": True}, {"key": 3}, []])
def test_an_order_that_makes_no_sense_is_the_default(order: Any) -> None:
    assert Store(sort_order=order).opened().sort() == Sort()


@pytest.mark.parametrize("searches", ["x", {"name": "a"}, [3, None, {"name": ["a"]}], 7])
def test_searches_that_make_no_sense_are_left_out(searches: Any) -> None:
    assert Store(saved_searches=searches).opened().searches == ()


def test_it_is_said_when_nothing_can_be_written(qtbot: QtBot) -> None:
    store = Store()
    store.broken = True
    failures: list[Exception] = []
    kept = store.opened(failures)
    kept.add_search(SavedSearch("Herons"))
    qtbot.waitUntil(lambda: [str(failure) for failure in failures] == ["The disk is full."])
