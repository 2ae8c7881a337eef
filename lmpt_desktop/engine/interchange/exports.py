"""Exporting annotations of an open library (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.exporting.exporter import (
    Difference,
    ExportCounts,
    count_export,
    write_and_check,
)
from lmpt_desktop.interchange.exporting.library_records import (
    ExportContent,
    PhotoFacts,
    Predictions,
    ordered_rows,
    records_of,
)
from lmpt_desktop.interchange.exporting.loss_texts import loss_sentence
from lmpt_desktop.interchange.format import ExportFacts, Format, Options, checked_options
from lmpt_desktop.interchange.protected_files import is_inside
from lmpt_desktop.interchange.registry import named
from lmpt_desktop.translation import _


@dataclass(frozen=True, eq=False)
class ExportChoices:
    """All that the user decides.

    Attributes:
        format_name: a row of :data:`~lmpt_desktop.interchange.registry.FORMATS`.
        image_ids: the photos; None for all.
        reviewed_only: of these only those with a reviewed mark.
        predictions: which predictions are exported beside the annotations.
        absolute_paths: instead of paths that are relative to the library's folders.
        options: of the format.
        class_ids: the classes; None for all of the vocabulary.
    """

    format_name: str
    image_ids: NDArray[np.int64] | None = None
    reviewed_only: bool = False
    predictions: Predictions = None
    absolute_paths: bool = False
    options: Options = field(default_factory=dict)
    class_ids: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class ExportPreview:
    """What an export would write; nothing is written.

    Attributes:
        counts: what there is, and what the format cannot hold.
        without_scores: photos of which there is no prediction, though predictions were chosen:
            the model has not read them.
    """

    counts: ExportCounts
    without_scores: int = 0

    @property
    def sentences(self) -> list[str]:
        """What the format cannot hold, for the user; [] if it holds everything."""
        return [loss_sentence(item.loss, item.count) for item in self.counts.losses]


@dataclass(frozen=True)
class ExportResult:
    """What an export has written.

    ``differences``: how the file, read back, differs from what was to be written; () if it does
    not.
    """

    photos: int
    differences: tuple[Difference, ...]


class Exports:
    """Exports of one library; everything may be called from any thread, and none returns at
    once."""

    def __init__(self, catalogue: Catalogue, state: LibraryState) -> None:
        self._catalogue = catalogue
        self._state = state

    def preview(
        self, choices: ExportChoices, *, cancelled: Callable[[], bool] = lambda: False
    ) -> ExportPreview:
        """Count what would be written, and what the format cannot hold.

        Raises:
            InterchangeError: there is no such format or option, or the user cancelled.
            CatalogueError: if the library cannot be read.
        """
        content, facts, format_ = self._prepared(choices)
        counts = count_export(records_of(content), facts, format_, cancelled=cancelled)
        without = 0
        if choices.predictions is not None:
            without = int(np.count_nonzero(~content.snapshot.scored[content.rows]))
        return ExportPreview(counts, without)

    def write(
        self,
        choices: ExportChoices,
        out: Path,
        *,
        replace: bool = False,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> ExportResult:
        """Write a file or folder, all of it or nothing; see :func:`.write_and_check`.

        Args:
            replace: whether what is at ``out`` is replaced.
            progress: called with steps done and steps in all.

        Raises:
            OutputExists: something is there that is not to be replaced.
            OSError, InterchangeError: then nothing was changed; so it is if ``out`` is in the
                library's own folder.
            CatalogueError: if the library cannot be read; then nothing was changed.
        """
        self._refuse_the_library(out)
        content, facts, format_ = self._prepared(choices)
        # Every photo is written, and then read back.
        photos = len(content.rows)
        differences = write_and_check(
            lambda: records_of(content),
            facts,
            format_,
            out,
            replace=replace,
            progress=lambda done: progress(done, 2 * photos),
            cancelled=cancelled,
        )
        return ExportResult(photos, tuple(differences))

    def _refuse_the_library(self, out: Path) -> None:
        """Raises InterchangeError if ``out`` is in the folder of the library's own files."""
        if is_inside(out, self._catalogue.library_folder):
            raise InterchangeError(
                _(
                    "{path} is in the folder that LMPT Desktop keeps for itself. Choose another "
                    "place."
                ).format(path=out)
            )

    def _prepared(self, choices: ExportChoices) -> tuple[ExportContent, ExportFacts, Format]:
        format_ = named(choices.format_name)
        options = checked_options(choices.options, format_.write_options)
        content = self._content(choices)
        classes = tuple(
            ClassSpec(entry.name, entry.description, entry.aliases, entry.colour)
            for entry in (content.snapshot.classes[column] for column in content.columns.tolist())
        )
        return content, ExportFacts(classes, options, self._catalogue.library_folder.name), format_

    def _content(self, choices: ExportChoices) -> ExportContent:
        snapshot = self._state.snapshot
        folders = {folder.id: folder.path for folder in self._catalogue.folders.all()}
        rows = np.arange(len(snapshot.images))
        if choices.image_ids is not None:
            rows = snapshot.rows(np.unique(choices.image_ids))
            rows = rows[rows >= 0]
        if choices.reviewed_only:
            rows = rows[snapshot.reviewed[rows]]
        columns = np.arange(len(snapshot.classes))
        if choices.class_ids is not None:
            columns = np.flatnonzero(np.isin(snapshot.class_ids, choices.class_ids))
        held_out = self._catalogue.runs.held_out()
        return ExportContent(
            snapshot=snapshot,
            folders=folders,
            rows=ordered_rows(snapshot, folders, rows),
            columns=columns,
            predictions=choices.predictions,
            absolute_paths=choices.absolute_paths,
            # Their copies are not learned from, either.
            held_out=self._catalogue.images.of_same_photos(list(held_out)) if held_out else set(),
            facts_of=self._facts,
            sources_of=self._catalogue.annotations.sources,
        )

    def _facts(self, image_ids: NDArray[np.int64]) -> Mapping[int, PhotoFacts]:
        captions = self._catalogue.images.captions(image_ids)
        raw_files: dict[int, tuple[str, ...]] = {}
        for item in self._catalogue.pairs.companions(image_ids):
            if item.is_there:
                name = item.name.rpartition("/")[2]
                raw_files[item.shown_id] = (*raw_files.get(item.shown_id, ()), name)
        return {
            image_id: PhotoFacts(*hashes, captions.get(image_id, ""), raw_files.get(image_id, ()))
            for image_id, hashes in self._catalogue.images.hashes(image_ids).items()
        }
