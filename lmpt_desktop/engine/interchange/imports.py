"""Taking in annotations of other programs (Qt-free).

An import is read once (:meth:`Imports.survey`), looked at as often as the user changes his mind
(:meth:`Imports.preview`) and made in one batch (:meth:`Imports.apply`); until then nothing changes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Absences, Catalogue
from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.domain import ignore_list
from lmpt_desktop.domain.ignore_list import IgnoreList
from lmpt_desktop.domain.records import Batch, ClassEntry, ImageState, ImageTable
from lmpt_desktop.engine.annotations import AnnotationEditor
from lmpt_desktop.engine.interchange.addable_folders import AddableFolder, find_addable
from lmpt_desktop.engine.interchange.compared_annotations import (
    archived_named,
    shown_annotations,
    stored_annotations,
)
from lmpt_desktop.engine.interchange.left_side_files import keywords_left
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.vocabulary.editor import VocabularyEditor, VocabularyStep
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.errors import Cancelled, InterchangeError
from lmpt_desktop.interchange.format import Options, Target, checked_options
from lmpt_desktop.interchange.importing import survey as surveys
from lmpt_desktop.interchange.importing.choices import ImportChoices
from lmpt_desktop.interchange.importing.importer import (
    ImportPlan,
    ImportPreview,
    LibraryAnnotations,
    preview_import,
)
from lmpt_desktop.interchange.importing.matching import LibraryPhotos, MatchRule
from lmpt_desktop.interchange.importing.survey import SOURCES, Survey
from lmpt_desktop.interchange.reading.source_files import no_progress
from lmpt_desktop.interchange.registry import Detected
from lmpt_desktop.translation import _
from trainer import checked_json
from trainer.checked_json import JsonError

log = logging.getLogger(__name__)

MAX_HASH_LENGTH = 200
ADDED_CLASSES = "classes_added_by_imports"
"""Key in the catalogue's settings: the ids of the classes that each import, by batch id, added."""
REMEMBERED_IMPORTS = 100
"""Of how many imports the added classes are remembered."""


class ImportOutdatedError(InterchangeError):
    """The library has changed since the preview; the message is a sentence for the user."""


@dataclass(frozen=True, eq=False)
class ImportResult:
    """What an import changed.

    Attributes:
        batch: its annotations and marks; None if it changed none.
        classes: the classes that it added; None if it added none.
        held_out: how many of the annotations are on photos that are kept for testing.
    """

    batch: Batch | None
    classes: VocabularyStep | None
    held_out: int

    @property
    def annotations(self) -> int:
        """How many annotations changed."""
        return 0 if self.batch is None else len(self.batch.image_ids)

    @property
    def photos(self) -> int:
        """How many photos got annotations or a mark."""
        if self.batch is None:
            return 0
        return len(np.union1d(self.batch.image_ids, self.batch.reviewed_ids))


class Imports:
    """Imports annotations into a library; every method may be called from any thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        *,
        vocabulary: VocabularyEditor,
        annotations: AnnotationEditor,
        ignore: Callable[[], IgnoreList] = lambda: ignore_list.DEFAULT,
    ) -> None:
        """``ignore``: what scans leave out."""
        self._ignore = ignore
        self._catalogue = catalogue
        self._state = state
        self._vocabulary = vocabulary
        self._annotations = annotations
        self._lock = threading.Lock()
        self._photos: tuple[Survey, ImageTable, dict[int, Path], LibraryPhotos] | None = None

    # -------------------------------------------------------------------------- reading a file

    def formats(self, path: Path) -> list[Detected]:
        """The formats that recognise a file or folder, the likeliest first; [] if none does.

        Raises:
            InterchangeError: with a sentence, if it cannot be read.
        """
        return registry.detect(path)

    def survey(
        self,
        path: Path,
        format_name: str,
        options: Options,
        *,
        progress: Callable[[int, int], None] = no_progress,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Survey:
        """Read all that a file or folder says.

        Raises:
            InterchangeError: with a sentence, if it cannot be read at all, the format has no such
                option, or the user cancelled.
        """
        format_ = registry.named(format_name)
        photos: tuple[Path, ...] = ()
        left: Mapping[Path, Mapping[str, Sequence[str]]] = {}
        companions: dict[Path, list[Path]] = {}
        if format_.needs_photos or format_.target is Target.BESIDE_PHOTOS:
            photos = self._photo_paths()
        if format_.target is Target.BESIDE_PHOTOS:
            left = keywords_left(self._catalogue, self._state.snapshot)
            companions = self._companions()
        options = checked_options(options, format_.options(path))
        return surveys.survey(
            path,
            format_name,
            options,
            photos=photos,
            left=left,
            companions=companions,
            progress=progress,
            cancelled=cancelled,
        )

    # --------------------------------------------------------------------------------- looking

    def photos(self, survey: Survey) -> LibraryPhotos:
        """The library's photos, missing and unreadable ones included, as matching needs them; the
        same object as before while neither the photos nor the survey have changed."""
        table = self._state.snapshot.images
        folders = {folder.id: folder.path for folder in self._catalogue.folders.all()}
        with self._lock:
            if self._photos is not None:
                *made_of, photos = self._photos
                if made_of[0] is survey and made_of[1] is table and made_of[2] == folders:
                    return photos
        hashes = _hashes(survey)
        companions: dict[int, list[str]] = {}
        for item in self._catalogue.pairs.companions():
            companions.setdefault(item.shown_id, []).append(item.name.rpartition("/")[2])
        photos = LibraryPhotos(
            image_ids=table.ids,
            folders=folders,
            folder_ids=table.folder_ids,
            names=table.names,
            missing=table.states == ImageState.MISSING,
            by_hash=self._catalogue.images.with_hashes(hashes),
            hashes=self._catalogue.images.hashes(table.ids) if hashes else {},
            companions=companions,
        )
        with self._lock:
            self._photos = (survey, table, folders, photos)
        return photos

    def preview(
        self,
        survey: Survey,
        choices: ImportChoices,
        previous: ImportPreview | None = None,
        *,
        progress: Callable[[int, int], None] = no_progress,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> ImportPreview:
        """What importing would change; nothing is.

        Args:
            survey: what was read.
            choices: what the user has decided so far.
            previous: a preview of the same survey, whose matches are used again where neither the
                photos nor what is changed about paths differ.
            progress: called with images of the file matched, and images in all.
            cancelled: asked while they are matched.

        Raises:
            Cancelled: if it was cancelled.
            FileTooLarge: if it is about too many annotations for one import.
        """
        archived = self._archived(survey, choices)
        annotations = shown_annotations(self._catalogue, self._state.snapshot, archived)
        return self._preview(
            survey, choices, annotations, previous, progress=progress, cancelled=cancelled
        )

    def addable_folders(self, preview: ImportPreview) -> list[AddableFolder]:
        """Folders outside the library that hold photos of the file, the one with most first.

        Looks for at most a thousand of the photos that were not found, where the file says they
        are, and beside the file.  Reads the disk.
        """
        references = preview.survey.references
        lost = np.flatnonzero(preview.matches.rules == MatchRule.UNMATCHED).tolist()
        return find_addable(
            [references[number] for number in lost],
            preview.survey.path,
            [folder.path for folder in self._catalogue.folders.all()],
            self._ignore(),
        )

    # ------------------------------------------------------------------------------- changing

    def apply(
        self,
        preview: ImportPreview,
        label: str = "",
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> ImportResult:
        """Do what a preview shows: classes, annotations and marks in one transaction, undone (but
        for the classes) in one step.

        Args:
            preview: from :meth:`preview`.
            label: what the undo menu calls it; default: "Import" and the file's name.
            cancelled: asked until everything is written.

        Raises:
            ImportOutdatedError: if it would do something else now.
            Cancelled: if it was cancelled.
            CatalogueError: with a sentence for the user.
            In each case nothing was changed.
        """
        plan = preview.plan
        label = label or _("Import {name}").format(name=preview.survey.path.name)
        if plan.is_empty:
            return ImportResult(None, None, 0)

        def check() -> None:
            self._check(preview)
            _stop_if(cancelled)

        def annotate(class_ids: Sequence[int]) -> Batch | None:
            batch = self.write(plan, class_ids, label)
            _stop_if(cancelled)
            return batch

        step, batch = self._vocabulary.add_for_import(plan.classes, check, annotate)
        if batch is not None:
            self._annotations.show(batch)
        return ImportResult(batch, step, preview.held_out)

    def write(self, plan: ImportPlan, class_ids: Sequence[int], label: str) -> Batch | None:
        """Write what a plan changes, in the transaction that this is part of; None if that is
        nothing.  Which classes it added is remembered.

        Args:
            plan: what to change.
            class_ids: the ids of its classes.
            label: what the undo menu calls it.
        """
        ids = np.array(class_ids, np.int64)
        if not len(plan.image_ids) and not len(plan.reviewed_ids) and plan.declared is None:
            return None
        absences = None
        if plan.declared is not None:
            declared = plan.declared
            absences = Absences(declared.image_ids, ids[declared.classes], declared.cells)
        batch = self._catalogue.annotations.apply_arrays(
            plan.image_ids,
            ids[plan.class_indices],
            plan.verdicts,
            [SOURCES[number] for number in plan.sources.tolist()],
            label,
            reviewed_ids=plan.reviewed_ids,
            absences=absences,
        )
        new = [
            class_id
            for class_id, item in zip(class_ids, plan.classes, strict=True)
            if not isinstance(item, ClassEntry) or item.archived
        ]
        if new:
            self._remember_added(batch.id, new)
        return batch

    def unused_classes(self, batch_ids: int | Sequence[int]) -> list[ClassEntry]:
        """Classes of the vocabulary that these imports added and that have no annotation (any
        more): after an import was undone they can be archived.

        Args:
            batch_ids: of imports; others have added none.
        """
        requested = [batch_ids] if isinstance(batch_ids, int) else batch_ids
        added = self._added()
        ids = {class_id for batch in requested for class_id in added.get(str(batch), ())}
        entries = [entry for entry in self._catalogue.classes.all() if entry.id in ids]
        if not entries:
            return []
        _images, used, _verdicts = self._catalogue.annotations.of_classes(
            [entry.id for entry in entries]
        )
        return [entry for entry in entries if entry.id not in set(np.unique(used).tolist())]

    # ---------------------------------------------------------------------------------- inside

    def _photo_paths(self) -> tuple[Path, ...]:
        """Absolute paths of the photos that are not missing."""
        table = self._state.snapshot.images
        folders = {folder.id: folder.path for folder in self._catalogue.folders.all()}
        return tuple(
            folders[folder_id] / name
            for folder_id, name, state in zip(
                table.folder_ids.tolist(), table.names, table.states.tolist(), strict=True
            )
            if folder_id in folders and state != ImageState.MISSING
        )

    def _companions(self) -> dict[Path, list[Path]]:
        """Files that are shown as part of a photo, by its absolute path."""
        found = [item for item in self._catalogue.pairs.companions() if item.is_there]
        shown = list(dict.fromkeys(item.shown_id for item in found))
        paths = dict(zip(shown, self._catalogue.images.paths(shown), strict=True))
        companions: dict[Path, list[Path]] = {}
        for item in found:
            companions.setdefault(paths[item.shown_id], []).append(Path(item.path))
        return companions

    def _archived(self, survey: Survey, choices: ImportChoices) -> list[ClassEntry]:
        """Archived classes that adding a class of the file could bring back."""
        keys = {name_key(choice.name) for choice in choices.classes.values()}
        return archived_named(self._catalogue, survey.class_names, keys)

    def _preview(
        self,
        survey: Survey,
        choices: ImportChoices,
        annotations: LibraryAnnotations,
        previous: ImportPreview | None,
        *,
        progress: Callable[[int, int], None] = no_progress,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> ImportPreview:
        photos = self.photos(survey)
        matches = None
        if (
            previous is not None
            and previous.survey is survey
            and previous.photos is photos
            and previous.choices.paths == choices.paths
        ):
            matches = previous.matches
        return preview_import(
            survey,
            choices,
            photos,
            annotations,
            matches=matches,
            progress=progress,
            cancelled=cancelled,
        )

    def _check(self, preview: ImportPreview) -> None:
        """Compare a preview with what it would be now, as the catalogue has it: the snapshot may
        be behind.

        Raises:
            ImportOutdatedError: if it would do something else.
        """
        survey, choices = preview.survey, preview.choices
        archived = self._archived(survey, choices)
        now = stored_annotations(self._catalogue, self._state.snapshot.image_ids, archived)
        if not preview.plan.same_as(self._preview(survey, choices, now, preview).plan):
            raise ImportOutdatedError(
                _(
                    "The library has changed since the preview, so nothing was imported. Check the "
                    "preview again."
                )
            )

    def _added(self) -> dict[str, list[int]]:
        try:
            stored = self._catalogue.settings.get(ADDED_CLASSES, {})
            found = checked_json.to_type(stored, dict[str, list[int]])
        except JsonError as error:
            log.warning("the classes that imports added are not known: %s", error)
            return {}
        return {key: ids for key, ids in found.items() if key.isdecimal() and key.isascii()}

    def _remember_added(self, batch_id: int, class_ids: Sequence[int]) -> None:
        added = self._added() | {str(batch_id): list(class_ids)}
        newest = sorted(added, key=int)[-REMEMBERED_IMPORTS:]
        self._catalogue.settings.set(ADDED_CLASSES, {key: added[key] for key in newest})


def _hashes(survey: Survey) -> set[str]:
    """The hashes in a file that can be hashes of ours."""
    found = {
        value
        for item in survey.references
        for value in (item.fingerprint, item.file_hash, item.picture_hash)
    }
    return {value for value in found if value.isascii() and 0 < len(value) <= MAX_HASH_LENGTH}


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled(_("The import was cancelled."))
