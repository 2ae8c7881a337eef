"""Evaluates filter and order off the window's thread; only the latest request counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.search import SearchQuery, SearchResult, SearchState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import Filter, Sort, select
from lmpt_desktop.ui.grid.card_order import CardOrder
from lmpt_desktop.ui.grid.stack_layout import StackLayout, lay_out_stacks
from lmpt_desktop.ui.kit.tasks import LatestRequest

REFRESH_INTERVAL_MS = 700
"""Interval at which rows are selected again while scores change during encoding."""
FIRST_PAGE = 256
"""With fewer photos than these, the first screen may not be full: what comes is shown at once."""
FIRST_INTERVAL_MS = 30
"""The interval until there are as many."""
REGROUP_INTERVAL_MS = 2000
"""How soon stacks are looked at again that were not up to date, as photos are being encoded."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows of ``snapshot`` that match ``filter``, in the order of ``sort`` or of a search."""

    snapshot: Snapshot
    rows: NDArray[np.int64]
    filter: Filter
    sort: Sort
    search: SearchResult | None = None
    held_out: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """(m,) image ids, ascending: those that no training learns from."""
    stacks: StackLayout | None = None
    """How stacks among ``rows`` are shown; None if they are not."""
    order: CardOrder | None = None
    """The cards that follow from rows and stacks, once they were laid out."""


def asked_classes(selection: Selection) -> tuple[int, ...]:
    """Ids of the classes that the user is looking for: those of the filter and of the order, and
    the one whose name is searched."""
    ids = [*selection.filter.classes.ids, selection.sort.class_id]
    if selection.search is not None:
        text = folded(selection.search.query.text.strip())
        for entry in selection.snapshot.classes:
            if text and text in map(folded, (entry.name, *entry.aliases)):
                ids.append(entry.id)
    return tuple(dict.fromkeys(class_id for class_id in ids if class_id is not None))


class HeldOut:
    """The images held out from training, read again when runs or photos may have changed."""

    def __init__(self, session: LibrarySession) -> None:
        self._session = session
        self._known: tuple[set[int], object, NDArray[np.int64]] | None = None

    def ids(self, snapshot: Snapshot) -> NDArray[np.int64]:
        """(m,) int64, ascending, copies included; reads the catalogue."""
        catalogue = self._session.catalogue
        judging = catalogue.runs.held_out()
        known = self._known
        if known is None or known[0] != judging or known[1] is not snapshot.images:
            ids = np.array(sorted(catalogue.images.of_same_photos(list(judging))), np.int64)
            known = self._known = (judging, snapshot.images, ids)
        return known[2]


def evaluate(
    session: LibrarySession, requested: Filter, order: Sort, search: SearchQuery | None = None
) -> Selection:
    """Select rows of the current snapshot.

    The cached arrays that painting needs are computed here too, on the calling thread.
    """
    snapshot = prepare(session.snapshot())
    if search is not None:
        result = session.search.run(search, requested, snapshot)
        return Selection(snapshot, result.ranking.rows, requested, order, result)
    return Selection(snapshot, select(snapshot, requested, order), requested, order)


def prepare(snapshot: Snapshot) -> Snapshot:
    """Compute the snapshot's cached arrays, so that painting does not have to."""
    _ = snapshot.bands
    _ = (snapshot.column_of, snapshot.class_ids)
    return snapshot


class GridQuery(QObject):
    """Runs filter queries and refreshes snapshots in the background."""

    selected = Signal(object)
    """A :class:`Selection`: show these rows."""
    waiting = Signal(object)
    """A :class:`SearchResult` whose text is still being encoded."""
    refreshed = Signal(object)
    """A :class:`Snapshot`: same rows, newer content."""
    failed = Signal(object)

    def __init__(self, session: LibrarySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._requested = Filter()
        self._order = Sort()
        self._search: SearchQuery | None = None
        self._held_out = HeldOut(session)
        self._selecting = LatestRequest(self._show, self.failed.emit, owner=self)
        self._refreshing = LatestRequest(
            self._show_refreshed, self.failed.emit, owner=self, overlap=False
        )
        self.same_question = False
        """Whether the last selection has the filter, order and search of the one before."""
        self.same_order = False
        """Whether it has at least the same order and search."""
        self.automatic = False
        """Whether the last selection was caused by a change of the library, not by the user."""
        self._asked_by_user = False
        self._stacked = False
        self._opened: frozenset[int] = frozenset()
        self._last: Selection | None = None
        self._regroup_timer = QTimer(self)
        self._regroup_timer.setSingleShot(True)
        self._regroup_timer.setInterval(REGROUP_INTERVAL_MS)
        self._regroup_timer.timeout.connect(lambda: self._lay_out_again(by_user=False))
        self._answered: tuple[Filter, tuple[Sort, SearchQuery | None]] | None = None
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.timeout.connect(self._ask_unless_busy)

    @property
    def filter(self) -> Filter:
        return self._requested

    @property
    def sort(self) -> Sort:
        return self._order

    def ask(self, requested: Filter, order: Sort, search: SearchQuery | None = None) -> None:
        """Select again, now."""
        self._asked_by_user = True
        self._requested, self._order, self._search = requested, order, search
        self._refresh_timer.stop()
        self._ask()

    def ask_soon(self, requested: Filter, order: Sort, search: SearchQuery | None = None) -> None:
        """Select again soon, or at once if the first screen may lack photos; may be called for
        every notice."""
        self._requested, self._order, self._search = requested, order, search
        if self._refresh_timer.isActive():
            return
        if self._shows_few():
            self._ask_unless_busy()
        else:
            self._refresh_timer.start(REFRESH_INTERVAL_MS)

    def _shows_few(self) -> bool:
        return self._last is not None and len(self._last.snapshot.images) < FIRST_PAGE

    def stack(self, stacked: bool, opened: frozenset[int] = frozenset()) -> None:
        """Show look-alikes as one card, apart from the stacks that are ``opened``, by
        :meth:`StackLayout.key`; or every photo by itself.

        The photos shown keep their order; they are not selected again.
        """
        if (stacked, opened) != (self._stacked, self._opened):
            self._stacked, self._opened = stacked, opened
            self._lay_out_again(by_user=True)

    @property
    def opened(self) -> frozenset[int]:
        """The stacks that are open."""
        return self._opened

    def refresh(self) -> None:
        """Get the newest snapshot for the same rows."""
        self._refreshing.ask(lambda: prepare(self._session.snapshot()))

    def close(self) -> None:
        """Stop; results still to come are dropped."""
        self._refresh_timer.stop()
        self._regroup_timer.stop()
        self._selecting.cancel()
        self._refreshing.cancel()

    def _ask_unless_busy(self) -> None:
        if self._selecting.busy:
            self._refresh_timer.start(
                FIRST_INTERVAL_MS if self._shows_few() else REFRESH_INTERVAL_MS
            )
        else:
            self._ask()

    def _ask(self) -> None:
        requested, order, search = self._requested, self._order, self._search

        def run() -> Selection:
            found = evaluate(self._session, requested, order, search)
            return lay_out(replace(found, held_out=self._held_out.ids(found.snapshot)))

        lay_out = self._laid_out()
        self._selecting.ask(run)

    def _laid_out(self) -> Callable[[Selection], Selection]:
        """A function for another thread that lays out the stacks as they are wanted now."""
        stacked, opened, session = self._stacked, self._opened, self._session

        def lay_out(found: Selection) -> Selection:
            layout = None
            if stacked:
                stacks = session.stacks.now(exact=False)
                ids = found.snapshot.image_ids[found.rows]
                layout = lay_out_stacks(ids, stacks, opened)
            order = CardOrder.of(found.snapshot, found.rows, layout)
            _ = order.table
            return replace(found, stacks=layout, order=order)

        return lay_out

    def _lay_out_again(self, *, by_user: bool) -> None:
        self._asked_by_user |= by_user
        last = self._last
        if self._selecting.busy:
            self._ask()
            return
        if last is None:  # the first question is still to come
            return
        session, lay_out = self._session, self._laid_out()

        def run() -> Selection:
            snapshot = prepare(session.snapshot())
            rows = snapshot.rows(last.snapshot.image_ids[last.rows])
            return lay_out(replace(last, snapshot=snapshot, rows=rows[rows >= 0]))

        self._selecting.ask(run)

    def _show(self, selection: Selection) -> None:
        if selection.search is not None and selection.search.state is SearchState.WAITING:
            # No result yet: keep what is on screen, and the query it belongs to.
            self.waiting.emit(selection.search)
            return
        self.automatic, self._asked_by_user = not self._asked_by_user, False
        search = selection.search and selection.search.query
        question = (selection.filter, (selection.sort, search))
        self.same_question = question == self._answered
        self.same_order = self._answered is not None and question[1] == self._answered[1]
        self._answered = question
        self._last = selection
        if self._shows_few() and self._refresh_timer.isActive():
            self._refresh_timer.start(FIRST_INTERVAL_MS)
        if selection.stacks is not None and not self._session.stacks.current:
            self._regroup_timer.start()
        self.selected.emit(selection)

    def _show_refreshed(self, snapshot: Snapshot) -> None:
        # An older snapshot would keep its scores and annotations in memory.
        last = self._last
        if last is not None and np.array_equal(last.snapshot.image_ids, snapshot.image_ids):
            self._last = replace(last, snapshot=snapshot)
        self.refreshed.emit(snapshot)
