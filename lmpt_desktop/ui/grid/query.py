"""Evaluates filter and order off the window's thread; only the latest request counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.search import SearchQuery, SearchResult, SearchState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import Filter, Sort, select
from lmpt_desktop.ui.kit.tasks import LatestRequest

CALM_MS = 700
"""How often rows are selected again while photos are being encoded and scores change."""


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
    """Select rows of the snapshot of this moment.

    What painting needs of the snapshot is computed here too, on the calling thread.
    """
    snapshot = prepare(session.snapshot())
    if search is not None:
        result = session.search.run(search, wanted, snapshot)
        return Selection(snapshot, result.ranking.rows, wanted, order, result)
    return Selection(snapshot, select(snapshot, wanted, order), wanted, order)


def prepare(snapshot: Snapshot) -> Snapshot:
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
        self._selecting = LatestRequest(self._show, self.failed.emit, owner=self)
        self._refreshing = LatestRequest(
            self.refreshed.emit, self.failed.emit, owner=self, overlap=False
        )
        self.same_question = False
        """Whether the last selection answers the same question as the one before it."""
        self.same_order = False
        """Whether at least the order asked for, or the search, is the same."""
        self.automatic = False
        """Whether the last selection came because the library changed, not because the user
        asked."""
        self._asked_by_user = False
        self._answered: tuple[Filter, tuple[Sort, SearchQuery | None]] | None = None
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self._ask_unless_busy)

    @property
    def filter(self) -> Filter:
        return self._wanted

    @property
    def sort(self) -> Sort:
        return self._order

    def ask(self, wanted: Filter, order: Sort, search: SearchQuery | None = None) -> None:
        """Select again, now."""
        self._asked_by_user = True
        self._wanted, self._order, self._search = wanted, order, search
        self._calm.stop()
        self._ask()

    def ask_soon(self, wanted: Filter, order: Sort, search: SearchQuery | None = None) -> None:
        """Select again before long; call it as often as notices come."""
        self._wanted, self._order, self._search = wanted, order, search
        if not self._calm.isActive():
            self._calm.start()

    def refresh(self) -> None:
        """Fetch the newest snapshot for the same rows."""
        self._refreshing.ask(lambda: prepare(self._session.snapshot()))

    def close(self) -> None:
        """Ask nothing more; answers that are on their way are dropped."""
        self._calm.stop()
        self._selecting.cancel()
        self._refreshing.cancel()

    def _ask_unless_busy(self) -> None:
        if self._selecting.busy:
            self._calm.start()
        else:
            self._ask()

    def _ask(self) -> None:
        wanted, order, search = self._wanted, self._order, self._search
        self._selecting.ask(lambda: evaluate(self._session, wanted, order, search))

    def _show(self, selection: Selection) -> None:
        if selection.search is not None and selection.search.state is SearchState.WAITING:
            # No answer yet: what is on screen stays there, and so does its question.
            self.waiting.emit(selection.search)
            return
        self.automatic, self._asked_by_user = not self._asked_by_user, False
        search = selection.search and selection.search.query
        question = (selection.filter, (selection.sort, search))
        self.same_question = question == self._answered
        self.same_order = self._answered is not None and question[1] == self._answered[1]
        self._answered = question
        self.selected.emit(selection)
