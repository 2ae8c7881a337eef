"""What a class would find before it is added: its best images by its name alone (Qt-free).

Nothing here waits for a model.  A text that is not cached is sent to the encoder, the preview says
so, and :class:`ClassPreviewReady` follows when it is time to ask again.  The embedding is cached
with those of the classes, so a class that is added after its preview is predicted at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.bounded_dict import BoundedDict
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.class_weights import library_weights, prompt_text, prompt_texts, texts_of
from lmpt_desktop.engine.encoding.encoder import EncoderClient
from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import Notice
from lmpt_desktop.engine.search import KEPT_FAILURES, LOADING, NOTHING_ENCODED, READING, SearchState
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.inference.search import top
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.translation import _

log = logging.getLogger(__name__)

BEST = 20
"""How many images are shown."""


@dataclass(frozen=True)
class ClassPreviewReady(Notice):
    """The encoder has read this text, or failed to: ask again."""

    text: str


@dataclass(frozen=True, eq=False)
class ClassPreview:
    """What a class would find by its name and description alone.

    Attributes:
        text: what the model reads, as written.
        state: READY, or why there is no preview, as a sentence in ``message``.
        image_ids: (m,) the best images, best first; at most ``BEST``.
        scores: (m,) float32 in [0, 1], of these.
        predicted: how many images reach the threshold.
        encoded_images: how many images have a feature.
    """

    text: str
    state: SearchState
    message: str = ""
    image_ids: NDArray[np.int64] = None  # type: ignore[assignment]
    scores: NDArray[np.float32] = None  # type: ignore[assignment]
    predicted: int = 0
    encoded_images: int = 0

    def __post_init__(self) -> None:
        if self.image_ids is None:
            object.__setattr__(self, "image_ids", np.empty(0, np.int64))
            object.__setattr__(self, "scores", np.empty(0, np.float32))


class ClassPreviewer:
    """Previews classes of one library; every method may be called from any thread."""

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
        self._asked: set[tuple[str, str]] = set()
        self._failed = BoundedDict[tuple[str, str], str](KEPT_FAILURES)

    def run(self, name: str, description: str = "") -> ClassPreview:
        """Score the library for a class of this name and description.

        The scores are those it would have as the last class of the vocabulary, zero-shot.
        """
        entry = ClassEntry(0, " ".join(name.split()), " ".join(description.split()))
        text, parts = prompt_text(entry), prompt_texts(entry)
        features = self._state.features()
        if not len(features.ids):
            return ClassPreview(text, SearchState.NOTHING, _(NOTHING_ENCODED))
        backbone = self._model.backbone
        facts = self._model.facts()
        known = (
            self._catalogue.features.texts(backbone, parts, facts.variant)
            if facts is not None
            else {}
        )
        if missing := [part for part in parts if part not in known]:
            return self._ask(backbone, text, missing)
        assert facts is not None
        weights = self._weights(entry, facts, known, features.matrix)
        if weights.embeddings.shape[1] != features.matrix.shape[1]:  # the backbone is being changed
            return ClassPreview(text, SearchState.NOTHING, _(NOTHING_ENCODED))
        snapshot = self._state.snapshot
        thresholds = snapshot.strictness.applied(weights.thresholds, np.array([entry.id]))
        has, found = self._state.scores_with(snapshot.image_ids, weights)
        scores = np.full(len(has), np.nan, np.float32)
        if found:
            scores[has] = found[0][:, 0]
            has = ~np.isnan(scores)
        rows = top(scores, BEST)
        rows = rows[has[rows]]
        return ClassPreview(
            text,
            SearchState.READY,
            "",
            snapshot.image_ids[rows],
            scores[rows],
            int((scores[has] >= thresholds[0]).sum()),
            int(has.sum()),
        )

    def retry(self, name: str, description: str = "") -> None:
        """Try again to read a text that could not be read."""
        text = " ".join((description or name).split())
        with self._lock:
            for key in [key for key in self._failed.known() if key[1] == text]:
                self._failed.forget(key)

    def _weights(
        self,
        entry: ClassEntry,
        facts: ModelFacts,
        known: dict[str, NDArray[np.float32]],
        features: NDArray[np.float16],
    ) -> ClassWeights:
        """The weights of this one class."""
        classes = [entry]
        if facts.has_prior or (facts.windows and facts.window_offset is None):
            # What is estimated depends on the other classes, so they must take part.
            classes = [*self._state.snapshot.classes, entry]
            texts = sorted({text for item in classes for text in texts_of(item)})
            known = known | self._catalogue.features.texts(
                self._model.backbone, texts, facts.variant
            )
        sample = self._model.window_sample()
        weights = library_weights(classes, facts, known, features, None, sample=sample)
        return weights.of_classes(np.array([len(classes) - 1]))

    def _ask(self, backbone: str, text: str, missing: list[str]) -> ClassPreview:
        """Have the ``missing`` parts of ``text`` encoded."""
        key = (backbone, text)
        waiting = ClassPreview(
            text, SearchState.WAITING, _(READING if self._model.loaded else LOADING)
        )
        with self._lock:
            if (reason := self._failed.get(key)) is not None:
                return ClassPreview(text, SearchState.FAILED, reason)
            if key in self._asked:
                return waiting
            self._asked.add(key)
        asked = self._model.encode_words(missing, ensemble=True)
        if asked is None:
            with self._lock:
                self._asked.discard(key)
            return ClassPreview(
                text,
                SearchState.FAILED,
                _("No model is running here, so the name of a new class cannot be encoded."),
            )
        client, future = asked
        future.add_done_callback(lambda done: self._encoded(key, missing, client, done))
        return waiting

    def _encoded(
        self,
        key: tuple[str, str],
        parts: list[str],
        client: EncoderClient,
        future: Future[NDArray[np.float32]],
    ) -> None:
        def keep() -> None:
            error = future.exception()
            with self._lock:
                self._asked.discard(key)
            if error is not None:
                log.info("the text of a new class was not read: %s", error)
                if self._model.uses(client):
                    reason = _("The name could not be encoded. {reason}")
                    self._failed.put(key, reason.format(reason=error))
            elif (facts := self._model.facts()) is not None and client.backbone == key[0]:
                found = dict(zip(parts, future.result(), strict=True))
                self._catalogue.features.put_texts(key[0], found, facts.variant)
            self._notify(ClassPreviewReady(key[1]))

        # On the worker: the encoder's thread must not wait for the catalogue.
        self._worker.post(f"class preview {key}", keep)
