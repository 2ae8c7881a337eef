"""Changes of the vocabulary that can be undone (Qt-free).

A step is a batch of the journal: the changed classes as they were before and after it, and the
annotations that a merge or split changes with them.  Undo is that of annotations, now or after a
restart.  No annotation is ever deleted: a merged or archived class keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.catalogue.errors import ClassNameInvalid, ClassNameTaken, NotInCatalogue
from lmpt_desktop.catalogue.records import AnnotationCount
from lmpt_desktop.catalogue.vocabulary_steps import VOCABULARY, difference
from lmpt_desktop.domain.records import Batch, ClassEntry, ClassSpec, Source, Verdict
from lmpt_desktop.engine.annotations import AnnotationEditor
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import ClassesChanged, Notice
from lmpt_desktop.engine.versions.versions import Versions
from lmpt_desktop.engine.vocabulary.class_preview import ClassPreviewer
from lmpt_desktop.engine.vocabulary.merging import (
    MergePlan,
    PlanOutdatedError,
    SplitPlan,
    plan_merge,
    plan_split,
)
from lmpt_desktop.translation import _, join_names


@dataclass(frozen=True, eq=False)
class VocabularyStep:
    """A change that was made.

    Attributes:
        label: its name in an undo menu.
        before, after: the classes that changed, before and after; a new class counts as
            archived before.
        batch: what undoes it, with the annotations that changed with them; None if nothing
            changed, and of the classes of an import.
        images: (n,) ids to show next (the positives of a split class).
    """

    label: str
    before: tuple[ClassEntry, ...]
    after: tuple[ClassEntry, ...]
    batch: Batch | None = None
    images: NDArray[np.int64] | None = None

    def __bool__(self) -> bool:
        return bool(self.after) or self.batch is not None


class VocabularyEditor:
    """Edits the vocabulary of a session; every method may be called from any thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        *,
        model: ModelService,
        annotations: AnnotationEditor,
        versions: Versions,
        preview: ClassPreviewer,
        notify: Callable[[Notice], None],
    ) -> None:
        self._catalogue = catalogue
        self._classes = catalogue.classes
        self._state = state
        self._model = model
        self._annotations = annotations
        self._versions = versions
        self._notify = notify
        self.preview = preview
        """What a class would find, before it is added."""

    # ------------------------------------------------------------------------------ asking

    def specs(self) -> list[ClassSpec]:
        """The vocabulary as a list that can be written to a file."""
        return [_spec(entry) for entry in self._classes.all()]

    def archived(self) -> list[tuple[ClassEntry, AnnotationCount]]:
        """Archived classes, newest first, with the number of their annotations."""
        counts = self._catalogue.annotations.counts()
        entries = [entry for entry in self._classes.all(archived=True) if entry.archived]
        entries.sort(key=lambda entry: -entry.id)
        return [(entry, counts.get(entry.id, AnnotationCount())) for entry in entries]

    def archived_as(self, name: str) -> tuple[ClassEntry, AnnotationCount] | None:
        """The archived class that :meth:`add` would bring back for ``name``; None if it would add
        a new one, or refuse.  The newest, if there are several."""
        key = name_key(name)
        named = [item for item in self.archived() if name_key(item[0].name) == key]
        return named[0] if named else None

    def plan_merge(
        self, class_ids: Sequence[int], into: int, *, absent_too: bool = True
    ) -> MergePlan:
        """What merging would do.

        Raises:
            NotInCatalogue: if one of the classes is not in the vocabulary.
        """
        entries = self._entries([*class_ids, into])
        gone = [entry for class_id, entry in entries.items() if class_id != into]
        plan = plan_merge(
            self._catalogue.annotations.of_classes(list(entries)),
            gone,
            entries[into],
            absent_too=absent_too,
            trained=self._trained(into),
        )
        # As the class weights have it.
        found = [item.name for item in gone if self._trained(item.id) or not plan.trained]
        return replace(plan, found_too=tuple(found))

    def plan_split(
        self, class_id: int, names: Sequence[str], *, copy: bool, keep: bool
    ) -> SplitPlan:
        """What splitting would do.

        Raises:
            ClassNameInvalid: if there is no new name.
            ClassNameTaken: if the vocabulary has one of the names.
            NotInCatalogue: if the class is not in the vocabulary.
        """
        entry = self._entries([class_id])[class_id]
        requested = {name_key(name): " ".join(name.split()) for name in names if name.strip()}
        if not requested:
            raise ClassNameInvalid(_("Enter the name of at least one new class."))
        for known in self._classes.all():
            for name in (known.name, *known.aliases):
                if name_key(name) in requested:
                    raise ClassNameTaken(
                        _("“{name}” is already in the vocabulary.").format(name=name)
                    )
        return plan_split(
            self._catalogue.annotations.of_classes([class_id]),
            entry,
            list(requested.values()),
            copy=copy,
            keep=keep,
            trained=self._trained(class_id),
        )

    # ---------------------------------------------------------------------------- changing

    def add(
        self,
        name: str,
        description: str = "",
        aliases: Sequence[str] = (),
        colour: str = "",
        *,
        fresh: bool = False,
    ) -> VocabularyStep:
        """Add a class at the end, or bring an archived one of that name back (unless ``fresh``)."""
        label = _("Add {name}").format(name=name)
        return self._step(
            label, lambda: self._classes.add(name, description, colour, aliases, fresh=fresh)
        )

    def rename(self, class_id: int, name: str) -> VocabularyStep:
        """Annotations stay, and so does what a prompt set has learned for the class."""
        label = _("Rename {names} to {name}").format(names=self._names([class_id]), name=name)
        return self._step(label, lambda: self._classes.rename(class_id, name))

    def describe(self, class_id: int, description: str) -> VocabularyStep:
        """Another prompt text: the class is zero-shot until it is learned with it."""
        label = _("Describe {names}").format(names=self._names([class_id]))
        return self._step(label, lambda: self._classes.describe(class_id, description))

    def set_aliases(self, class_id: int, aliases: Sequence[str]) -> VocabularyStep:
        label = _("Other names of {names}").format(names=self._names([class_id]))
        return self._step(label, lambda: self._classes.set_aliases(class_id, aliases))

    def set_colour(self, class_ids: Sequence[int], colour: str) -> VocabularyStep:
        def act() -> None:
            for class_id in class_ids:
                self._classes.set_colour(class_id, colour)

        label = _("Colour of {names}").format(names=self._names(class_ids))
        return self._step(label, act)

    def archive(self, class_ids: Sequence[int]) -> VocabularyStep:
        def act() -> None:
            for class_id in class_ids:
                self._classes.archive(class_id)

        label = _("Archive {names}").format(names=self._names(class_ids))
        return self._step(label, act)

    def unarchive(self, class_ids: Sequence[int]) -> VocabularyStep:
        def act() -> None:
            for class_id in class_ids:
                self._classes.unarchive(class_id)

        label = _("Bring back {names}").format(names=self._names(class_ids))
        return self._step(label, act)

    def reorder(self, class_ids: Sequence[int]) -> VocabularyStep:
        """These first, in this order."""
        return self._step(_("Change order"), lambda: self._classes.reorder(class_ids))

    def set_all(self, specs: Sequence[ClassSpec]) -> None:
        """Make this the vocabulary, as :meth:`use_list` does, with nothing to undo."""
        self._versions.bind_classes()
        self._classes.replace_all(list(specs))
        self.show()

    def use_list(self, specs: Sequence[ClassSpec]) -> VocabularyStep:
        """Make this the vocabulary; classes that are not listed are archived."""
        return self._step(_("Use a list"), lambda: self._classes.replace_all(specs))

    def add_list(self, specs: Sequence[ClassSpec]) -> VocabularyStep:
        """Add the classes that the vocabulary lacks; the others stay as they are."""
        return self._step(
            _("Add a list"), lambda: self._classes.replace_all([*self.specs(), *specs])
        )

    def merge(self, plan: MergePlan) -> VocabularyStep:
        """Carry out a plan of :meth:`plan_merge`, as a whole or not at all.

        Raises:
            PlanOutdatedError: if it would do something else now; then nothing is changed.
            NotInCatalogue: if one of the classes is no longer in the vocabulary.
        """
        label = _("Merge into {name}").format(name=plan.into.name)
        ids = [entry.id for entry in plan.gone]
        if not plan.same_as(self.plan_merge(ids, plan.into.id, absent_too=plan.absent_too)):
            raise _outdated()

        def act() -> Batch | None:
            self._classes.merge(ids, plan.into.id)
            into = np.full(len(plan.image_ids), plan.into.id, np.int64)
            return self._annotate(label, plan.image_ids, into, plan.verdicts, ids)

        return self._step(label, act)

    def split(self, plan: SplitPlan) -> VocabularyStep:
        """Carry out a plan of :meth:`plan_split`; the user should look at the step's ``images``.

        Raises:
            PlanOutdatedError: if it would do something else now; then nothing is changed.
            ClassNameTaken, NotInCatalogue: as :meth:`plan_split`.
        """
        now = self.plan_split(plan.entry.id, plan.names, copy=plan.copy, keep=plan.keep)
        if not plan.same_as(now):
            raise _outdated()
        label = _("Split {name}").format(name=plan.entry.name)
        groups = [plan.negatives, *([plan.positives] if plan.copy else [])]
        images = np.concatenate(groups)
        verdicts = np.concatenate(
            [np.full(len(ids), value, np.int8) for value, ids in enumerate(groups)]
        )

        def act() -> Batch | None:
            made = [self._classes.add(name).id for name in plan.names]
            order = [entry.id for entry in self._classes.all() if entry.id not in made]
            at = order.index(plan.entry.id) + 1
            self._classes.reorder([*order[:at], *made, *order[at:]])
            if not plan.keep:
                self._classes.archive(plan.entry.id)
            return self._annotate(
                label,
                *self._without_existing(
                    np.tile(images, len(made)),
                    np.repeat(np.array(made, np.int64), len(images)),
                    np.tile(verdicts, len(made)),
                ),
                [plan.entry.id],
            )

        step = self._step(label, act)
        return replace(step, images=None if plan.copy else plan.positives)

    def add_for_import(
        self,
        classes: Sequence[ClassEntry | ClassSpec],
        check: Callable[[], None],
        annotate: Callable[[Sequence[int]], Batch | None],
    ) -> tuple[VocabularyStep | None, Batch | None]:
        """Add the classes of an import and annotate with them, in one transaction.

        Args:
            classes: specs are added in this order, archived entries come back with the other
                names that they have here, others are there.
            check: called before anything is written, while no other process can write; may
                raise, so that nothing changes.
            annotate: given the ids of ``classes``, writes the annotations; may raise, too.

        Returns:
            The step (None without a new class), which does not include the annotations, and what
            ``annotate`` returned.

        Raises:
            ClassNameTaken: if the vocabulary has one of the names; then nothing is changed.
        """
        batches: list[Batch | None] = []

        def both() -> None:
            with self._catalogue.transaction():
                check()
                ids: list[int] = []
                for item in classes:
                    if isinstance(item, ClassSpec):
                        entry = self._classes.add(
                            item.name, item.description, item.colour, item.aliases
                        )
                        ids.append(entry.id)
                    else:
                        if item.archived:
                            self._classes.unarchive(item.id, item.aliases)
                        ids.append(item.id)
                batches.append(annotate(ids))

        if all(isinstance(item, ClassEntry) and not item.archived for item in classes):
            both()
            return None, batches[0]
        # Not a step of its own: undoing an import offers to archive what it added.
        return self._step(_("Add classes"), both, keep=False), batches[0]

    def undo(self, step: VocabularyStep) -> None:
        """Revert a step.

        Raises:
            ClassNameTaken: if a name it needs is in use now; then nothing is changed.
        """
        self._replay(step, step.before)

    def redo(self, step: VocabularyStep) -> None:
        """Repeat what :meth:`undo` reverted."""
        self._replay(step, step.after)

    def show(self) -> None:
        """Bring the snapshot up to date with the catalogue's classes; predictions follow."""
        self._state.set_classes(self._classes.all(), self._catalogue.annotations.matrix)
        self._notify(ClassesChanged())
        self._model.refresh()

    # ------------------------------------------------------------------------------ inside

    def _replay(self, step: VocabularyStep, to: Sequence[ClassEntry]) -> None:
        if step.batch is not None:
            self._annotations.undo(step.batch)  # or redo: whichever is next
        elif to:  # of an import, which is not in the journal
            self._versions.bind_classes()
            self._classes.restore(to)
            self.show()

    def _step(self, label: str, act: Callable[[], object], *, keep: bool = True) -> VocabularyStep:
        """Call ``act`` and, unless it may not ``keep`` it, record what it changed as one batch;
        ``act`` may return the annotations it has changed."""
        self._versions.bind_classes()
        # In one transaction, so that it fails as a whole, and no change of others gets in between.
        with self._catalogue.transaction():
            old = self._classes.all(archived=True)
            made = act()
            batch = made if isinstance(made, Batch) else None
            if keep:
                batch = self._catalogue.annotations.keep_step(label, old, batch)
        before, after = difference(old, self._classes.all(archived=True))
        if after:
            self.show()
        if batch is not None and len(batch) > batch.vocabulary:
            self._annotations.show(batch)
        return VocabularyStep(label, tuple(before), tuple(after), batch)

    def _annotate(
        self,
        label: str,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.int8],
        origins: Sequence[int],
    ) -> Batch | None:
        """Change annotations, within a step; None if there are none to change.

        ``origins`` are the classes that the verdicts are taken from: what was only confirmed there
        is no stronger evidence here.
        """
        if not len(image_ids):
            return None
        confirmed = (verdicts == Verdict.PRESENT) & self._only_confirmed(image_ids, origins)
        return self._catalogue.annotations.apply_arrays(
            image_ids,
            class_ids,
            verdicts,
            [Source.CONFIRMED if weak else Source.USER for weak in confirmed.tolist()],
            label=label,
            action=VOCABULARY,
        )

    def _only_confirmed(
        self, image_ids: NDArray[np.int64], class_ids: Sequence[int]
    ) -> NDArray[np.bool_]:
        """(n,) whether all of the classes that are present in an image were only confirmed."""
        images, classes, _verdicts = self._catalogue.annotations.of_source(Source.CONFIRMED)
        unique, place = np.unique(image_ids, return_inverse=True)
        strong = np.zeros(len(unique), np.bool_)
        for class_id in class_ids:
            present = self._catalogue.annotations.matrix(unique, [class_id])[:, 0] == 1
            strong |= present & ~np.isin(unique, images[classes == class_id])
        return ~strong[place]

    def _names(self, class_ids: Sequence[int]) -> str:
        """The names of classes, for a label."""
        known = {entry.id: entry.name for entry in self._classes.all(archived=True)}
        return join_names([known.get(class_id, "?") for class_id in class_ids], most=2)

    def _without_existing(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.int8],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
        """Leave out changes of existing annotations: a class brought back from the archive may
        have some, and derived verdicts do not overwrite them."""
        images, classes, _verdicts = self._catalogue.annotations.of_classes(np.unique(class_ids))
        most = int(max(image_ids.max(initial=0), images.max(initial=0))) + 1
        free = ~np.isin(class_ids * most + image_ids, classes * most + images)
        return image_ids[free], class_ids[free], verdicts[free]

    def _entries(self, class_ids: Sequence[int]) -> dict[int, ClassEntry]:
        live = {entry.id: entry for entry in self._classes.all()}
        if any(class_id not in live for class_id in class_ids):
            raise NotInCatalogue(_("One of these classes is no longer in the vocabulary."))
        return {class_id: live[class_id] for class_id in dict.fromkeys(class_ids)}

    def _trained(self, class_id: int) -> bool:
        snapshot = self._state.snapshot
        column = snapshot.column_of.get(class_id)
        return column is not None and bool(snapshot.trained[column])


def _outdated() -> PlanOutdatedError:
    return PlanOutdatedError(
        _(
            "These classes have changed since the preview, so nothing was done. Check the preview "
            "again."
        )
    )


def _spec(entry: ClassEntry) -> ClassSpec:
    return ClassSpec(entry.name, entry.description, entry.aliases, entry.colour)
