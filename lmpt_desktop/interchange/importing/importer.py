"""From what a file says to changes of annotations: choices, their preview, and the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ClassEntry, ClassSpec, Source, Verdict
from lmpt_desktop.interchange.errors import FileTooLarge
from lmpt_desktop.interchange.importing.choices import (
    ClassChoice,
    ClassReason,
    Conflicts,
    ImportChoices,
    ReviewedMarks,
)
from lmpt_desktop.interchange.importing.class_matching import propose_classes
from lmpt_desktop.interchange.importing.distinct import distinct
from lmpt_desktop.interchange.importing.matching import LibraryPhotos, Matches, match_photos
from lmpt_desktop.interchange.importing.statements import (
    Statements,
    read_statements,
    value_verdicts,
)
from lmpt_desktop.interchange.importing.survey import SOURCES, Survey
from lmpt_desktop.interchange.importing.targets import Targets, target_classes
from lmpt_desktop.interchange.reading.source_files import no_progress
from lmpt_desktop.translation import _, number

MAX_TABLE_CELLS = 500_000_000
"""Photos times classes; each takes a byte or a few."""
MAX_EXAMPLES = 24
"""Photos shown for each of new and conflicting."""
_USER, _REVIEWED, _IMPORT = map(SOURCES.index, (Source.USER, Source.REVIEWED, Source.IMPORT))


@dataclass(frozen=True)
class ClassRow:
    """A class of the file, as the preview lists it.

    Attributes:
        name: as written; of a hierarchy the parts separated by ``HIERARCHY_SEPARATOR``.
        choice: what becomes of it.
        reason: why.
        images: how many images of the file say something about it.
        vocabulary_name: the class's name after the import; "" if it is not imported.
    """

    name: str
    choice: ClassChoice
    reason: ClassReason
    images: int
    vocabulary_name: str


@dataclass(frozen=True)
class ValueRow:
    """A value of the file: how often it occurs, and what it says (None: not mapped)."""

    value: str
    count: int
    verdict: Verdict | None
    usual: Verdict | None


@dataclass(frozen=True, eq=False)
class LibraryAnnotations:
    """What the library says, for comparison; N images, C classes.

    Attributes:
        image_ids: (N,) int64, ascending.
        classes: C entries: the vocabulary, and archived classes that adding a class of the file
            may bring back with their annotations.
        verdicts: (N, C) int8, values of :class:`Verdict`.
        reviewed: (N,) bool.
        held_out: ids of images that are kept for testing.
        machine_images, machine_classes: (m,) int64, ids: the annotations that come from a machine.
    """

    image_ids: NDArray[np.int64]
    classes: tuple[ClassEntry, ...]
    verdicts: NDArray[np.int8]
    reviewed: NDArray[np.bool_]
    held_out: frozenset[int]
    machine_images: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    machine_classes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, eq=False)
class Declared:
    """Classes that are absent because they are not listed, image by image.

    Attributes:
        image_ids: (m,) int64, each once.
        classes: (k,) int32, index into ``ImportPlan.classes``.
        cells: (m, k) bool.
    """

    image_ids: NDArray[np.int64]
    classes: NDArray[np.int32]
    cells: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ImportPlan:
    """What an import changes.

    Attributes:
        classes: the classes it is about: an entry of the vocabulary, one of the archive that comes
            back, or the spec of a new one.
        image_ids: (n,) int64.
        class_indices: (n,) int32, index into ``classes``.
        verdicts: (n,) int8; -1 removes an annotation.
        sources: (n,) int8, as of :attr:`Survey.sources`: 0 user, 1 reviewed, 2 import, 3 machine.
        declared: what is absent because it is not listed; None if nothing is.
        reviewed_ids: (m,) int64 images that get the reviewed mark.
    """

    classes: tuple[ClassEntry | ClassSpec, ...]
    image_ids: NDArray[np.int64]
    class_indices: NDArray[np.int32]
    verdicts: NDArray[np.int8]
    sources: NDArray[np.int8]
    declared: Declared | None
    reviewed_ids: NDArray[np.int64]

    @property
    def new_classes(self) -> tuple[ClassEntry | ClassSpec, ...]:
        """The classes that are new, or come back from the archive."""
        return tuple(item for item in self.classes if isinstance(item, ClassSpec) or item.archived)

    @property
    def annotations(self) -> int:
        """How many annotations it sets or removes."""
        declared = int(self.declared.cells.sum()) if self.declared is not None else 0
        return len(self.image_ids) + declared

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        nothing = not len(self.image_ids) and not len(self.reviewed_ids)
        return nothing and self.declared is None and not self.new_classes

    def same_as(self, other: ImportPlan) -> bool:
        """Whether both have the same effect."""
        return self.classes == other.classes and all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(self._arrays(), other._arrays(), strict=True)
        )

    def _arrays(self) -> tuple[NDArray[np.generic], ...]:
        rest = self.declared or Declared(
            np.empty(0, np.int64), np.empty(0, np.int32), np.empty((0, 0), np.bool_)
        )
        return (
            self.image_ids,
            self.class_indices,
            self.verdicts,
            self.sources,
            self.reviewed_ids,
            rest.image_ids,
            rest.classes,
            rest.cells,
        )


@dataclass(frozen=True, eq=False)
class ImportPreview:
    """What the file and the choices lead to; nothing has been changed.

    Counts are of cells (a photo of the library and a class that is imported), each once.

    Attributes:
        survey, choices, photos: what it was made from.
        matches: the photo of each image of the file.
        classes: one row per class of the file.
        values: one row per value.
        new: annotations that are added where the library says nothing, those included that are
            absent because they are not listed.
        same: as the library says.
        confirmed: those of them that the library has from a machine and the file from a person,
            whose they become.
        conflicting: where file and library differ (whatever is done about it).
        contradictory: cells about which the file contradicts itself; not imported.
        machine_left_out: cells of which only machines said something, below the threshold.
        unmapped: cells whose value has no verdict; not imported.
        partly_read: photos of which nothing is absent because it is not listed, since a part of
            what the file says about them could not be read.
        held_out: new or changed annotations on photos that are kept for testing.
        new_examples, conflicting_examples: image ids.
        plan: the changes.
    """

    survey: Survey
    choices: ImportChoices
    photos: LibraryPhotos
    matches: Matches
    classes: tuple[ClassRow, ...]
    values: tuple[ValueRow, ...]
    new: int
    same: int
    confirmed: int
    conflicting: int
    contradictory: int
    machine_left_out: int
    unmapped: int
    partly_read: int
    held_out: int
    new_examples: tuple[int, ...]
    conflicting_examples: tuple[int, ...]
    plan: ImportPlan


def preview_import(
    survey: Survey,
    choices: ImportChoices,
    photos: LibraryPhotos,
    annotations: LibraryAnnotations,
    *,
    matches: Matches | None = None,
    progress: Callable[[int, int], None] = no_progress,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportPreview:
    """What an import would change.

    Args:
        survey: the file.
        choices: the user's.
        photos, annotations: the library.
        matches: spare matching again where only other choices have changed.
        progress: called with images of the file matched, and images in all.
        cancelled: asked while they are matched.

    Raises:
        Cancelled: if it was cancelled.
        FileTooLarge: if it would be about more than ``MAX_TABLE_CELLS`` annotations.
    """
    if matches is None:
        matches = match_photos(
            survey.references, photos, choices.paths, progress=progress, cancelled=cancelled
        )
    vocabulary = [entry for entry in annotations.classes if not entry.archived]
    proposed = propose_classes(survey.class_names, survey.declared, vocabulary, choices)
    targets = target_classes(
        survey.class_names,
        survey.declared,
        [choice for choice, _reason in proposed],
        annotations.classes,
    )
    values = value_verdicts(survey, choices.values)
    photo_ids, photo_of = _photos(matches.image_ids, annotations.image_ids)
    if len(photo_ids) * len(targets.classes) > MAX_TABLE_CELLS:
        raise FileTooLarge(
            _(
                "The file is about {classes} classes on {photos} photos, which is too much for one "
                "import. If a column with other texts was taken for classes, choose another one; "
                "else import fewer classes."
            ).format(classes=number(len(targets.classes)), photos=number(len(photo_ids)))
        )
    stated = read_statements(
        survey,
        photo_of,
        targets.of_names,
        (len(photo_ids), len(targets.classes)),
        values=values,
        machine_threshold=choices.machine_threshold,
        not_listed=choices.not_listed,
    )
    compared = _Comparison.of(stated, photo_ids, targets, annotations, choices.conflicts)
    plan = compared.plan(_marks(survey, photo_of, compared.reviewed, choices.reviewed))
    value_counts = np.bincount(survey.cell_values, minlength=len(values)).tolist()
    return ImportPreview(
        survey=survey,
        choices=choices,
        photos=photos,
        matches=matches,
        classes=tuple(
            ClassRow(name, choice, reason, images, targets.vocabulary_name(place))
            for place, (name, choice, (_choice, reason), images) in enumerate(
                zip(
                    survey.class_names,
                    targets.choices,
                    proposed,
                    survey.images_per_class.tolist(),
                    strict=True,
                )
            )
        ),
        values=tuple(
            ValueRow(*row)
            for row in zip(survey.values, value_counts, values, survey.usual_verdicts, strict=True)
        ),
        new=compared.new,
        same=compared.same,
        confirmed=compared.confirmed,
        conflicting=compared.conflicting,
        contradictory=stated.contradictory,
        machine_left_out=stated.machine_left_out,
        unmapped=stated.unmapped,
        partly_read=stated.partly_read,
        held_out=_on(annotations.held_out, plan),
        new_examples=compared.examples(compared.new_cells, compared.declared),
        conflicting_examples=compared.examples(compared.conflict_cells),
        plan=plan,
    )


def _photos(
    matched: NDArray[np.int64], known: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids of the photos (P,) that the file is about, and which of them each image is (R,), or
    -1."""
    there = matched >= 0
    there[there] = np.isin(matched[there], known)
    photo_ids, place = np.unique(matched[there], return_inverse=True)
    photo_of = np.full(len(matched), -1, np.int64)
    photo_of[there] = place
    return photo_ids, photo_of


def _marks(
    survey: Survey,
    photo_of: NDArray[np.int64],
    reviewed: NDArray[np.bool_],
    choice: ReviewedMarks,
) -> NDArray[np.bool_]:
    """(P,) bool: the photos that get the reviewed mark."""
    result = np.zeros(len(reviewed), np.bool_)
    if choice is ReviewedMarks.AS_IN_FILE:
        result[photo_of[(survey.reviewed == 1) & (photo_of >= 0)]] = True
    elif choice is ReviewedMarks.ALL:
        result[:] = True
    return result & ~reviewed


def _on(held_out: frozenset[int], plan: ImportPlan) -> int:
    """How many annotations of the plan are on photos that are held out."""
    ids = np.fromiter(held_out, np.int64, len(held_out))
    count = int(np.isin(plan.image_ids, ids).sum())
    if plan.declared is not None:
        count += int(plan.declared.cells[np.isin(plan.declared.image_ids, ids)].sum())
    return count


@dataclass(frozen=True, eq=False)
class _Comparison:
    """What the file says beside what the library says; P photos, K classes.

    Attributes:
        photo_ids: (P,) int64.
        classes: K of them.
        reviewed: (P,) bool, the library's marks.
        new_cells: cells (photo * K + class) that the file states and that become annotations.
        declared: (P, K) bool, cells that are declared absent.
        conflict_cells: cells about which file and library differ.
        cells, verdicts, sources: what is written, cell by cell, ascending.
        same: cells about which both say the same.
        confirmed: those of them that a machine said and a person confirms.
    """

    photo_ids: NDArray[np.int64]
    classes: tuple[ClassEntry | ClassSpec, ...]
    reviewed: NDArray[np.bool_]
    new_cells: NDArray[np.int64]
    declared: NDArray[np.bool_] | None
    conflict_cells: NDArray[np.int64]
    cells: NDArray[np.int64]
    verdicts: NDArray[np.int8]
    sources: NDArray[np.int8]
    same: int
    confirmed: int

    @classmethod
    def of(
        cls,
        stated: Statements,
        photo_ids: NDArray[np.int64],
        targets: Targets,
        annotations: LibraryAnnotations,
        conflicts: Conflicts,
    ) -> _Comparison:
        rows = np.searchsorted(annotations.image_ids, photo_ids)
        shape = len(photo_ids), len(targets.classes)
        mine = _library_verdicts(annotations, rows, targets.classes).reshape(-1)
        reviewed = annotations.reviewed[rows]
        free = np.repeat(~reviewed, shape[1]) if conflicts is Conflicts.FILL else None

        here = mine[stated.cells]
        is_new = here < 0
        if free is not None:
            is_new &= free[stated.cells]
        differs = (here >= 0) & (here != stated.verdicts)
        agrees = here == stated.verdicts
        same = int(agrees.sum())
        confirms = agrees & np.isin(stated.sources, (_USER, _IMPORT))
        if confirms.any():
            confirms &= np.isin(
                stated.cells, _machine_cells(annotations, photo_ids, targets.classes)
            )
        cells, verdicts, sources = stated.cells, stated.verdicts, stated.sources
        unlisted = np.empty(0, np.int64)
        declared = None
        if stated.unlisted is not None:
            absent = stated.unlisted.reshape(-1)
            same += int((absent & (mine == Verdict.ABSENT)).sum())
            unlisted = np.flatnonzero(absent & (mine == Verdict.PRESENT))
            declared = absent & (mine < 0)
            if free is not None:
                declared &= free
        # What a review declared absent is stored as a review stores it.
        by_review = is_new & (sources == _REVIEWED)
        if by_review.any():
            declared = np.zeros(len(mine), np.bool_) if declared is None else declared
            declared[cells[by_review]] = True
        written = (is_new & ~by_review) | confirms
        conflicting = cells[differs]
        if conflicts in (Conflicts.THEIRS, Conflicts.CLEAR):
            written |= differs
        if conflicts is Conflicts.CLEAR:
            verdicts = np.where(differs, np.int8(Verdict.UNKNOWN), verdicts)
        new_cells = cells[is_new]
        cells, verdicts, sources = cells[written], verdicts[written], sources[written]
        if len(unlisted):
            conflicting = distinct(np.concatenate([conflicting, unlisted]))
            if conflicts in (Conflicts.THEIRS, Conflicts.CLEAR):
                becomes = Verdict.ABSENT if conflicts is Conflicts.THEIRS else Verdict.UNKNOWN
                count = len(unlisted)
                cells = np.concatenate([cells, unlisted])
                verdicts = np.concatenate([verdicts, np.full(count, becomes, np.int8)])
                sources = np.concatenate([sources, np.full(count, _IMPORT, np.int8)])
                order = np.argsort(cells)
                cells, verdicts, sources = cells[order], verdicts[order], sources[order]
        return cls(
            photo_ids,
            targets.classes,
            reviewed,
            new_cells,
            None if declared is None else declared.reshape(shape),
            conflicting,
            cells,
            verdicts,
            sources,
            same,
            int(confirms.sum()),
        )

    @property
    def new(self) -> int:
        if self.declared is None:
            return len(self.new_cells)
        stated = self.declared.reshape(-1)[self.new_cells]
        return len(self.new_cells) - int(stated.sum()) + int(self.declared.sum())

    @property
    def conflicting(self) -> int:
        return len(self.conflict_cells)

    def examples(
        self, cells: NDArray[np.int64], more: NDArray[np.bool_] | None = None
    ) -> tuple[int, ...]:
        """Photos of these cells, and then those with a cell in ``more``."""
        photos = distinct(cells // max(len(self.classes), 1))[:MAX_EXAMPLES].tolist()
        if more is not None and len(photos) < MAX_EXAMPLES:
            others = np.setdiff1d(np.flatnonzero(more.any(axis=1)), photos)
            photos += others[: MAX_EXAMPLES - len(photos)].tolist()
        return tuple(self.photo_ids[photos].tolist())

    def plan(self, marks: NDArray[np.bool_]) -> ImportPlan:
        width = max(len(self.classes), 1)
        declared = None
        if self.declared is not None and self.declared.any():
            rows, columns = self.declared.any(axis=1), self.declared.any(axis=0)
            declared = Declared(
                self.photo_ids[rows],
                np.flatnonzero(columns).astype(np.int32),
                self.declared[np.ix_(rows, columns)],
            )
        return ImportPlan(
            classes=self.classes,
            image_ids=self.photo_ids[self.cells // width],
            class_indices=(self.cells % width).astype(np.int32),
            verdicts=self.verdicts,
            sources=self.sources,
            declared=declared,
            reviewed_ids=self.photo_ids[marks],
        )


def _library_verdicts(
    annotations: LibraryAnnotations,
    rows: NDArray[np.intp],
    classes: Sequence[ClassEntry | ClassSpec],
) -> NDArray[np.int8]:
    """(P, K) int8; new classes are unknown."""
    columns = {entry.id: column for column, entry in enumerate(annotations.classes)}
    result = np.full((len(rows), len(classes)), Verdict.UNKNOWN, np.int8)
    known = [i for i, item in enumerate(classes) if isinstance(item, ClassEntry)]
    of_known = [columns[item.id] for item in classes if isinstance(item, ClassEntry)]
    if known:
        result[:, known] = annotations.verdicts[rows][:, of_known]
    return result


def _machine_cells(
    annotations: LibraryAnnotations,
    photo_ids: NDArray[np.int64],
    classes: Sequence[ClassEntry | ClassSpec],
) -> NDArray[np.int64]:
    """The cells (photo * K + class) that the library has from a machine."""
    columns = {item.id: i for i, item in enumerate(classes) if isinstance(item, ClassEntry)}
    found = np.array([columns.get(i, -1) for i in annotations.machine_classes.tolist()], np.int64)
    known = (found >= 0) & np.isin(annotations.machine_images, photo_ids)
    rows = np.searchsorted(photo_ids, annotations.machine_images[known])
    return rows * len(classes) + found[known]
