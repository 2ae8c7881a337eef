"""What the grid remembers in its library: saved searches, the order, and whether it stacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from lmpt_desktop.inference.filters import Sort, SortKey
from lmpt_desktop.inference.saved_searches import (
    MOST_SEARCHES,
    SavedSearch,
    all_from_stored,
    tidy_name,
    to_stored,
)
from lmpt_desktop.settings import (
    SAVED_SEARCHES,
    SORT_ORDER,
    STACK_LOOK_ALIKES,
    Setting,
    Settings,
)
from lmpt_desktop.ui.kit.tasks import LatestRequest


class GridSettings(QObject):
    """Reads at once what the session has read already; writes in the background."""

    searches_changed = Signal(object)
    """All saved searches, a tuple."""

    def __init__(
        self,
        settings: Settings,
        failed: Callable[[Exception], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        # One after the other, so that the last change is what is kept.
        self._writing: dict[str, LatestRequest[None]] = {
            setting.key: LatestRequest(_done, failed, owner=self, overlap=False)
            for setting in (SAVED_SEARCHES, SORT_ORDER, STACK_LOOK_ALIKES)
        }
        self.searches = all_from_stored(settings.get(SAVED_SEARCHES))
        self._order = self.sort()
        self.stacked: bool = settings.get(STACK_LOOK_ALIKES)
        """Whether look-alikes are one card."""

    @property
    def saving(self) -> bool:
        """Whether something is being written."""
        return any(request.busy for request in self._writing.values())

    def sort(self) -> Sort:
        """The order of the last time; the default if that is unknown."""
        key, descending = self._settings.get(SORT_ORDER)
        known = key in set(SortKey)
        return Sort(SortKey(key), descending=descending) if known else Sort()

    def keep_sort(self, order: Sort) -> None:
        """Remember an order; its class is the filter's business."""
        order = Sort(order.key, descending=order.descending)
        if order != self._order:
            self._order = order
            self._write(SORT_ORDER, (order.key.value, order.descending))

    def keep_stacked(self, stacked: bool) -> None:
        """Remember whether look-alikes are one card."""
        self.stacked = stacked
        self._write(STACK_LOOK_ALIKES, stacked)

    def add_search(self, search: SavedSearch) -> None:
        """Save a search; one of the same name is replaced."""
        name = tidy_name(search.name)
        others = [old for old in self.searches if old.name.casefold() != name.casefold()]
        self.keep_searches([*others, search][-MOST_SEARCHES:])

    def keep_searches(self, searches: Sequence[SavedSearch]) -> None:
        """Keep these searches only."""
        self.searches = tuple(sorted(searches, key=lambda search: search.name.casefold()))
        self._write(SAVED_SEARCHES, [to_stored(search) for search in self.searches])
        self.searches_changed.emit(self.searches)

    def _write(self, setting: Setting[Any], value: object) -> None:
        self._writing[setting.key].ask(lambda: self._settings.set(setting, value))


def _done(_result: None) -> None:
    """Nothing is left to do when a setting is written."""
