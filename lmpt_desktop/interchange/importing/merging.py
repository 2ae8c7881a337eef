"""From what another library says to changes of annotations: choices, their preview, and the plan.

The other library's verdicts and this one's are two tables of photos times classes.  They are
compared in blocks of photos, so that only what is kept of them takes memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.another_library import (
    ABSENT,
    CONTRADICTORY,
    PRESENT,
    REVIEWED_ABSENT,
    UNKNOWN,
    AnotherLibrary,
    MergeCancelled,
    combined,
    is_machine,
    is_present,
)
from lmpt_desktop.domain.conflicts import StoredConflicts
from lmpt_desktop.domain.records import ClassEntry, ClassSpec, Source, Verdict
from lmpt_desktop.inference.agreement import ClassAgreement, kappas
from lmpt_desktop.interchange.importing.choices import ClassAction, ImportChoices
from lmpt_desktop.interchange.importing.class_matching import propose_classes
from lmpt_desktop.interchange.importing.importer import (
    Declared,
    ImportPlan,
    LibraryAnnotations,
)
from lmpt_desktop.interchange.importing.survey import SOURCES
from lmpt_desktop.interchange.importing.targets import Targets, target_classes

BLOCK_CELLS = 1 << 20
"""Photos times classes that are compared at once."""
_IMPORT, _MACHINE = map(SOURCES.index, (Source.IMPORT, Source.MACHINE))


class OnConflict(StrEnum):
    """What to do where the libraries say the opposite."""

    MINE = "mine"
    """Keep this library's."""
    THEIRS = "theirs"
    """Take the other one's."""
    LATER = "later"
    """Keep this library's, and ask about it in review."""


@dataclass(frozen=True)
class MergeChoices:
    """All that the user decides.

    Attributes:
        add_classes: whether classes that the vocabulary lacks are added.
        on_conflict: what to do with conflicts.
    """

    add_classes: bool = False
    on_conflict: OnConflict = OnConflict.MINE


@dataclass(frozen=True, eq=False)
class Undecided:
    """Conflicts that become questions, n of them.

    Attributes:
        image_ids: (n,) int64.
        class_indices: (n,) int32, index into the plan's classes.
        verdicts: (n,) int8, the other library's.
    """

    image_ids: NDArray[np.int64]
    class_indices: NDArray[np.int32]
    verdicts: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True, eq=False)
class MergePreview:
    """What merging another library leads to; nothing has been changed.

    Counts are of cells: a photo of this library and a class, each once.

    Attributes:
        other, choices: what it was made from.
        agreement: one row for each class that both have or that is added.
        lacking: names of classes that the vocabulary lacks and that are left out.
        new: annotations that are added where this library says nothing.
        equal: as this library says.
        confirmed: those of them that this library has from a machine and the other from a person,
            whose they become.
        conflicting: where a person says the opposite there (whatever is done about it).
        asked_before: those of them that an earlier merge has asked about; they are not asked again.
        contradictory: cells about which copies of a picture contradict each other there.
        machine_left_out: cells where only a machine says the opposite there.
        marks: photos that get the reviewed mark.
        plan: the changes.
        undecided: the conflicts that become questions.
        digest: tells whether another preview has the same effect.
    """

    other: AnotherLibrary
    choices: MergeChoices
    agreement: tuple[ClassAgreement, ...]
    lacking: tuple[str, ...]
    new: int
    equal: int
    confirmed: int
    conflicting: int
    asked_before: int
    contradictory: int
    machine_left_out: int
    marks: int
    plan: ImportPlan
    undecided: Undecided
    digest: bytes

    @property
    def photos(self) -> int:
        """How many photos of this library the other one has, too."""
        return len(self.other.image_ids)

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to merge."""
        return self.plan.is_empty and not len(self.undecided)


def preview_merge(
    other: AnotherLibrary,
    choices: MergeChoices,
    annotations: LibraryAnnotations,
    asked: StoredConflicts,
    *,
    only_digest: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> MergePreview:
    """What merging would change.

    Args:
        other: what the other library says.
        choices: the user's.
        annotations: what this library says; its archived classes are those that may come back.
        asked: conflicts that earlier merges of this library have asked about.
        only_digest: keep nothing else, which spares the memory.
        progress: called with photos compared and photos in all.
        cancelled: asked for each block.

    Raises:
        MergeCancelled: if it was cancelled.
    """
    names = [spec.name for spec in other.classes]
    vocabulary = [entry for entry in annotations.classes if not entry.archived]
    proposed = propose_classes(
        names, other.classes, vocabulary, ImportChoices(add_classes=choices.add_classes)
    )
    targets = target_classes(
        names, other.classes, [choice for choice, _why in proposed], annotations.classes
    )
    tally = _Tally.of(other, targets, annotations, asked, choices, keep=not only_digest)
    total = len(other.image_ids)
    for done, block in tally.blocks():
        progress(done, total)
        if cancelled():
            raise MergeCancelled
        tally.add(block)
    progress(total, total)
    return MergePreview(
        other=other,
        choices=choices,
        agreement=() if only_digest else tally.agreement(),
        lacking=tuple(
            name
            for name, choice in zip(names, targets.choices, strict=True)
            if choice.action is ClassAction.UNDECIDED
        ),
        new=int(tally.new.sum()),
        equal=tally.equal,
        confirmed=tally.confirmed,
        conflicting=int(tally.conflicts.sum()),
        asked_before=tally.asked_before,
        contradictory=tally.contradictory,
        machine_left_out=tally.machine_left_out,
        marks=tally.marks,
        plan=tally.plan(),
        undecided=tally.undecided(),
        digest=tally.digest(),
    )


@dataclass(eq=False)
class _Tally:
    """Adds up blocks of photos; T classes that are merged."""

    other: AnotherLibrary
    targets: Targets
    annotations: LibraryAnnotations
    choices: MergeChoices
    keep: bool
    columns: NDArray[np.int64]
    """(T,) of the classes in the library's arrays; -1 of new ones."""
    others: NDArray[np.int64]
    """Columns of the vocabulary's other classes."""
    machine: NDArray[np.int64]
    """Ascending cells (image * T + class) that this library has from a machine."""
    asked: NDArray[np.int64]
    """Ascending cells ((image * T + class) * 2 + verdict) that were asked about before."""
    tables: NDArray[np.int64]
    new: NDArray[np.int64]
    conflicts: NDArray[np.int64]
    equal: int = 0
    confirmed: int = 0
    asked_before: int = 0
    contradictory: int = 0
    machine_left_out: int = 0
    marks: int = 0
    _written: list[tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int8]]] = field(
        default_factory=list
    )
    _declared: list[tuple[NDArray[np.int64], NDArray[np.bool_]]] = field(default_factory=list)
    _undecided: list[tuple[NDArray[np.int64], NDArray[np.int8]]] = field(default_factory=list)
    _marked: list[tuple[NDArray[np.int64]]] = field(default_factory=list)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    @classmethod
    def of(
        cls,
        other: AnotherLibrary,
        targets: Targets,
        annotations: LibraryAnnotations,
        asked: StoredConflicts,
        choices: MergeChoices,
        *,
        keep: bool,
    ) -> _Tally:
        column_of = {entry.id: i for i, entry in enumerate(annotations.classes)}
        columns = np.array(
            [column_of[c.id] if isinstance(c, ClassEntry) else -1 for c in targets.classes],
            np.int64,
        )
        in_use = [i for i, entry in enumerate(annotations.classes) if not entry.archived]
        place_of = {
            item.id: place
            for place, item in enumerate(targets.classes)
            if isinstance(item, ClassEntry)
        }
        width = max(len(columns), 1)

        def cells(images: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
            places = np.array([place_of.get(i, -1) for i in classes.tolist()], np.int64)
            return np.where(places >= 0, images * width + places, -1)

        machine = cells(annotations.machine_images, annotations.machine_classes)
        before = cells(asked.image_ids, asked.class_ids)
        before = np.where(before >= 0, before * 2 + asked.verdicts, -1)
        return cls(
            other,
            targets,
            annotations,
            choices,
            keep,
            columns,
            np.setdiff1d(np.array(in_use, np.int64), columns),
            np.unique(machine[machine >= 0]),
            np.unique(before[before >= 0]),
            np.zeros((len(columns), 2, 2), np.int64),
            np.zeros(len(columns), np.int64),
            np.zeros(len(columns), np.int64),
        )

    def blocks(self) -> Iterator[tuple[int, slice]]:
        """How many photos are done, and the next ones."""
        width = max(len(self.columns), len(self.other.classes), len(self.annotations.classes), 1)
        size = max(1, BLOCK_CELLS // width)
        for start in range(0, len(self.other.image_ids), size):
            yield start, slice(start, start + size)

    def add(self, block: slice) -> None:
        """Compare the photos of a block."""
        ids = self.other.image_ids[block]
        if not len(self.annotations.image_ids):
            return
        rows = np.minimum(
            np.searchsorted(self.annotations.image_ids, ids), len(self.annotations.image_ids) - 1
        )
        there = self.annotations.image_ids[rows] == ids
        ids, rows = ids[there], rows[there]
        if not len(ids):
            return
        pictures = self.other.pictures[block][there]
        theirs = self._theirs(pictures)
        mine = self._mine(rows)
        width = len(self.columns)
        cells = (ids[:, None] * width + np.arange(width)).reshape(theirs.shape)
        by_machine = _within(cells, self.machine)

        present = is_present(theirs).astype(np.int8)
        says = (theirs != UNKNOWN) & (theirs != CONTRADICTORY)
        person = says & ~is_machine(theirs)
        unknown = mine == Verdict.UNKNOWN
        new = says & unknown
        both = person & ~unknown
        same = both & (mine == present)
        differs = both & (mine != present)
        confirms = same & by_machine & ((theirs == ABSENT) | (theirs == PRESENT))

        counted = both & ~by_machine
        for one in (0, 1):
            for two in (0, 1):
                hit = counted & (mine == one) & (present == two)
                self.tables[:, one, two] += hit.sum(axis=0)
        self.new += new.sum(axis=0)
        self.conflicts += differs.sum(axis=0)
        self.equal += int((says & ~unknown & (mine == present)).sum())
        self.confirmed += int(confirms.sum())
        self.contradictory += int((theirs == CONTRADICTORY).sum())
        self.machine_left_out += int((says & ~person & ~unknown & (mine != present)).sum())

        declared = new & (theirs == REVIEWED_ABSENT)
        written = (new & ~declared) | confirms
        if self.choices.on_conflict is OnConflict.THEIRS:
            written |= differs
        self._keep_written(cells, written, present, theirs)
        known = (new | ~unknown | (says & ~unknown)).all(axis=1)
        self._keep_declared(ids, declared)
        asked = _within(cells * 2 + present, self.asked) & differs
        self.asked_before += int(asked.sum())
        if self.choices.on_conflict is OnConflict.LATER:
            left = differs & ~asked
            self._append(self._undecided, cells[left], present[left])
        self._keep_marks(ids, rows, pictures, known)

    def _theirs(self, pictures: NDArray[np.int64]) -> NDArray[np.int8]:
        """(n, T) what the other library says of the classes that are merged."""
        says = self.other.says[pictures]
        result = np.full((len(pictures), len(self.columns)), UNKNOWN, np.int8)
        for name, target in enumerate(self.targets.of_names.tolist()):
            if target >= 0:
                result[:, target] = combined(result[:, target], says[:, name])
        return result

    def _mine(self, rows: NDArray[np.intp]) -> NDArray[np.int8]:
        """(n, T) what this library says of them."""
        result = np.full((len(rows), len(self.columns)), Verdict.UNKNOWN, np.int8)
        known = np.flatnonzero(self.columns >= 0)
        result[:, known] = self.annotations.verdicts[rows[:, None], self.columns[known]]
        return result

    def _keep_written(
        self,
        cells: NDArray[np.int64],
        written: NDArray[np.bool_],
        present: NDArray[np.int8],
        theirs: NDArray[np.int8],
    ) -> None:
        sources = np.where(is_machine(theirs[written]), _MACHINE, _IMPORT).astype(np.int8)
        self._append(self._written, cells[written], present[written], sources)

    def _keep_declared(self, ids: NDArray[np.int64], declared: NDArray[np.bool_]) -> None:
        rows = declared.any(axis=1)
        self._append(self._declared, ids[rows], declared[rows])

    def _keep_marks(
        self,
        ids: NDArray[np.int64],
        rows: NDArray[np.intp],
        pictures: NDArray[np.int64],
        known: NDArray[np.bool_],
    ) -> None:
        """A photo that is reviewed there is reviewed here if no class of this vocabulary is left
        that nobody has judged."""
        marked = self.other.reviewed[pictures] & ~self.annotations.reviewed[rows] & known
        left = np.flatnonzero(marked)
        if len(left) and len(self.others):
            there = self.annotations.verdicts[rows[left][:, None], self.others] != Verdict.UNKNOWN
            left = left[there.all(axis=1)]
        self.marks += len(left)
        self._append(self._marked, ids[left])

    def _append(self, parts: list[Any], *arrays: NDArray[Any]) -> None:
        for item in arrays:
            packed = np.packbits(item) if item.dtype == np.bool_ else item
            self._hash.update(f"{item.shape}".encode() + packed.tobytes())
        if self.keep and len(arrays[0]):
            parts.append(arrays)

    # ----------------------------------------------------------------------------- results

    def digest(self) -> bytes:
        """Of everything that would be written, the classes included."""
        found = self._hash.copy()
        found.update(repr(self.targets.classes).encode("utf-8", "surrogatepass"))
        return found.digest()

    def plan(self) -> ImportPlan:
        width = max(len(self.columns), 1)
        cells = _joined([part[0] for part in self._written], np.int64)
        declared = None
        if self._declared:
            used = np.flatnonzero(
                np.any([part[1].any(axis=0) for part in self._declared], axis=0)
            ).astype(np.int32)
            declared = Declared(
                np.concatenate([part[0] for part in self._declared]),
                used,
                np.concatenate([part[1][:, used] for part in self._declared]),
            )
        return ImportPlan(
            classes=self.targets.classes,
            image_ids=cells // width,
            class_indices=(cells % width).astype(np.int32),
            verdicts=_joined([part[1] for part in self._written], np.int8),
            sources=_joined([part[2] for part in self._written], np.int8),
            declared=declared,
            reviewed_ids=_joined([part[0] for part in self._marked], np.int64),
        )

    def undecided(self) -> Undecided:
        width = max(len(self.columns), 1)
        cells = _joined([part[0] for part in self._undecided], np.int64)
        return Undecided(
            cells // width,
            (cells % width).astype(np.int32),
            _joined([part[1] for part in self._undecided], np.int8),
        )

    def agreement(self) -> tuple[ClassAgreement, ...]:
        return tuple(
            ClassAgreement(
                item.name,
                int(table.sum()),
                int(table[0, 0] + table[1, 1]),
                kappa,
                int(new),
                int(conflicts),
                None if column < 0 or _is_archived(item) else int(column),
            )
            for item, table, kappa, new, conflicts, column in zip(
                self.targets.classes,
                self.tables,
                kappas(self.tables),
                self.new,
                self.conflicts,
                self.columns.tolist(),
                strict=True,
            )
        )


def _is_archived(item: ClassEntry | ClassSpec) -> bool:
    return isinstance(item, ClassEntry) and item.archived


def _within(cells: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which cells are among ``ascending`` ones; cells rise, too."""
    result = np.zeros(cells.shape, np.bool_)
    if len(ascending) and cells.size:
        flat = cells.reshape(-1)
        low, high = np.searchsorted(ascending, (flat.min(), flat.max() + 1))
        result.reshape(-1)[np.isin(flat, ascending[low:high])] = True
    return result


def _joined(parts: list[Any], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
