"""Evaluates filter and order off the window's thread; only the newest question counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from lmpt_desktop.engine.searching import SearchQuery, SearchResult, SearchState
from lmpt_desktop.engine.views import Snapshot
from lmpt_desktop.inference.filters import Filter, Sort
from lmpt_desktop.ui.kit import tasks

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession

CALM_MS = 700
"""While photos are being encoded the order changes all the time; it is looked up this often."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows of ``snapshot`` that pass ``filter``, in ``sort``'s order, or in that of a search."""

    snapshot: Snapshot
    rows: NDArray[np.int64]
    filter: Filter
    sort: Sort
    search: SearchResult | None = None


def evaluate(
    session: LibrarySession, wanted: Filter, order: Sort, search: SearchQuery | None = None
) -> Selection:
    """Ask the session, and make sure that rows and snapshot belong together.

    What the painter needs of the snapshot is computed here too, on the calling thread.
    """
    if search is not None:
        snapshot = warm(session.snapshot())
        result = session.search.run(search, wanted, snapshot)
        return Selection(snapshot, result.ranking.rows, wanted, order, result)
    version = session.snapshot().version
    rows = session.select(wanted, order)
    snapshot = session.snapshot()
    attempts = 1
    while snapshot.version != version and attempts < 3:
        version = snapshot.version
        rows = session.select(wanted, order)
        snapshot = session.snapshot()
        attempts += 1
    # Under a steady stream of changes they may still differ, but rows only ever come last.
    rows = rows[rows < len(snapshot.image_ids)]
    warm(snapshot)
    return Selection(snapshot, rows, wanted, order)


def warm(snapshot: Snapshot) -> Snapshot:
    """Compute the snapshot's cached arrays, so that painting does not have to."""
    _ = (snapshot.predicted, snapshot.corrected, snapshot.bands)
    _ = (snapshot.column_of, snapshot.class_ids)
    return snapshot


class GridQuery(QObject):
    """Asks for selections and refreshed snapshots."""

    selected = Signal(object)
    """A :class:`Selection`: show these rows."""
    waiting = Signal(object)
    """A :class:`SearchResult` whose words the model has yet to read."""
    refreshed = Signal(object)
    """A :class:`Snapshot`: same rows, newer content."""
    failed = Signal(object)

    def __init__(self, session: LibrarySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._wanted = Filter()
        self._order = Sort()
        self._search: SearchQuery | None = None
        self._task: tasks.Task | None = None
        self.same_question = False
        """Whether the last selection answers the same question as the one before it."""
        self.same_order = False
        """Whether at least the order asked for, or the search, is the same."""
        self.unbidden = False
        """Whether the last selection came because the library changed, not because the user
        asked."""
        self._bidden = False
        self._answered: tuple[Filter, tuple[Sort, SearchQuery | None]] | None = None
        self._again = False
        self._refreshing = False
        self._refresh_again = False
        self._closed = False
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self._ask)

    @property
    def filter(self) -> Filter:
        return self._wanted

    @property
    def sort(self) -> Sort:
        return self._order

    def ask(self, wanted: Filter, order: Sort, search: SearchQuery | None = None) -> None:
        """Select anew, now."""
        self._bidden = True
        self._wanted, self._order, self._search = wanted, order, search
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._calm.stop()
        self._ask()

    def ask_soon(self, wanted: Filter, order: Sort, search: SearchQuery | None = None) -> None:
        """Select anew before long; call it as often as notices come."""
        self._wanted, self._order, self._search = wanted, order, search
        if not self._calm.isActive():
            self._calm.start()

    def refresh(self) -> None:
        """Fetch the newest snapshot for the same rows."""
        if self._refreshing:
            self._refresh_again = True
            return
        self._refreshing = True
        tasks.start(lambda: warm(self._session.snapshot()), self._refreshed, self._failed)

    def close(self) -> None:
        self._closed = True
        self._calm.stop()
        if self._task is not None:
            self._task.cancel()

    def _ask(self) -> None:
        if self._closed:
            return
        if self._task is not None:
            self._again = True
            return
        wanted, order, search = self._wanted, self._order, self._search
        self._task = tasks.start(
            lambda: evaluate(self._session, wanted, order, search), self._done, self._failed
        )

    def _done(self, selection: Selection) -> None:
        self._task = None
        if self._closed:
            return
        if selection.search is not None and selection.search.state is SearchState.WAITING:
            # No answer yet: what is on screen stays there, and so does its question.
            self.waiting.emit(selection.search)
            return
        self.unbidden, self._bidden = not self._bidden, False
        search = selection.search and selection.search.query
        question = (selection.filter, (selection.sort, search))
        self.same_question = question == self._answered
        self.same_order = self._answered is not None and question[1] == self._answered[1]
        self._answered = question
        self.selected.emit(selection)
        if self._again:
            self._again = False
            self._calm.start()

    def _refreshed(self, snapshot: Snapshot) -> None:
        self._refreshing = False
        if self._closed:
            return
        self.refreshed.emit(snapshot)
        if self._refresh_again:
            self._refresh_again = False
            self.refresh()

    def _failed(self, error: Exception) -> None:
        self._task = None
        self._refreshing = False
        if not self._closed:
            self.failed.emit(error)
