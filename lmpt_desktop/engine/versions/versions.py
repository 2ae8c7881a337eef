"""The versions (prompt sets) of a library: list, promote, compare, export, import (Qt-free)."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.catalogue.housekeeping import PROMPT_SETS
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.bounded_dict import BoundedDict
from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.engine.class_weights import Version, write_learned_texts
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import Notice, VersionsChanged
from lmpt_desktop.engine.versions.comparison import Comparison, Evidence, compare_versions
from lmpt_desktop.engine.versions.learned_cells import learned_cells
from lmpt_desktop.engine.versions.version_files import (
    IncomingVersion,
    VersionFileError,
    read_version,
    write_version,
)
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.translation import _, join_names
from trainer import prompt_set as prompt_sets
from trainer.prompt_set import ClassResult, Evaluation, PromptSet, PromptSetError

log = logging.getLogger(__name__)

REPLACES = "replaces"
"""In a run's settings: the prompt set that was active when it began, or None."""
ZERO_SHOT = 0
"""The version id that stands for no prompt set."""


@dataclass(frozen=True)
class VersionInfo:
    """A prompt set as the Versions list shows it.  ``version_id`` 0 is zero-shot (no prompt
    set), which is always available.

    ``annotations`` and ``images`` are the numbers it was learned from, None if unknown;
    ``present`` is the number of present annotations.  ``name`` and ``note`` are the user's.
    """

    version_id: int
    created: str
    """ISO 8601, UTC; "" for zero-shot."""
    backbone: str
    active: bool
    promoted: bool
    """Whether it was ever promoted."""
    classes: int
    evaluation: Evaluation | None
    run_id: int | None
    name: str = ""
    note: str = ""
    annotations: int | None = None
    images: int | None = None
    present: int = 0
    method: str = ""


@dataclass(frozen=True)
class ImportedVersion:
    """A version that was imported, and its classes that this library lacks."""

    version: VersionInfo
    unknown: tuple[str, ...]


KEPT_BYTES = 128 << 20
"""Of versions that were read: with 80 classes a few hundred KB each, with 1,000 about 40 MB."""
_CLASS_BYTES = 2048
"""What a class takes beside arrays: its name, its results."""


def _bytes(version: PromptSet) -> int:
    """Memory that a version takes, about."""
    parts = [vars(version), vars(version.kernel) if version.kernel is not None else {}]
    arrays = [item for part in parts for item in part.values() if isinstance(item, np.ndarray)]
    return sum(array.nbytes for array in arrays) + _CLASS_BYTES * len(version.classes)


class Versions:
    """The prompt sets of one library."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        model: ModelService,
        notify: Callable[[Notice], None],
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._notify = notify
        self._library = catalogue.library_folder
        self._loaded = BoundedDict[int, PromptSet](KEPT_BYTES, _bytes)

    # ------------------------------------------------------------------------------ asking

    def all(self) -> list[VersionInfo]:
        """Newest first, zero-shot last; versions that cannot be read are left out."""
        active = self._catalogue.prompt_sets.active(self._model.backbone)
        infos = [self._info(record, active) for record in self._catalogue.prompt_sets.all()]
        zero_shot = VersionInfo(
            ZERO_SHOT, "", self._model.backbone, active is None, True, 0, None, None
        )
        return [*(item for item in infos if item is not None), zero_shot]

    def prompt_set(self, version_id: int) -> PromptSet:
        """What a version holds.

        Raises:
            KeyError: if there is none of that id.
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        return self._load(self._get(version_id))

    def readable(self) -> list[tuple[PromptSetRecord, PromptSet]]:
        """The versions of the backbone in use that can be read, newest first.  Reads the
        catalogue."""
        found: list[tuple[PromptSetRecord, PromptSet]] = []
        for record in self._catalogue.prompt_sets.all():
            if record.backbone != self._model.backbone:
                continue
            try:
                found.append((record, self._load(record)))
            except PromptSetError as error:
                log.warning("version %d is left out: %s", record.id, error)
        return found

    def _info(self, record: PromptSetRecord, active: PromptSetRecord | None) -> VersionInfo | None:
        try:
            prompt_set = self._load(record)
        except PromptSetError as error:
            log.warning("version %d is left out: %s", record.id, error)
            return None
        return VersionInfo(
            version_id=record.id,
            created=record.created.isoformat(),
            backbone=record.backbone,
            active=active is not None and active.id == record.id,
            promoted=record.promoted,
            classes=len(prompt_set.classes),
            evaluation=prompt_set.evaluation,
            run_id=record.run_id,
            name=record.name,
            note=record.note,
            annotations=_count(record.data.get("annotations")),
            images=_count(record.data.get("images")),
            present=int(prompt_set.train_present.sum()),
            method=prompt_set.method,
        )

    def _load(self, record: PromptSetRecord) -> PromptSet:
        found = self._loaded.get(record.id)
        return found or self._loaded.put(record.id, prompt_sets.load_to_predict(record.folder))

    # ---------------------------------------------------------------------------- changing

    def promote(self, version_id: int) -> None:
        """Predict with this version from now on (0: zero-shot).

        Raises:
            KeyError: if there is none of that id.
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        if version_id == ZERO_SHOT:
            self._catalogue.prompt_sets.promote_zero_shot(self._model.backbone)
        else:
            record = self._get(version_id)
            self._load(record)
            self._catalogue.prompt_sets.promote(record.id)
            if record.backbone != self._model.backbone:
                self._model.set_backbone(record.backbone)
        self._model.refresh()
        self._notify(VersionsChanged())

    def roll_back(self) -> None:
        """Predict with what was active before the last promotion."""
        self._catalogue.prompt_sets.roll_back(self._model.backbone)
        self._model.refresh()
        self._notify(VersionsChanged())

    def discard(self, version_id: int) -> None:
        """Delete a version that is not active.

        Raises:
            KeyError: if there is none of that id.
            ValueError: if it is active.
        """
        record = self._get(version_id)
        active = self._catalogue.prompt_sets.active(record.backbone)
        if active is not None and active.id == version_id:
            raise ValueError(_("This version is in use. Choose another one first."))
        self._catalogue.prompt_sets.discard(version_id)
        self._loaded.forget(version_id)
        shutil.rmtree(record.folder, ignore_errors=True)
        self._notify(VersionsChanged())

    def rename(self, version_id: int, name: str) -> None:
        """Name a version; "" for its date alone."""
        self._catalogue.prompt_sets.rename(self._get(version_id).id, name)
        self._notify(VersionsChanged())

    def set_note(self, version_id: int, note: str) -> None:
        """Keep a note on a version."""
        self._catalogue.prompt_sets.annotate(self._get(version_id).id, note)
        self._notify(VersionsChanged())

    def bind_classes(self) -> None:
        """Record the class id of each name of older prompt sets that lack them; call this before a
        class is renamed, while names still identify classes."""
        unbound = [item for item in self._catalogue.prompt_sets.all() if not item.class_ids]
        if not unbound:
            return
        ids = {name_key(entry.name): entry.id for entry in self._catalogue.classes.all()}
        for record in unbound:
            try:
                names = self._load(record).classes
            except PromptSetError as error:
                log.warning("version %d cannot be read: %s", record.id, error)
                continue
            found = {name: ids[name_key(name)] for name in names if name_key(name) in ids}
            if found:
                self._catalogue.prompt_sets.bind_classes(record.id, found)
                self._model.forget_version(record.id)

    # ------------------------------------------------------------------------------- files

    def export(self, version_id: int, target: Path) -> None:
        """Export a version as a folder or, where ``target`` ends in ``.zip``, a zip.

        Raises:
            KeyError: if there is none of that id.
            VersionFileError: with what went wrong.
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        write_version(self._get(version_id), target)

    def import_from(self, source: Path) -> ImportedVersion:
        """Import a version from a folder or zip; it is not in use until it is promoted.

        Only one folder below the library's ``prompt_sets`` is written.

        Raises:
            VersionFileError: with the reason, in a sentence.
            CatalogueError: if the library is no longer where it was opened, or the disk refuses.
        """
        place = self._catalogue.make_folder(PROMPT_SETS)
        incoming = read_version(source, place)
        self._check_fit(incoming)
        class_ids, unknown = self._classes_of(incoming.prompt_set.classes)
        if not class_ids:
            raise VersionFileError(
                _(
                    "None of the classes this version has learned ({names}) is in the vocabulary. "
                    "Add those you want first, then import it."
                ).format(names=join_names(unknown))
            )
        folder = place / f"imported-{uuid.uuid4().hex[:12]}"
        try:
            prompt_sets.save(incoming.prompt_set, folder)
            write_learned_texts(folder, incoming.learned)
            scores = incoming.prompt_set.evaluation
            record = self._catalogue.prompt_sets.add(
                folder,
                incoming.prompt_set.backbone,
                metrics=vars(scores.scores) if scores else {},
                name=incoming.name or source.stem,
                note=incoming.note,
                data=dict(incoming.data),
                class_ids=class_ids,
            )
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise VersionFileError(
                _("The version cannot be saved: {reason}.").format(reason=reason_of(error))
            ) from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        active = self._catalogue.prompt_sets.active(self._model.backbone)
        info = self._info(record, active)
        assert info is not None  # it was written a moment ago
        self._notify(VersionsChanged())
        return ImportedVersion(info, unknown)

    def _check_fit(self, incoming: IncomingVersion) -> None:
        made_with = incoming.prompt_set.backbone
        if made_with != self._model.backbone:
            raise VersionFileError(
                _(
                    "This version was made with the backbone {other}, and this library uses "
                    "{backbone}. Choose {other} under Model > Backbone first."
                ).format(other=made_with, backbone=self._model.backbone)
            )
        facts = self._model.facts()
        dim = incoming.prompt_set.class_embeddings.shape[1]
        if facts is not None and dim != facts.dim:
            raise VersionFileError(
                _(
                    "This version does not fit the backbone {backbone}: it has {dim} numbers per "
                    "class instead of {wanted}."
                ).format(backbone=made_with, dim=dim, wanted=facts.dim)
            )

    def _classes_of(self, names: list[str]) -> tuple[dict[str, int], tuple[str, ...]]:
        """The class id of each name (by class name first, then by alias; archived classes too),
        and the names of no class."""
        ids: dict[str, int] = {}
        entries = self._catalogue.classes.all(archived=True)
        for entry in entries:
            ids.setdefault(name_key(entry.name), entry.id)
        for entry in entries:
            for alias in entry.aliases:
                ids.setdefault(name_key(alias), entry.id)
        found: dict[str, int] = {}
        for name in names:
            class_id = ids.get(name_key(name))
            if class_id is not None and class_id not in found.values():
                found[name] = class_id
        return found, tuple(name for name in names if name not in found)

    # --------------------------------------------------------------------------- comparing

    def compare_run(self, run_id: int) -> Comparison:
        """Compare the version of a run with the predictions without it.

        Without it means: the active version or, if the run's version is active, the one that
        was active before it.

        Raises:
            KeyError: if the run made no version, or it was discarded.
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        record = self._of_run(run_id)
        prompt_set, before = self._load(record), self._before(record)
        same = record.backbone == self._model.backbone
        return compare_versions(
            self._state,
            self._model.weights_with(before) if same else None,
            self._model.weights_with(record),
            self._evidence(before, record),
            version_id=record.id,
            old_version_id=ZERO_SHOT if before is None else before.id,
            run_id=run_id,
            figures=prompt_set.evaluation.extra if prompt_set.evaluation else None,
        )

    def compare(self, old_id: int, new_id: int) -> Comparison:
        """Compare any two versions (0: zero-shot), on all predictions and on the held-out images
        with the verdicts of *now*, the same for both; takes seconds for a large library.

        Raises:
            KeyError: if one is gone.
            ValueError: if one is of another backbone than the one in use.
            trainer.prompt_set.PromptSetError: if one cannot be read.
        """
        records = [None if i == ZERO_SHOT else self._get(i) for i in (old_id, new_id)]
        for record in records:
            if record is not None and record.backbone != self._model.backbone:
                raise ValueError(
                    _(
                        "Only versions of the backbone in use ({backbone}) can be compared. "
                        "Choose {other} under Model > Backbone first."
                    ).format(backbone=self._model.backbone, other=record.backbone)
                )
        old, new = (self._model.weights_with(record) for record in records)
        if old is None or new is None:
            raise ValueError(_("The model has not been loaded yet. Wait a moment."))
        return compare_versions(
            self._state,
            old,
            new,
            self._evidence(*records),
            version_id=new_id,
            old_version_id=old_id,
        )

    def candidate(self) -> ClassWeights | None:
        """The weights of the newest version, if a run made it and it was never used: it may take
        the place of the one in use.  None without one.  Reads the catalogue."""
        for record in self._catalogue.prompt_sets.all():
            if record.backbone != self._model.backbone:
                continue
            if record.run_id is None or record.promoted:
                return None
            try:
                return self._model.weights_with(record)
            except PromptSetError as error:
                log.warning("version %d cannot be read: %s", record.id, error)
        return None

    def trained_images(self) -> set[int]:
        """Images that any version that can still be read was trained on.  Reads the catalogue."""
        found: set[int] = set()
        for record in self._catalogue.prompt_sets.all():
            try:
                learned = learned_cells(self._catalogue, record, self._load(record))
            except PromptSetError:
                continue
            if learned is not None:
                found.update(learned.image_ids.tolist())
        return found

    def _evidence(self, old: PromptSetRecord | None, new: PromptSetRecord | None) -> Evidence:
        """What a comparison of these two is based on."""
        images, classes, verdicts = self._catalogue.annotations.of_source(Source.USER)
        confirmed = self._catalogue.annotations.of_source(Source.CONFIRMED)
        learned = [
            learned_cells(self._catalogue, record, None if record is None else self._load(record))
            for record in (old, new)
        ]
        return Evidence(
            held_out=self._catalogue.runs.held_out(),
            verdicts=verdicts == Verdict.PRESENT,
            cells=(images, classes),
            confirmed=confirmed[:2],
            old_learned=learned[0],
            new_learned=learned[1],
            train_present=self._train_present(new),
            results=self._results(new),
        )

    def _train_present(self, record: PromptSetRecord | None) -> NDArray[np.int64]:
        """(C,) how many present annotations of every class a version has learned from."""
        classes = self._state.snapshot.classes
        counts = np.zeros(len(classes), np.int64)
        if record is not None:
            prompt_set = self._load(record)
            rows = Version(prompt_set, {}, record.class_ids).rows(classes)
            counts[rows >= 0] = prompt_set.train_present[rows[rows >= 0]]
        return counts

    def _results(self, record: PromptSetRecord | None) -> dict[int, ClassResult]:
        """What a version's own training measured, by class id."""
        prompt_set = None if record is None else self._load(record)
        if record is None or prompt_set is None or prompt_set.evaluation is None:
            return {}
        by_name = {item.name: item for item in prompt_set.evaluation.classes}
        classes = self._state.snapshot.classes
        rows = Version(prompt_set, {}, record.class_ids).rows(classes)
        return {
            entry.id: by_name[prompt_set.classes[row]]
            for entry, row in zip(classes, rows.tolist(), strict=True)
            if row >= 0 and prompt_set.classes[row] in by_name
        }

    # ------------------------------------------------------------------------------ inside

    def _get(self, version_id: int) -> PromptSetRecord:
        for record in self._catalogue.prompt_sets.all():
            if record.id == version_id:
                return record
        raise KeyError(version_id)

    def _before(self, record: PromptSetRecord) -> PromptSetRecord | None:
        active = self._catalogue.prompt_sets.active(record.backbone)
        if active is None or active.id != record.id:
            return active
        if record.run_id is None:
            return None
        replaced = self._catalogue.runs.get(record.run_id).settings.get(REPLACES)
        if not isinstance(replaced, int):
            return None
        before = self._catalogue.prompt_sets.get(replaced)
        return None if before.discarded else before

    def _of_run(self, run_id: int) -> PromptSetRecord:
        for record in self._catalogue.prompt_sets.all():
            if record.run_id == run_id:
                return record
        raise KeyError(run_id)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
