"""Finds out whether a file that holds another picture now holds an edited one (Qt-free).

The scan leaves the annotations with the old image, which is missing.  Once both pictures have a
feature they are compared: an edited photo gets the annotations, another photo does not.  Features
of a photo change when its pixels are turned, so pairs that are not alike are compared once more,
with the new photo turned back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Batch, Succession, TransferReason
from lmpt_desktop.engine.files.turned_photos import TurnedPhotos
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.inference.likeness import Likeness
from lmpt_desktop.ingest.follow import followed_text

log = logging.getLogger(__name__)

Turned = Callable[[int, NDArray[np.float16]], NDArray[np.float32] | None]
"""Of an image and its feature (D,): features of the photo turned, (k, D), or None as long as they
are not known."""

SPACING_SECONDS = 1.0
"""Arriving features are compared at intervals of at least this length."""
UNCHANGED = 0.9995
"""From this cosine on the picture is the same to the eye, and needs no second look."""


class EditDetector:
    """Compares the pictures of images that lost their place with those that took it."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        model: ModelService,
        worker: Worker,
        followed: Callable[[Batch], None],
    ) -> None:
        """``followed`` shows annotations that went to an edited photo."""
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._worker = worker
        self._followed = followed
        self._turned = TurnedPhotos(catalogue, model, self.expect)
        self._waiting = True

    def expect(self) -> None:
        """There is more to compare: a scan has found another picture in an annotated image's
        place, or a photo was encoded as if it were turned."""
        self._waiting = True
        self.features_arrived()

    def features_arrived(self) -> None:
        """Compare, in the background, what can be compared now."""
        if self._waiting:
            self._worker.post("edited photos", self._compare, SPACING_SECONDS)

    def _compare(self) -> None:
        everything = self._state.features().matrix
        backbone = self._model.backbone
        turned = partial(self._turned.features, backbone)
        compared = compare_replaced(self._catalogue, backbone, everything, turned)
        self._waiting = bool(compared.waiting)
        self._turned.keep_only(compared.waiting)
        for batch in compared.followed:
            self._followed(batch)


@dataclass(frozen=True)
class Comparison:
    """``followed``: changes that gave annotations to edited photos; ``waiting``: the new images of
    pairs that cannot be compared yet."""

    followed: list[Batch]
    waiting: set[int]


def no_turned(_image_id: int, feature: NDArray[np.float16]) -> NDArray[np.float32]:
    """Where photos cannot be turned: (0, D)."""
    return np.zeros((0, len(feature)), np.float32)


def compare_replaced(
    catalogue: Catalogue,
    backbone: str,
    everything: NDArray[np.floating],
    turned: Turned = no_turned,
) -> Comparison:
    """Compare annotated images that lost their place with what took it, as far as both have a
    feature, and let the annotations of edited photos follow.

    Args:
        catalogue: of the library.
        backbone: whose features to compare.
        everything: (n, D) features of the library's photos: what its photos have in common.
        turned: asked for the new photo of every pair that is not alike.

    Raises:
        CatalogueError: if it could not be written.
    """
    pairs = catalogue.transfers.displaced()
    if not pairs:
        return Comparison([], set())
    # From the catalogue, which knows whether a feature is of the picture as it is now.
    ids, features = catalogue.features.load(
        backbone, [image for pair in pairs for image in pair[:2]]
    )
    row_of = {image_id: row for row, image_id in enumerate(ids.tolist())}
    ready = [pair for pair in pairs if pair.image_id in row_of and pair.successor_id in row_of]
    if not ready:
        return Comparison([], {pair.successor_id for pair in pairs})
    old = features[[row_of[pair.image_id] for pair in ready]]
    new = features[[row_of[pair.successor_id] for pair in ready]]
    dates = np.array([pair.dates for pair in ready], np.int8)
    likeness = Likeness(everything)
    alike = likeness.is_same_photo(old, new, dates)
    waiting = {pair.successor_id for pair in pairs} - {pair.successor_id for pair in ready}
    undecided = np.zeros(len(ready), np.bool_)
    for row in np.flatnonzero(~alike).tolist():
        variants = turned(ready[row].successor_id, new[row])
        if variants is None:
            undecided[row] = True
            waiting.add(ready[row].successor_id)
        else:
            alike[row] = likeness.is_turned_photo(old[row], variants, ready[row].dates)
    equal = np.einsum("nd,nd->n", old.astype(np.float32), new.astype(np.float32)) >= UNCHANGED
    unlike = ~alike & ~undecided
    catalogue.transfers.mark_unlike(_chosen(ready, unlike), TransferReason.EDIT)
    log.info(
        "compared %d replaced photos: %d are edited, %d are others",
        len(ready),
        int(alike.sum()),
        int(unlike.sum()),
    )
    batches: list[Batch] = []
    for chosen, edited in ((alike & ~equal, True), (alike & equal, False)):
        moves = _chosen(ready, chosen)
        if moves:
            batches.append(
                catalogue.transfers.follow(
                    moves, TransferReason.EDIT, followed_text(len(moves)), edited=edited
                )
            )
    return Comparison([batch for batch in batches if len(batch)], waiting)


def _chosen(pairs: Iterable[Succession], mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    return [pair[:2] for pair, wanted in zip(pairs, mask.tolist(), strict=True) if wanted]
