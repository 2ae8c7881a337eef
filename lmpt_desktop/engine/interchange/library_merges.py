"""Merging another library's annotations into this one (Qt-free).

It is read once (:meth:`LibraryMerges.read`), compared as often as the user changes his mind
(:meth:`LibraryMerges.preview`) and merged in one batch (:meth:`LibraryMerges.apply`); until then
nothing changes, and the other library never does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.another_library import (
    AnotherLibrary,
    MergeCancelled,
    read_another_library,
)
from lmpt_desktop.domain.records import Batch, ClassEntry
from lmpt_desktop.engine.annotations import AnnotationEditor
from lmpt_desktop.engine.interchange.compared_annotations import (
    archived_named,
    shown_annotations,
    stored_annotations,
)
from lmpt_desktop.engine.interchange.imports import ImportOutdatedError, ImportResult, Imports
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.vocabulary.editor import VocabularyEditor
from lmpt_desktop.interchange.importing.merging import (
    MergeChoices,
    MergePreview,
    preview_merge,
)
from lmpt_desktop.interchange.reading.source_files import no_progress
from lmpt_desktop.translation import _


@dataclass(frozen=True, eq=False)
class MergeResult:
    """What a merge changed.

    Attributes:
        imported: annotations, marks and classes.
        questions: conflicts that are to be decided in review.
    """

    imported: ImportResult
    questions: int


class LibraryMerges:
    """Merges other libraries into this one; every method may be called from any thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        *,
        imports: Imports,
        vocabulary: VocabularyEditor,
        annotations: AnnotationEditor,
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._imports = imports
        self._vocabulary = vocabulary
        self._annotations = annotations

    def read(
        self,
        path: Path,
        *,
        progress: Callable[[int, int], None] = no_progress,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> AnotherLibrary:
        """Read what another library says of pictures that this one has, too.

        Args:
            path: its folder, its catalogue, or a copy of that.
            progress: called with images read, and images in all.
            cancelled: asked now and then.

        Raises:
            AnotherLibraryError: with a sentence, if it cannot be merged.
            MergeCancelled: if it was cancelled.
        """
        return read_another_library(
            path,
            self._catalogue.library_folder,
            self._catalogue.images.by_picture(),
            progress=progress,
            cancelled=cancelled,
        )

    def preview(
        self,
        other: AnotherLibrary,
        choices: MergeChoices,
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> MergePreview:
        """What merging would change; nothing is.

        Raises:
            MergeCancelled: if it was cancelled.
        """
        archived = self._archived(other, choices)
        return preview_merge(
            other,
            choices,
            shown_annotations(self._catalogue, self._state.snapshot, archived),
            self._catalogue.conflicts.asked(other.name),
            cancelled=cancelled,
        )

    def apply(
        self,
        preview: MergePreview,
        label: str = "",
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> MergeResult:
        """Do what a preview shows: classes, annotations, marks and questions in one transaction,
        undone (but for the classes) in one step.

        Args:
            preview: from :meth:`preview`.
            label: what the undo menu calls it; default: "Merge" and the library's name.
            cancelled: asked until everything is written.

        Raises:
            ImportOutdatedError: if it would do something else now.
            MergeCancelled: if it was cancelled.
            CatalogueError: with a sentence for the user.
            In each case nothing was changed.
        """
        plan, undecided = preview.plan, preview.undecided
        label = label or _("Merge {name}").format(name=preview.other.name)
        if preview.changes_nothing:
            return MergeResult(ImportResult(None, None, 0), 0)

        def check() -> None:
            self._check(preview)
            _stop_if(cancelled)

        def annotate(class_ids: Sequence[int]) -> Batch | None:
            batch = self._imports.write(plan, class_ids, label)
            if batch is None and len(undecided):
                none = np.empty(0, np.int64)
                batch = self._catalogue.annotations.apply_arrays(
                    none, none, none, label=label, action="import"
                )
            if batch is not None:
                ids = np.array(class_ids, np.int64)
                self._catalogue.conflicts.keep(
                    batch.id,
                    preview.other.name,
                    undecided.image_ids,
                    ids[undecided.class_indices],
                    undecided.verdicts,
                )
            _stop_if(cancelled)
            return batch

        step, batch = self._vocabulary.add_for_import(plan.classes, check, annotate)
        if batch is not None:
            self._annotations.show(batch)
        return MergeResult(ImportResult(batch, step, 0), len(undecided))

    def _archived(self, other: AnotherLibrary, choices: MergeChoices) -> list[ClassEntry]:
        if not choices.add_classes:
            return []
        return archived_named(self._catalogue, [spec.name for spec in other.classes])

    def _check(self, preview: MergePreview) -> None:
        """Compare a preview with what it would be now, as the catalogue has it.

        Raises:
            ImportOutdatedError: if it would do something else.
        """
        archived = self._archived(preview.other, preview.choices)
        now = preview_merge(
            preview.other,
            preview.choices,
            stored_annotations(self._catalogue, self._state.snapshot.image_ids, archived),
            self._catalogue.conflicts.asked(preview.other.name),
            only_digest=True,
        )
        if now.digest != preview.digest:
            raise ImportOutdatedError(
                _(
                    "The library has changed since the preview, so nothing was merged. Check the "
                    "preview again."
                )
            )


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise MergeCancelled
