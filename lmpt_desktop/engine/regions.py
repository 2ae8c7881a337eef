"""Where the model sees a class in a photo, asked of the encoder when somebody looks (Qt-free).

Nothing is stored: a map is one forward pass, and the last few are kept in memory.  Only the latest
question counts, so that going through photos quickly asks the encoder for one of them at a time.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine.encoding.encoder import EncoderError
from lmpt_desktop.engine.encoding.requests import PhotoMap
from lmpt_desktop.engine.images import ImageReader
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import EncoderChanged, Listener, Notice
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.inference.regions import heat, region
from lmpt_desktop.translation import N_, _
from trainer.box import Box
from trainer.photo import UnreadablePhoto

log = logging.getLogger(__name__)

KEPT_MAPS = 8
"""Maps kept in memory: 0.06 MB each with Lite, a few MB with the largest backbones."""

NO_MAPS = N_("This model cannot say where in a photo it sees a class.")
NOT_LOADED_YET = N_("The model was not loaded yet.")

Answer = Callable[[Box | None], None]
"""Called with the region in fractions of the upright photo, None if there is nothing to show."""


@dataclass(frozen=True)
class _Key:
    """A photo as one backbone sees it; ``version`` changes with the content of its file."""

    backbone: str
    image_id: int
    version: str


@dataclass(frozen=True)
class _Question:
    image_id: int
    class_id: int
    answer: Answer
    load: bool


@dataclass(frozen=True)
class RegionsAvailable(Notice):
    """:attr:`Regions.unavailable` has changed."""


class Regions:
    """Answers where a class is seen; every method may be called from any thread."""

    def __init__(
        self,
        state: LibraryState,
        images: ImageReader,
        model: ModelService,
        worker: Worker,
        *,
        notify: Callable[[Notice], None],
        subscribe: Callable[[Listener], Callable[[], None]],
    ) -> None:
        self._state = state
        self._images = images
        self._model = model
        self._worker = worker
        self._notify = notify
        self._lock = threading.Lock()
        self._question: _Question | None = None
        self._maps: OrderedDict[_Key, PhotoMap | None] = OrderedDict()
        """None for a photo that cannot be read."""
        self._asked: _Key | None = None
        """What the encoder is busy with."""
        self._windows = self._read_windows()
        subscribe(self._heard)

    @property
    def unavailable(self) -> str:
        """Why the backbone in use shows no regions, a sentence; "" if it does."""
        windows = self._windows
        if windows is None:
            return _(NOT_LOADED_YET)
        return "" if windows else _(NO_MAPS)

    def ask(self, image_id: int, class_id: int, answer: Answer, *, load: bool = False) -> None:
        """Find where a class is seen in an image; returns at once.

        ``answer`` is called once, on another thread, unless something else is asked or
        :meth:`drop` is called before.  ``load``: the user has asked for it, so that the backbone is
        loaded if it is not.
        """
        if not self._windows:
            return
        with self._lock:
            self._question = _Question(image_id, class_id, answer, load)
        self._worker.post("region", self._find)

    def drop(self) -> None:
        """Nobody waits for an answer any more."""
        with self._lock:
            self._question = None

    # -------------------------------------------------------------- on the session's worker

    def _find(self) -> None:
        """Answer the question, or ask the encoder for the map it needs, one at a time."""
        with self._lock:
            question = self._question
        if question is None:
            return
        key = self._key(question)
        if key is None:
            self._answer(question, None)
            return
        with self._lock:
            known = key in self._maps
            found = self._maps.get(key)
            if known:
                self._maps.move_to_end(key)
            elif self._asked is not None:
                return  # the next one, once this is answered
        if known:
            self._answer(question, self._region(found, question.class_id) if found else None)
        elif not self._request(key, load=question.load):
            self._answer(question, None)

    def _key(self, question: _Question) -> _Key | None:
        """None if the image is gone or its file cannot be shown."""
        snapshot = self._state.snapshot
        row = snapshot.row_of.get(question.image_id, -1)
        if row < 0 or snapshot.images.states[row] != ImageState.OK:
            return None
        version = snapshot.images.fingerprints[row]
        return _Key(self._model.backbone, question.image_id, version)

    def _request(self, key: _Key, *, load: bool) -> bool:
        try:
            path = self._images.path_of_picture(key.image_id)
        except (KeyError, OSError, UnreadablePhoto) as error:
            log.info("no map of image %s: %s", key.image_id, error)
            return False
        asked = self._model.encode_map(path, load=load)
        if asked is None or asked[0].backbone != key.backbone:
            return False
        with self._lock:
            self._asked = key
        asked[1].add_done_callback(lambda done: self._encoded(key, done))
        return True

    def _encoded(self, key: _Key, done: Future[PhotoMap]) -> None:
        """The encoder has answered, on its client's thread."""
        error = done.exception()
        failed: _Question | None = None
        with self._lock:
            self._asked = None
            if error is None:
                self._keep(key, done.result())
            else:
                log.info("no map of image %s: %s", key.image_id, error)
                if isinstance(error, EncoderError) and error.kind == "unreadable":
                    self._keep(key, None)
                elif self._question is not None and self._question.image_id == key.image_id:
                    failed = self._question  # or it would be asked for again and again
        if failed is not None:
            self._answer(failed, None)
        self._worker.post("region", self._find)

    def _keep(self, key: _Key, found: PhotoMap | None) -> None:
        self._maps[key] = found
        while len(self._maps) > KEPT_MAPS:
            self._maps.popitem(last=False)

    def _region(self, found: PhotoMap, class_id: int) -> Box | None:
        weights = self._state.weights
        if weights is None or class_id not in weights[0]:
            return None
        class_ids, of_classes = weights
        embeddings = of_classes.embeddings
        if of_classes.window_embeddings is not None:
            windows = of_classes.window_embeddings
            embeddings = np.where(np.isnan(windows), embeddings, windows)
        if embeddings.shape[1] != found.cells.shape[2]:  # the backbone is being changed
            return None
        return region(heat(found.cells, embeddings, class_ids.index(class_id)), found.box)

    def _answer(self, question: _Question, box: Box | None) -> None:
        with self._lock:
            if self._question is not question:
                return
            self._question = None
        question.answer(box)

    # ------------------------------------------------------------------------- the backbone

    def _heard(self, notice: Notice) -> None:
        if isinstance(notice, EncoderChanged):
            self._worker.post("regions available", self._backbone_changed)

    def _backbone_changed(self) -> None:
        before, self._windows = self._windows, self._read_windows()
        if before != self._windows:
            self._notify(RegionsAvailable())

    def _read_windows(self) -> int | None:
        facts = self._model.facts()
        return facts.windows if facts is not None else None
