"""Whatever is stored, in whatever order: the catalogue equals a few Python dictionaries."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from catalogue_0001 import FirstCatalogue
from example_counts import examples
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from journal import journal_of
from paper_library import fill
from stored_annotations import annotations_in, marks_in, rebuilt

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.records import Absences, AnnotationCount
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.domain.records import Batch, Source, Verdict

IMAGES = 4
NAMES = ("ant", "bee", "cat", "dog", "elk", "fox")

Key = tuple[str, int, int]
"""("verdict", image, class) or ("mark", image, 0)."""


class Model:
    """What the catalogue is to do, cell by cell."""

    def __init__(self) -> None:
        self.now: dict[Key, Any] = {}
        self.batches: dict[int, list[tuple[Key, Any, Any]]] = {}
        self.undoes: dict[int, int] = {}

    def change(self, batch: Batch, wanted: dict[Key, Any], undoes: int | None = None) -> None:
        deltas = [(key, self.now.get(key), value) for key, value in wanted.items()]
        self.batches[batch.id] = deltas
        if undoes is not None:
            self.undoes[batch.id] = undoes
        for key, _, value in deltas:
            self.now[key] = value

    def undo(self, batch: Batch, undone: int) -> int:
        """Returns how many changes were left alone."""
        deltas = self.batches[undone]
        same = {key: before for key, before, after in deltas if self.now.get(key) == after}
        self.change(batch, same, undone)
        return len(deltas) - len(same)

    def verdict(self, image: int, klass: int) -> int:
        stored = self.now.get(("verdict", image, klass))
        return -1 if stored is None else stored[0]

    def newest_link(self, batch: int) -> int:
        chain = {batch}
        for link, undone in sorted(self.undoes.items()):
            if undone in chain:
                chain.add(link)
        return max(chain)


class Said(RuleBasedStateMachine):
    @initialize(migrated=st.booleans())
    def open(self, migrated: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.library = Path(self.folder.name) / "library"
        self.model = Model()
        if migrated:
            self._first_version()
        self.catalogue = Catalogue.open(self.library)
        if migrated:
            self.images = list(range(1, IMAGES + 1))
        else:
            self.images = fill(self.catalogue, self.library / "photos", IMAGES, NAMES[:3])

    def _first_version(self) -> None:
        """A verdict and a review, as the first version wrote them."""
        first = FirstCatalogue(self.library)
        first.apply([(1, 2, 1)])
        first.review([1, 2])
        first.close()
        review: list[tuple[Key, Any, Any]] = [
            (("verdict", image, klass), None, (0, 2, "reviewed"))
            for image in (1, 2)
            for klass in (1, 2, 3)
            if (image, klass) != (1, 2)
        ]
        review += [(("mark", image, 0), None, 2) for image in (1, 2)]
        self.model.batches = {1: [(("verdict", 1, 2), None, (1, 1, "user"))], 2: review}
        for deltas in self.model.batches.values():
            self.model.now |= {key: after for key, _, after in deltas}

    @property
    def classes(self) -> list[int]:
        return sorted(entry.id for entry in self.catalogue.classes.all(archived=True))

    def teardown(self) -> None:
        if hasattr(self, "catalogue"):
            self.catalogue.close()
            self.folder.cleanup()

    @rule(
        cells=st.lists(
            st.tuples(st.integers(0, IMAGES - 1), st.integers(0, 5), st.integers(-1, 1)),
            max_size=6,
        ),
        source=st.sampled_from([Source.USER, Source.IMPORT]),
    )
    def say(self, cells: list[tuple[int, int, int]], source: Source) -> None:
        classes = self.classes
        table = np.array(
            [(self.images[i], classes[c % len(classes)], v) for i, c, v in cells], np.int64
        ).reshape(-1, 3)
        batch = self.catalogue.annotations.apply_arrays(
            table[:, 0], table[:, 1], table[:, 2], source
        )
        wanted: dict[Key, Any] = {}
        for image, klass, verdict in table.tolist():
            key = ("verdict", image, klass)
            was = self.model.now.get(key)
            becomes = None if verdict < 0 else (verdict, batch_at(batch), source.value)
            same = (was and was[::2]) == (becomes and becomes[::2])
            wanted.pop(key, None)
            if not same:
                wanted[key] = becomes
        self.model.change(batch, wanted)
        assert len(batch) == len(wanted)

    @rule(
        cells=st.lists(
            st.tuples(
                st.integers(0, IMAGES - 1),
                st.integers(0, 5),
                st.integers(-1, 1),
                st.sampled_from(list(Source)),
            ),
            max_size=5,
        ),
        absent=st.sets(st.tuples(st.integers(0, IMAGES - 1), st.integers(0, 5)), max_size=12),
        marked=st.sets(st.integers(0, IMAGES - 1)),
    )
    def take_in(
        self,
        cells: list[tuple[int, int, int, Source]],
        absent: set[tuple[int, int]],
        marked: set[int],
    ) -> None:
        """As an import: each change with its own source, absences, and marks, in one batch."""
        classes = self.classes
        wanted: dict[Key, Any] = {}
        table = [(self.images[i], classes[c % len(classes)], v, s) for i, c, v, s in cells]
        places = {(self.images[i], classes[c % len(classes)]) for i, c in absent}
        images = sorted({image for image, _ in places})
        columns = sorted({klass for _, klass in places}, reverse=True)
        batch = self.catalogue.annotations.apply_arrays(
            np.array([row[0] for row in table], np.int64),
            np.array([row[1] for row in table], np.int64),
            np.array([row[2] for row in table], np.int64),
            [row[3] for row in table],
            "Import a.csv",
            reviewed_ids=[self.images[i] for i in marked],
            absences=Absences(
                np.array(images, np.int64),
                np.array(columns, np.int64),
                np.array(
                    [[(image, klass) in places for klass in columns] for image in images], np.bool_
                ).reshape(len(images), len(columns)),
            ),
        )
        at = batch_at(batch)
        for image, klass in places - {row[:2] for row in table}:
            if self.model.now.get(("verdict", image, klass)) is None:
                wanted["verdict", image, klass] = (0, at, "reviewed")
        for image, klass, verdict, source in table:
            key = ("verdict", image, klass)
            was = self.model.now.get(key)
            becomes = None if verdict < 0 else (verdict, at, source.value)
            wanted.pop(key, None)
            if (was and was[::2]) != (becomes and becomes[::2]):
                wanted[key] = becomes
        for i in marked:
            if self.model.now.get(("mark", self.images[i], 0)) is None:
                wanted["mark", self.images[i], 0] = at
        self.model.change(batch, wanted)
        assert (len(batch), batch.action, batch.label) == (len(wanted), "import", "Import a.csv")

    @rule(which=st.sets(st.integers(0, IMAGES - 1)), reviewed=st.booleans())
    def review(self, which: set[int], reviewed: bool) -> None:
        images = [self.images[i] for i in which]
        batch = self.catalogue.annotations.set_reviewed(images, reviewed)
        wanted: dict[Key, Any] = {}
        at = batch_at(batch)
        for image in images:
            mark: Key = ("mark", image, 0)
            if (self.model.now.get(mark) is not None) != reviewed:
                wanted[mark] = at if reviewed else None
            for entry in self.catalogue.classes.all() if reviewed else ():
                key: Key = ("verdict", image, entry.id)
                if self.model.now.get(key) is None:
                    wanted[key] = (0, at, "reviewed")
        self.model.change(batch, wanted)
        assert len(batch) == len(wanted)

    @precondition(lambda self: self.model.batches)
    @rule(data=st.data(), newest=st.booleans())
    def undo(self, data: st.DataObject, newest: bool) -> None:
        """Of any batch, not only of the last; what undos undo is done again."""
        batch = data.draw(st.sampled_from(sorted(self.model.batches)))
        if newest:
            made = self.catalogue.annotations.toggle_undo(batch)
            batch = self.model.newest_link(batch)
        else:
            made = self.catalogue.annotations.undo(batch)
        assert made.undoes == batch
        assert self.model.undo(made, batch) == made.skipped

    @precondition(lambda self: len(self.classes) < len(NAMES))
    @rule()
    def add_class(self) -> None:
        self.catalogue.classes.add(NAMES[len(self.classes)])

    @rule(which=st.integers(0, 5))
    def archive_or_bring_back(self, which: int) -> None:
        entries = self.catalogue.classes.all(archived=True)
        entry = entries[which % len(entries)]
        if entry.archived:
            self.catalogue.classes.add(entry.name)
        else:
            self.catalogue.classes.archive(entry.id)

    @rule()
    def reopen(self) -> None:
        self.catalogue.close()
        self.catalogue = Catalogue.open(self.library)

    @invariant()
    def every_reading_says_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        annotations, model = self.catalogue.annotations, self.model
        classes = self.classes
        expected = [[model.verdict(i, c) for c in classes] for i in self.images]
        assert annotations.matrix(self.images, classes).tolist() == expected
        backwards = annotations.matrix(self.images[::-1], classes[::-1])
        assert backwards[::-1, ::-1].tolist() == expected
        marked = {key[1] for key, at in model.now.items() if key[0] == "mark" and at is not None}
        assert annotations.reviewed() == marked
        columns = np.array(expected)
        assert annotations.counts() == {
            klass: AnnotationCount(int((column == 1).sum()), int((column == 0).sum()))
            for klass, column in zip(classes, columns.T, strict=True)
            if (column >= 0).any()
        }
        stored = {
            (*key[1:], *value)
            for key, value in model.now.items()
            if key[0] == "verdict" and value is not None
        }
        assert annotations_in(self.catalogue) == stored
        assert rebuilt(self.catalogue) == stored | marks_in(self.catalogue)
        assert self.catalogue.check_soundness() == Soundness()

    @invariant()
    def the_journal_tells_every_change(self) -> None:
        if not hasattr(self, "model"):
            return
        told: dict[int, set[tuple]] = {}
        for entry in journal_of(self.catalogue):
            told.setdefault(entry.batch_id, set()).add(
                (entry.image_id, entry.class_id, int(entry.before), int(entry.after))
            )
        for batch, deltas in self.model.batches.items():
            assert told.get(batch, set()) == {
                (image, klass, _number(before), _number(after))
                if kind == "verdict"
                else (image, None, *(-1 if at is None else 1 for at in (before, after)))
                for (kind, image, klass), before, after in deltas
            }

    @invariant()
    def history_is_what_an_undo_stack_would_hold(self) -> None:
        if not hasattr(self, "model"):
            return
        done: list[int] = []
        undone: list[int] = []
        for batch, deltas in sorted(self.model.batches.items()):
            first = batch
            while first in self.model.undoes:
                first = self.model.undoes[first]
            if first != batch:
                here, there = (done, undone) if first in done else (undone, done)
                if first in here:
                    here.remove(first)
                    there.append(first)
            elif deltas:
                done.append(batch)
                undone.clear()
        stack = self.catalogue.annotations.history(1000)
        assert [item.id for item in stack] == done + undone[::-1]
        assert [item.done for item in stack] == [True] * len(done) + [False] * len(undone)
        for item in stack:
            deltas = self.model.batches[item.id]
            cells = [(key[2], _number(after)) for key, _, after in deltas if key[0] == "verdict"]
            assert item.images == len({key[1] for key, _, _ in deltas})
            assert item.changes == len(cells)
            classes, verdicts = {klass for klass, _ in cells}, {stored for _, stored in cells}
            assert item.class_id == (classes.pop() if len(classes) == 1 else None)
            assert item.verdict == (Verdict(verdicts.pop()) if len(verdicts) == 1 else None)


def batch_at(batch: Batch) -> int:
    return round(batch.at.timestamp() * 1e6)


def _number(stored: Any) -> int:
    return -1 if stored is None else stored[0]


TestSaid = Said.TestCase
TestSaid.settings = settings(
    max_examples=examples(40),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
