"""Features of photos as they would be if their pixels were turned, while they are of use
(Qt-free)."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.engine.encoding.encoder import EncoderClient, EncoderError
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.ingest.file_times import is_unchanged

log = logging.getLogger(__name__)


class _Asked:
    """A picture that the encoder was asked for.

    client: which encodes it.
    feature: (D,) float16, of the picture as it is.
    turned: (k, D) float32; None until it is known.
    failed: whether to ask again, because something else than the photo was the reason.
    """

    def __init__(self, client: EncoderClient, feature: NDArray[np.float16]) -> None:
        self.client = client
        self.feature = feature
        self.turned: NDArray[np.float32] | None = None
        self.failed = False

    def is_of(self, backbone: str, feature: NDArray[np.float16]) -> bool:
        """Whether this picture was asked for, and not an earlier one of the image."""
        return self.client.backbone == backbone and self.feature.tobytes() == feature.tobytes()


class TurnedPhotos:
    """Asks the encoder for turned photos, for each picture once, and keeps the answers.

    Used on the session's worker only; answers arrive from other threads.
    """

    def __init__(
        self, catalogue: Catalogue, model: ModelService, arrived: Callable[[], None]
    ) -> None:
        """``arrived`` is called, from any thread, when more is known."""
        self._catalogue = catalogue
        self._model = model
        self._arrived = arrived
        self._asked: dict[int, _Asked] = {}

    def features(
        self, backbone: str, image_id: int, feature: NDArray[np.float16]
    ) -> NDArray[np.float32] | None:
        """Features of a photo turned by 90, 180 and 270 degrees.

        Args:
            backbone: whose features.
            image_id: an image that is not missing.
            feature: (D,) of the picture as it is.

        Returns:
            (3, D) unit norm; (0, D) if there are none: the photo cannot be read, or this session
            has no encoder; None as long as the answer is open, which includes a photo whose file
            has changed since it was scanned.
        """
        if not self._model.starts_encoder:
            return _none(feature)
        asked = self._asked.get(image_id)
        if asked is None or asked.failed or not asked.is_of(backbone, feature):
            self._ask(backbone, image_id, feature)
            return None
        if asked.turned is None or not self._is_unchanged(image_id):
            return None
        return asked.turned

    def keep_only(self, image_ids: Iterable[int]) -> None:
        """Forget the other images."""
        kept = set(image_ids)
        self._asked = {i: asked for i, asked in self._asked.items() if i in kept}

    def _ask(self, backbone: str, image_id: int, feature: NDArray[np.float16]) -> None:
        self._asked.pop(image_id, None)
        [path] = self._catalogue.images.paths([image_id])
        requested = self._model.encode_turned(backbone, path)
        if requested is None:
            return
        client, future = requested
        asked = self._asked[image_id] = _Asked(client, feature.copy())
        future.add_done_callback(lambda done: self._answered(asked, done))

    def _answered(self, asked: _Asked, future: Future[NDArray[np.float32]]) -> None:
        error = future.exception()
        if error is None:
            asked.turned = future.result()
        elif isinstance(error, EncoderError) and error.kind == "unreadable":
            asked.turned = _none(asked.feature)
        else:
            log.info("a turned photo was not encoded: %s", error)
            asked.failed = True
            if self._model.uses(asked.client):
                return  # asked for again when the encoder works again
        self._arrived()

    def _is_unchanged(self, image_id: int) -> bool:
        [file] = self._catalogue.images.files([image_id])
        there = os.path.lexists(file.path)
        return there and is_unchanged(file.path, file.size, file.modified)


def _none(feature: NDArray[np.float16]) -> NDArray[np.float32]:
    return np.zeros((0, len(feature)), np.float32)
