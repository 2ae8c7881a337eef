"""Changes of annotations in an open library (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.records import Absences, ImageIds, distinct
from lmpt_desktop.domain.records import Batch, BatchSummary, Source, Verdict
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.notices import AnnotationsChanged, AnnotationsFollowed, Notice
from lmpt_desktop.inference.confirmation import Confirmation


class AnnotationEditor:
    """Commits verdicts and reviewed marks, and shows them in the snapshot."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        *,
        notify: Callable[[Notice], None],
        images_changed: Callable[[], None],
        classes_changed: Callable[[], None],
    ) -> None:
        """``images_changed`` reads again, soon, the images that were written; ``classes_changed``
        shows the vocabulary as it is now."""
        self._catalogue = catalogue
        self._state = state
        self._notify = notify
        self._images_changed = images_changed
        self._classes_changed = classes_changed

    def annotate(
        self, image_ids: Sequence[int], class_ids: Sequence[int], verdict: Verdict
    ) -> Batch:
        """Give every listed class of every listed image this verdict; committed on return."""
        images, classes = np.asarray(image_ids, np.int64), np.asarray(class_ids, np.int64)
        return self.apply(
            np.repeat(images, len(classes)),
            np.tile(classes, len(images)),
            np.full(len(images) * len(classes), int(verdict), np.int8),
        )

    def apply(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.int8],
        source: Source = Source.USER,
        label: str = "",
        *,
        reviewed_ids: ImageIds = (),
    ) -> Batch:
        """Make many changes at once, each with its own image, class and verdict; committed on
        return, and undone as one.

        Args:
            image_ids, class_ids, verdicts: (n,) each; where the same class of the same image
                is listed twice, the last one counts.
            source: where the verdicts come from.
            label: what the undo menu calls the change, also after a restart; "" for a text made
                from the changes.
            reviewed_ids: images that get the reviewed mark, too; no verdict follows from it.

        Raises:
            CatalogueError: with a sentence for the user; then nothing is changed.
            ValueError: if the lengths differ or a verdict is not valid.
        """
        return self.show(
            self._catalogue.annotations.apply_arrays(
                image_ids, class_ids, verdicts, source, label, reviewed_ids=reviewed_ids
            )
        )

    def mark_reviewed(self, image_ids: Sequence[int], reviewed: bool = True) -> Batch:
        """Mark images as reviewed and their unknown classes as absent, or remove the mark (but
        not the verdicts)."""
        return self.show(
            self._catalogue.annotations.set_reviewed([int(i) for i in image_ids], reviewed)
        )

    def confirm(self, confirmation: Confirmation) -> Batch:
        """Make what is predicted present and the rest absent, and mark the images as reviewed;
        committed on return, and undone as one.

        Presences have the source ``Source.CONFIRMED``; absences are those of a review.  A verdict
        that was given since, by another program perhaps, stays.

        Raises:
            CatalogueError: with a sentence for the user; then nothing is changed.
        """
        stored = self._catalogue.annotations
        image_ids, class_ids = confirmation.image_ids, confirmation.class_ids
        with self._catalogue.transaction():
            unknown = stored.matrix(image_ids, class_ids) < 0
            rows, columns = np.nonzero(confirmation.present & unknown)
            batch = stored.apply_arrays(
                image_ids[rows],
                class_ids[columns],
                np.full(len(rows), Verdict.PRESENT, np.int8),
                Source.CONFIRMED,
                action="confirmed",
                reviewed_ids=image_ids,
                absences=Absences(image_ids, class_ids, confirmation.absent),
            )
        return self.show(batch)

    def show_followed(self, batch: Batch) -> None:
        """Bring the snapshot up to date with annotations that followed their photos, and
        notify."""
        self.show(batch)
        self._images_changed()
        self._notify(AnnotationsFollowed(batch.id, batch.label))

    def receivers(self, batch_ids: Sequence[int]) -> list[int]:
        """The images to which these changes moved annotations, ascending; none of a change that
        was undone.  Reads the catalogue."""
        return self._catalogue.transfers.receivers(batch_ids)

    def undo(self, batch: Batch | int) -> Batch:
        """Revert exactly what ``batch`` (or the batch of that id) changed, except where
        something newer has changed it since; returns the change that did so."""
        return self._toggle(batch)

    def redo(self, batch: Batch | int) -> Batch:
        """Repeat what ``undo(batch)`` reverted (``batch`` is the original one)."""
        return self._toggle(batch)

    def _toggle(self, batch: Batch | int) -> Batch:
        made = self.show(self._catalogue.annotations.toggle_undo(batch))
        # Annotations may have gone back to an image that was not shown any longer.
        self._images_changed()
        if made.vocabulary:
            self._classes_changed()
        return made

    def write_timeout(self, seconds: float) -> AbstractContextManager[None]:
        """Within it, changes made by this thread wait at most this long while another process
        writes; then they raise CatalogueLocked and change nothing."""
        return self._catalogue.write_timeout(seconds)

    def history(self, limit: int = 100) -> list[BatchSummary]:
        """The last changes that can be undone and redone, oldest first, including those made
        before the library was opened.  Reads the catalogue."""
        return self._catalogue.annotations.history(limit)

    def show(self, batch: Batch) -> Batch:
        """Bring the snapshot up to date with a committed change, and notify if there is any."""
        stored = self._catalogue.annotations
        self._state.apply(batch, stored.matrix, stored.reviewed)
        images = distinct(batch.image_ids, batch.reviewed_ids)
        if len(images):  # a notice of no image would be of any
            self._notify(AnnotationsChanged(tuple(images.tolist())))
        return batch
