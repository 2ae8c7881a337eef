"""Photos whose picture was edited after it was annotated (Qt-free).

Their annotations followed from the image that was there before.  The user says whether they still
hold, or that this is another photo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.domain.records import Batch
from lmpt_desktop.engine.annotations import AnnotationEditor
from lmpt_desktop.engine.library_state import LibraryState


class EditedPhotos:
    """What the user decides about edited photos."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        annotations: AnnotationEditor,
        *,
        images_changed: Callable[[], None],
    ) -> None:
        """``images_changed`` reads again, soon, the images that were written."""
        self._catalogue = catalogue
        self._state = state
        self._annotations = annotations
        self._images_changed = images_changed

    def edited(self, image_ids: ImageIds) -> NDArray[np.int64]:
        """Those of these images that were edited and not looked at since: (n,) int64."""
        snapshot = self._state.snapshot
        requested = np.asarray(image_ids, np.int64)
        rows = snapshot.rows(requested)
        known = rows >= 0
        return requested[known][snapshot.images.edited[rows[known]]]

    def separable(self, image_ids: ImageIds) -> list[int]:
        """Those of these images whose annotations can go back to the photo that had them.  Reads
        the catalogue."""
        edited = self.edited(image_ids).tolist()
        known = self._catalogue.transfers.predecessors(edited)
        return [image_id for image_id in edited if image_id in known]

    def confirm(self, image_ids: ImageIds) -> int:
        """The annotations of these images still hold: they are no longer listed.

        Returns:
            How many were.

        Raises:
            CatalogueError: with a sentence for the user; then nothing is changed.
        """
        edited = self.edited(image_ids).tolist()
        if edited:
            self._catalogue.transfers.set_edited(edited, False)
            self._images_changed()
        return len(edited)

    def separate(self, image_ids: Sequence[int], label: str) -> Batch:
        """These are other photos: what followed to them goes back to the images that had it, which
        are missing, and does not come again.

        Args:
            image_ids: of :meth:`separable`.
            label: what the undo menu calls the change.

        Raises:
            CatalogueError: with a sentence for the user; then nothing is changed.
        """
        batch = self._annotations.show(self._catalogue.transfers.separate(image_ids, label))
        self._images_changed()
        return batch
