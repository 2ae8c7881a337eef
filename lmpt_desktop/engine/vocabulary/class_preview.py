"""What a class would find before it is one: its best images by its name alone (Qt-free).

Nothing here waits for a model.  A text not read before is given to the encoder, the answer says
so, and :class:`ClassPreviewReady` tells when to ask again.  What is read is kept where class
texts are kept: a class that is added after a look is predicted at once.
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
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.encoding.encoder import EncoderClient
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import Notice
from lmpt_desktop.engine.search import LOADING, NOTHING_ENCODED, READING, SearchState
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.engine.versions.class_weights import library_weights, prompt_text
from lmpt_desktop.engine.versions.model_facts import ModelFacts
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.search import per_row, top
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.translation import _

log = logging.getLogger(__name__)

BEST = 20
"""So many images are shown."""


@dataclass(frozen=True)
class ClassPreviewReady(Notice):
    """The encoder has read this text, or has failed to: ask again."""

    text: str


@dataclass(frozen=True, eq=False)
class ClassPreview:
    """What a class would find by its name and description alone.

    Attributes:
        text: what the model reads.
        state: READY, or why there is nothing to see (``message`` says it).
        image_ids: (m,) the best images, best first; at most ``BEST``.
        scores: (m,) float32 in [0, 1], of these.
        predicted: how many images reach the threshold.
        looked_at: how many images have a feature.
    """

    text: str
    state: SearchState
    message: str = ""
    image_ids: NDArray[np.int64] = None  # type: ignore[assignment]
    scores: NDArray[np.float32] = None  # type: ignore[assignment]
    predicted: int = 0
    looked_at: int = 0

    def __post_init__(self) -> None:
        if self.image_ids is None:
            object.__setattr__(self, "image_ids", np.empty(0, np.int64))
            object.__setattr__(self, "scores", np.empty(0, np.float32))


class ClassPreviewer:
    """Previews classes of one library; any thread may ask."""

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
        self._failed: dict[tuple[str, str], str] = {}

    def run(self, name: str, description: str = "") -> ClassPreview:
        """Look at the library with a class of this name and description.

        It is scored as it would be as the last class of the vocabulary, zero-shot.
        """
        entry = ClassEntry(0, " ".join(name.split()), " ".join(description.split()))
        text = prompt_text(entry)
        ids, features = self._state.feature_view()
        if not len(ids):
            return ClassPreview(text, SearchState.NOTHING, _(NOTHING_ENCODED))
        backbone = self._model.backbone
        facts = self._model.facts()
        known = (
            self._catalogue.features.texts(backbone, [text], facts.variant)
            if facts is not None
            else {}
        )
        if facts is None or text not in known:
            return self._ask(backbone, text)
        weights = self._weights(entry, facts, known, features)
        if weights.embeddings.shape[1] != features.shape[1]:  # the backbone is being changed
            return ClassPreview(text, SearchState.NOTHING, _(NOTHING_ENCODED))
        snapshot = self._state.snapshot
        scores = per_row(predict(features, weights)[:, 0], ids, snapshot.image_ids)
        has = ~np.isnan(scores)
        rows = top(scores, BEST)
        rows = rows[has[rows]]
        return ClassPreview(
            text,
            SearchState.READY,
            "",
            snapshot.image_ids[rows],
            scores[rows],
            int((scores[has] >= weights.thresholds[0]).sum()),
            int(has.sum()),
        )

    def retry(self, name: str, description: str = "") -> None:
        """Give a text that could not be read to the encoder once more."""
        text = " ".join((description or name).split())
        with self._lock:
            for key in [key for key in self._failed if key[1] == text]:
                del self._failed[key]

    def _weights(
        self,
        entry: ClassEntry,
        facts: ModelFacts,
        known: dict[str, NDArray[np.float32]],
        features: NDArray[np.float16],
    ) -> ClassWeights:
        """Of the one class."""
        classes = [entry]
        if facts.bias is None:
            # The bias depends on the other classes, and must be what it will be.
            classes = [*self._state.snapshot.classes, entry]
            texts = sorted({prompt_text(item) for item in classes})
            known = known | self._catalogue.features.texts(
                self._model.backbone, texts, facts.variant
            )
        weights = library_weights(classes, facts, known, features, None)
        return ClassWeights(
            weights.embeddings[-1:],
            weights.scales[-1:],
            weights.biases[-1:],
            weights.thresholds[-1:],
            weights.trained[-1:],
        )

    def _ask(self, backbone: str, text: str) -> ClassPreview:
        key = (backbone, text)
        waiting = ClassPreview(
            text, SearchState.WAITING, _(READING if self._model.loaded else LOADING)
        )
        with self._lock:
            if key in self._failed:
                return ClassPreview(text, SearchState.FAILED, self._failed[key])
            if key in self._asked:
                return waiting
            self._asked.add(key)
        asked = self._model.encode_words(text, ensemble=True)
        if asked is None:
            with self._lock:
                self._asked.discard(key)
            return ClassPreview(
                text,
                SearchState.FAILED,
                _("No model is started here, so the name of a new class cannot be read."),
            )
        client, future = asked
        future.add_done_callback(lambda done: self._came(key, client, done))
        return waiting

    def _came(
        self, key: tuple[str, str], client: EncoderClient, future: Future[NDArray[np.float32]]
    ) -> None:
        def keep() -> None:
            error = future.exception()
            with self._lock:
                self._asked.discard(key)
            if error is not None:
                log.info("the text of a new class was not read: %s", error)
                if self._model.uses(client):
                    self._failed[key] = _("The name could not be read. {reason}").format(
                        reason=error
                    )
            elif (facts := self._model.facts()) is not None and client.backbone == key[0]:
                self._catalogue.features.put_texts(
                    key[0], {key[1]: future.result()[0]}, facts.variant
                )
            self._notify(ClassPreviewReady(key[1]))

        # On the worker: the encoder's own thread has photos to hand over.
        self._worker.post(f"class preview {key}", keep)
