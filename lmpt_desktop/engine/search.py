"""Search in an open library, by words (which the encoder reads) or by example images (Qt-free).

Nothing here waits for a model.  Words that are not cached are sent to the encoder, the result says
so, and :class:`SearchReady` follows when it is time to ask again.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.domain.bounded_dict import BoundedDict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.encoding.encoder import EncoderClient
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import Notice
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.inference.filters import Filter, Sort, select
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.search import (
    RESULT_LIMIT,
    Nearness,
    Ranking,
    direction_of,
    exact_at,
    first_pass,
    per_row,
    rank,
)
from lmpt_desktop.translation import N_, _
from trainer.checked_json import readable_text

log = logging.getLogger(__name__)

VARIANT = "search"
"""In the catalogue's cache, separates plain words from class names within templates."""
RECENT = 64
"""How many recent queries are cached in memory; the catalogue keeps them all."""

KEPT_FAILURES = 1000
"""Texts of which it is known that they cannot be encoded."""

LOADING = N_("Loading the model for your search...")
READING = N_("Encoding your search text...")
NO_ENCODER = N_(
    "Searching by words needs a model, which is not running here. More like this works without one."
)
NOTHING_ENCODED = N_(
    "No photo has been encoded yet, so there is nothing to search. "
    "Results appear as photos are encoded."
)


class SearchState(StrEnum):
    """State of a result."""

    READY = "ready"
    WAITING = "waiting"
    """The encoder is reading the words; :class:`SearchReady` will follow."""
    NOTHING = "nothing"
    """There is nothing to compare (yet)."""
    FAILED = "failed"
    """The words could not be read; :meth:`Searcher.retry` tries once more."""


@dataclass(frozen=True)
class SearchQuery:
    """Words, or example images; not both."""

    text: str = ""
    image_ids: tuple[int, ...] = ()

    @classmethod
    def words(cls, text: str) -> SearchQuery | None:
        """A query of words as typed, with spaces tidied; None if there are none."""
        tidy = " ".join(readable_text(text).split())
        return cls(text=tidy) if tidy else None


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Result of a query; unless it is ready, ``ranking`` is empty and ``message`` a sentence."""

    query: SearchQuery
    state: SearchState
    ranking: Ranking
    message: str = ""


@dataclass(frozen=True)
class SearchReady(Notice):
    """The encoder has read these words, or failed to: ask again."""

    text: str


class Searcher:
    """Answers queries; every method may be called from any thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        model: ModelService,
        worker: Worker,
        notify: Callable[[Notice], None],
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._worker = worker
        self._notify = notify
        self._lock = threading.Lock()
        self._read: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._asked: set[tuple[str, str]] = set()
        self._failed = BoundedDict[tuple[str, str], str](KEPT_FAILURES)
        self._kept: _Kept | None = None

    def run(
        self,
        query: SearchQuery,
        requested: Filter | None = None,
        snapshot: Snapshot | None = None,
        limit: int | None = RESULT_LIMIT,
    ) -> SearchResult:
        """The images most similar to ``query`` among those that pass ``requested``.

        Args:
            query: what to search for.
            requested: None for every image.
            snapshot: the result holds its rows; None for the newest.
            limit: how many images at most; None for all.
        """
        snapshot = snapshot or self._state.snapshot
        features = self._state.features()
        backbone = self._model.backbone
        if not len(features.ids):
            return _no_result(query, SearchState.NOTHING, _(NOTHING_ENCODED))
        direction = (
            self._words(backbone, query)
            if query.text
            else _mean_direction(query.image_ids, features)
        )
        if isinstance(direction, SearchResult):
            return direction
        if direction is None:
            one = len(query.image_ids) == 1
            message = (
                _(
                    "The chosen photo has not been encoded yet, so there is nothing to compare it "
                    "with."
                )
                if one
                else _(
                    "None of the chosen photos has been encoded yet, so there is nothing to "
                    "compare."
                )
            )
            return _no_result(query, SearchState.NOTHING, message)
        if len(direction) != features.matrix.shape[1]:  # the backbone is being changed
            return _no_result(query, SearchState.NOTHING, _(NOTHING_ENCODED))
        values, margin = self._values(direction, features)
        ids = snapshot.image_ids
        near = Nearness(
            per_row(values, features.ids, ids),
            margin,
            lambda rows: exact_at(features.matrix, features.places(ids[rows]), direction),
        )
        passing = select(snapshot, requested, Sort()) if requested is not None else None
        return SearchResult(query, SearchState.READY, rank(near, passing, limit))

    def retry(self, query: SearchQuery) -> None:
        """Try again to read words that could not be read, at the next :meth:`run`."""
        with self._lock:
            for key in [key for key in self._failed.known() if key[1] == query.text]:
                self._failed.forget(key)

    # ------------------------------------------------------------------------------- words

    def _words(self, backbone: str, query: SearchQuery) -> NDArray[np.float32] | SearchResult:
        """The (D,) direction of the words, or a result that says why there is none."""
        key = (backbone, query.text)
        with self._lock:
            if (found := self._read.get(key)) is not None:
                self._read.move_to_end(key)
                return found
            if (reason := self._failed.get(key)) is not None:
                return _no_result(query, SearchState.FAILED, reason)
            waiting = key in self._asked
        if waiting:
            return self._waiting(query)
        known = self._catalogue.features.texts(backbone, [query.text], VARIANT)
        if query.text in known:
            self._keep(key, known[query.text])
            return known[query.text]
        return self._ask(key, query)

    def _ask(self, key: tuple[str, str], query: SearchQuery) -> SearchResult:
        with self._lock:
            if key in self._asked:
                return self._waiting(query)
            self._asked.add(key)
        answer = self._waiting(query)
        asked = self._model.encode_words([query.text])
        if asked is None:
            with self._lock:
                self._asked.discard(key)
            return _no_result(query, SearchState.FAILED, _(NO_ENCODER))
        client, future = asked
        future.add_done_callback(lambda done: self._text_encoded(key, client, done))
        return answer

    def _text_encoded(
        self, asked: tuple[str, str], client: EncoderClient, future: Future[NDArray[np.float32]]
    ) -> None:
        """The encoder has answered; its backbone may be newer than that of the request."""
        key = (client.backbone, asked[1])
        error = future.exception()
        if error is not None:
            log.info("the words of a search were not read: %s", error)
            with self._lock:
                self._asked.discard(asked)
                # Where another encoder has replaced it, the next request goes to that one.
                if self._model.uses(client):
                    reason = _("Your search text could not be encoded. {error}")
                    self._failed.put(key, reason.format(error=error))
        else:
            direction = future.result()[0]
            self._keep(key, direction)
            with self._lock:
                self._asked.discard(asked)
            self._worker.post(f"search {key}", lambda: self._remember(key, direction))
        self._notify(SearchReady(asked[1]))

    def _keep(self, key: tuple[str, str], direction: NDArray[np.float32]) -> None:
        with self._lock:
            self._read[key] = direction
            self._read.move_to_end(key)
            while len(self._read) > RECENT:
                self._read.popitem(last=False)

    def _remember(self, key: tuple[str, str], direction: NDArray[np.float32]) -> None:
        """Cache the embedding in the catalogue: next time these words need no model."""
        try:
            self._catalogue.features.put_texts(key[0], {key[1]: direction}, VARIANT)
        except CatalogueError as error:
            log.warning("the words of a search were not cached: %s", error)

    def _waiting(self, query: SearchQuery) -> SearchResult:
        message = _(READING) if self._model.loaded else _(LOADING)
        return _no_result(query, SearchState.WAITING, message)

    # ---------------------------------------------------------------------------- features

    def _values(
        self,
        direction: NDArray[np.float32],
        features: Features,
    ) -> tuple[NDArray[np.float32], float]:
        """:func:`first_pass`, computed once while only the filter changes."""
        kept = self._kept
        matrix = features.matrix
        owner = matrix if matrix.base is None else matrix.base
        if (
            kept is not None
            and kept.owner() is owner
            and len(kept.values) == len(matrix)
            and np.array_equal(kept.direction, direction)
        ):
            return kept.values, kept.margin
        values, margin = first_pass(matrix, direction)
        self._state.let_go_features()
        # Weak, so that features of a backbone that is no longer in use are freed.
        self._kept = _Kept(weakref.ref(owner), direction, values, margin)
        return values, margin


@dataclass(frozen=True, eq=False)
class _Kept:
    """The last first pass: (n,) of ``direction`` with the first n rows of ``owner``."""

    owner: weakref.ref[object]
    direction: NDArray[np.float32]
    values: NDArray[np.float32]
    margin: float


def _mean_direction(image_ids: tuple[int, ...], features: Features) -> NDArray[np.float32] | None:
    """The mean direction of the examples; None where none of them has a feature."""
    _has, found = features.lookup(np.unique(np.array(image_ids, np.int64)))
    return direction_of(found)


def _no_result(query: SearchQuery, state: SearchState, message: str) -> SearchResult:
    none = Ranking(np.empty(0, np.int64), np.empty(0, np.float32), 0, 0)
    return SearchResult(query, state, none, message)
