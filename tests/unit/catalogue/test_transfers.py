"""Annotations go from an image to its successor, and back."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from example_counts import examples
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from paper_library import fill
from stored_annotations import annotations_in, marks_in, rebuilt

from lmpt_desktop.catalogue import Catalogue, opening, successors
from lmpt_desktop.catalogue.records import Change
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.domain.records import Batch, CaptionSource, ImageState, TransferReason, Verdict

PRESENT, ABSENT, UNKNOWN = Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN
ANT, BEE, CAT = 1, 2, 3
COPY, EDIT = TransferReason.COPY, TransferReason.EDIT


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """Six images, of which the first three are missing, and three classes."""
    with Catalogue.open(tmp_path / "library") as opened:
        fill(opened, tmp_path / "photos", 6, ("ant", "bee", "cat"))
        opened.images.mark_missing([1, 2, 3])
        yield opened


def annotate(catalogue: Catalogue, *cells: tuple[int, int, Verdict]) -> None:
    catalogue.annotations.apply([Change(*cell) for cell in cells])


def said(catalogue: Catalogue, *images: int) -> list[list[int]]:
    return catalogue.annotations.matrix(images, [ANT, BEE, CAT]).tolist()


def everything(catalogue: Catalogue) -> set[tuple]:
    """All that is stored about annotations, which must be what the journal results in."""
    stored = annotations_in(catalogue) | marks_in(catalogue)
    assert rebuilt(catalogue) == stored
    return stored


def follow(catalogue: Catalogue, *pairs: tuple[int, int], **options: Any) -> Batch:
    return catalogue.transfers.follow(pairs, COPY, "followed", **options)


def column(catalogue: Catalogue, name: str) -> list[Any]:
    """A column of the images, by id."""
    path = catalogue.library_folder / opening.CATALOGUE_NAME
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(f"SELECT {name} FROM images ORDER BY id")]


def states(catalogue: Catalogue) -> dict[tuple[int, int], str]:
    path = catalogue.library_folder / opening.CATALOGUE_NAME
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT image_id, successor_id, state FROM successors")
        return {(old, new): state for old, new, state in found}


def test_verdicts_go_with_their_time_and_source(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT), (1, BEE, ABSENT))
    before = everything(catalogue)
    batch = follow(catalogue, (1, 4))
    assert said(catalogue, 1, 4) == [[-1, -1, -1], [1, 0, -1]]
    assert everything(catalogue) == {(4, *row[1:]) for row in before}
    assert (batch.action, batch.label, len(batch)) == ("followed", "followed", 4)
    assert column(catalogue, "superseded") == [1, 0, 0, 0, 0, 0]


def test_undo_and_redo_restore_every_row(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT), (2, CAT, PRESENT))
    catalogue.annotations.set_reviewed([1, 2], True)
    before = everything(catalogue)
    batch = follow(catalogue, (1, 4), (2, 5))
    after = everything(catalogue)
    assert said(catalogue, 1, 2, 4, 5) == [[-1] * 3, [-1] * 3, [1, 0, 0], [0, 0, 1]]
    assert catalogue.annotations.reviewed() == {4, 5}

    undone = catalogue.annotations.toggle_undo(batch)
    assert everything(catalogue) == before
    assert undone.skipped == 0
    assert column(catalogue, "superseded") == [0] * 6
    assert set(states(catalogue).values()) == {"declined"}
    assert catalogue.images.table().ids.tolist() == [1, 2, 3, 4, 5, 6]

    catalogue.annotations.toggle_undo(batch)
    assert everything(catalogue) == after
    assert column(catalogue, "superseded") == [1, 1, 0, 0, 0, 0]
    assert set(states(catalogue).values()) == {"followed"}
    assert catalogue.images.table().ids.tolist() == [3, 4, 5, 6]

    catalogue.annotations.toggle_undo(batch)
    assert everything(catalogue) == before


def test_a_review_in_one_row_stays_one_row(catalogue: Catalogue) -> None:
    catalogue.annotations.set_reviewed([1], True)
    follow(catalogue, (1, 4))
    path = catalogue.library_folder / opening.CATALOGUE_NAME
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT image_id FROM declared_absent").fetchall() == [(4,)]
        assert connection.execute("SELECT count(*) FROM annotations").fetchone() == (0,)


def test_a_review_in_several_rows(catalogue: Catalogue) -> None:
    """The image was reviewed again after the vocabulary had grown."""
    catalogue.annotations.set_reviewed([1], True)
    dog = catalogue.classes.add("dog").id
    catalogue.annotations.set_reviewed([1], True)
    before = everything(catalogue)
    batch = follow(catalogue, (1, 4))
    assert catalogue.annotations.matrix([1, 4], [ANT, BEE, CAT, dog]).tolist() == [
        [-1] * 4,
        [0] * 4,
    ]
    assert {row[1] if row[0] == "reviewed" else row[0] for row in everything(catalogue)} == {4}
    assert column(catalogue, "superseded")[0] == 1, "nothing of the user's is left of it"
    assert states(catalogue) == {(1, 4): "followed"}
    catalogue.annotations.undo(batch)
    assert everything(catalogue) == before


def test_what_contradicts_stays_with_the_old_image(catalogue: Catalogue) -> None:
    annotate(
        catalogue,
        (1, ANT, PRESENT),
        (1, BEE, ABSENT),
        (1, CAT, PRESENT),
        (4, ANT, ABSENT),
        (4, BEE, ABSENT),
    )
    before = everything(catalogue)
    batch = follow(catalogue, (1, 4), edited=True)
    assert said(catalogue, 1, 4) == [[1, -1, -1], [0, 0, 1]]
    assert column(catalogue, "superseded")[0] == 0
    assert states(catalogue) == {(1, 4): "declined"}, "the next scan leaves it to the user"
    assert column(catalogue, "edited")[3] == 1
    catalogue.annotations.toggle_undo(batch)
    assert everything(catalogue) == before
    assert column(catalogue, "edited")[3] == 0
    catalogue.annotations.toggle_undo(batch)
    assert states(catalogue) == {(1, 4): "declined"}


def test_a_declared_absent_that_contradicts_stays(catalogue: Catalogue) -> None:
    catalogue.annotations.set_reviewed([1], True)
    annotate(catalogue, (4, ANT, PRESENT))
    before = everything(catalogue)
    batch = follow(catalogue, (1, 4))
    assert said(catalogue, 1, 4) == [[0, -1, -1], [1, 0, 0]]
    assert catalogue.annotations.reviewed() == {4}
    catalogue.annotations.undo(batch)
    assert everything(catalogue) == before


def test_two_images_go_to_one(catalogue: Catalogue) -> None:
    """What the first has counts; what the second says otherwise stays with it."""
    annotate(catalogue, (1, ANT, PRESENT), (2, ANT, ABSENT), (2, BEE, PRESENT))
    before = everything(catalogue)
    batch = follow(catalogue, (1, 4), (2, 4))
    assert said(catalogue, 1, 2, 4) == [[-1] * 3, [0, -1, -1], [1, 1, -1]]
    assert states(catalogue) == {(1, 4): "followed", (2, 4): "declined"}
    catalogue.annotations.undo(batch)
    assert everything(catalogue) == before


def test_two_reviewed_images_go_to_one(catalogue: Catalogue) -> None:
    catalogue.annotations.set_reviewed([1], True)
    dog = catalogue.classes.add("dog").id
    annotate(catalogue, (2, BEE, ABSENT))
    catalogue.annotations.set_reviewed([2], True)
    before = everything(catalogue)
    batch = follow(catalogue, (1, 4), (2, 4))
    assert catalogue.annotations.matrix([1, 2, 4], [ANT, BEE, CAT, dog]).tolist() == [
        [-1] * 4,
        [-1] * 4,
        [0] * 4,
    ]
    assert catalogue.annotations.reviewed() == {4}
    catalogue.annotations.undo(batch)
    assert everything(catalogue) == before


def test_changes_since_are_left_alone_by_an_undo(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT), (1, BEE, PRESENT))
    batch = follow(catalogue, (1, 4))
    annotate(catalogue, (4, ANT, ABSENT))
    undone = catalogue.annotations.undo(batch)
    assert said(catalogue, 1, 4) == [[1, 1, -1], [0, -1, -1]]
    assert undone.skipped == 1


@pytest.mark.parametrize("pairs", [((1, 4), (1, 5)), ((1, 2), (2, 4))])
def test_an_image_has_one_successor(
    catalogue: Catalogue, pairs: tuple[tuple[int, int], ...]
) -> None:
    annotate(catalogue, (1, ANT, PRESENT))
    before = everything(catalogue)
    with pytest.raises(ValueError, match="one successor"):
        follow(catalogue, *pairs)
    assert everything(catalogue) == before
    assert states(catalogue) == {}


def test_nothing_to_follow(catalogue: Catalogue) -> None:
    assert len(follow(catalogue)) == 0
    assert len(follow(catalogue, (1, 4), (5, 5))) == 0
    assert catalogue.annotations.history() == []
    assert column(catalogue, "superseded")[0] == 1


def test_the_users_captions_and_the_held_out_side_go_along(catalogue: Catalogue) -> None:
    catalogue.images.set_caption(1, "a red kite")
    catalogue.images.set_caption(2, "mine")
    catalogue.images.set_caption(5, "mine, too")
    catalogue.images.set_caption(6, "from the file", CaptionSource.EMBEDDED)
    catalogue.images.set_caption(3, "the user's")
    catalogue.runs.add_held_out([1])
    follow(catalogue, (1, 4), (2, 5), (3, 6))
    assert catalogue.images.captions([1, 2, 3, 4, 5, 6]) == {
        2: "mine",
        4: "a red kite",
        5: "mine, too",
        6: "the user's",
    }
    assert catalogue.images.details(4).caption_source is CaptionSource.USER
    assert 4 in catalogue.runs.held_out()
    assert {1, 4} <= catalogue.images.of_same_photos([1])
    assert column(catalogue, "superseded") == [1, 0, 1, 0, 0, 0]


def test_edited_images_are_listed_until_that_is_undone(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT))
    batch = catalogue.transfers.follow([(1, 4)], EDIT, "", edited=True)
    assert catalogue.images.table(ids=[4]).edited.tolist() == [True]
    catalogue.annotations.toggle_undo(batch)
    assert catalogue.images.table(ids=[4]).edited.tolist() == [False]
    catalogue.annotations.toggle_undo(batch)
    assert catalogue.images.table(ids=[4]).edited.tolist() == [True]
    catalogue.transfers.set_edited([4], False)
    assert catalogue.images.table(ids=[4]).edited.tolist() == [False]


def test_an_edit_that_was_taken_back_is_not_listed_by_redo(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT))
    catalogue.transfers.follow([(1, 4)], EDIT, "", edited=True)
    back = catalogue.transfers.follow([(4, 1)], EDIT, "")
    assert column(catalogue, "edited")[0] == 0
    catalogue.annotations.toggle_undo(back)
    catalogue.annotations.toggle_undo(back)
    assert said(catalogue, 1, 4) == [[1, -1, -1], [-1] * 3]
    assert column(catalogue, "edited")[0] == 0


def test_an_edited_photo_stays_listed_where_it_goes(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT))
    catalogue.transfers.set_edited([1], True)
    batch = follow(catalogue, (1, 4))
    assert column(catalogue, "edited")[3] == 1
    catalogue.annotations.toggle_undo(batch)
    assert column(catalogue, "edited")[:4] == [1, 0, 0, 0]
    catalogue.annotations.toggle_undo(batch)
    assert column(catalogue, "edited")[3] == 1


def test_of_two_edits_of_a_photo_the_last_gives_back(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT))
    catalogue.transfers.follow([(1, 4)], EDIT, "", edited=True)
    catalogue.transfers.follow([(4, 5)], EDIT, "", edited=True)
    catalogue.transfers.separate([4, 5], "")
    assert said(catalogue, 1, 4, 5) == [[-1] * 3, [1, -1, -1], [-1] * 3]


def test_another_photo_gives_back_what_followed(catalogue: Catalogue) -> None:
    """But keeps what was said of itself."""
    annotate(catalogue, (1, ANT, PRESENT), (2, ANT, PRESENT))
    catalogue.annotations.set_reviewed([1], True)
    before = everything(catalogue)
    catalogue.transfers.follow([(1, 4), (2, 5)], EDIT, "", edited=True)
    after = everything(catalogue)
    assert catalogue.transfers.predecessors([4]) == {4: 1}
    assert catalogue.transfers.predecessors([4, 5, 6]) == {4: 1, 5: 2}
    assert catalogue.transfers.predecessors([6]) == {}

    batch = catalogue.transfers.separate([4, 6], "back")
    assert said(catalogue, 1, 4, 5) == [[1, 0, 0], [-1] * 3, [1, -1, -1]]
    assert catalogue.annotations.reviewed() == {1}
    assert column(catalogue, "edited") == [0, 0, 0, 0, 1, 0]
    assert column(catalogue, "superseded") == [0, 1, 0, 0, 0, 0]
    assert states(catalogue) == {(1, 4): "declined", (2, 5): "followed"}
    assert catalogue.transfers.predecessors([4]) == {}
    assert catalogue.annotations.history()[-1].label == "back"

    catalogue.annotations.toggle_undo(batch)
    assert everything(catalogue) == after
    assert column(catalogue, "edited") == [0, 0, 0, 1, 1, 0]
    assert column(catalogue, "superseded") == [1, 1, 0, 0, 0, 0]
    assert states(catalogue) == {(1, 4): "followed", (2, 5): "followed"}

    catalogue.annotations.toggle_undo(batch)
    catalogue.transfers.separate([5], "")
    assert everything(catalogue) == before


def test_what_was_said_of_the_other_photo_stays_with_it(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT), (1, BEE, PRESENT))
    catalogue.images.set_caption(1, "the old one")
    catalogue.transfers.follow([(1, 4)], EDIT, "", edited=True)
    annotate(catalogue, (4, BEE, ABSENT), (4, CAT, PRESENT))
    catalogue.transfers.separate([4], "")
    assert said(catalogue, 1, 4) == [[1, 1, -1], [-1, 0, 1]]
    assert catalogue.images.captions([1, 4]) == {1: "the old one"}


def test_captions_alone_are_given_back(catalogue: Catalogue) -> None:
    catalogue.images.set_caption(1, "the old one")
    catalogue.transfers.follow([(1, 4)], EDIT, "")
    assert column(catalogue, "superseded")[0] == 1
    catalogue.transfers.separate([4], "")
    assert catalogue.images.captions([1, 4]) == {1: "the old one"}
    assert column(catalogue, "superseded")[0] == 0


def test_an_edit_that_contradicts_can_be_taken_apart(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT), (1, BEE, PRESENT), (4, BEE, ABSENT))
    catalogue.transfers.follow([(1, 4)], EDIT, "", edited=True)
    assert catalogue.transfers.predecessors([4]) == {4: 1}
    catalogue.transfers.separate([4], "")
    assert said(catalogue, 1, 4) == [[1, 1, -1], [-1, 0, -1]]
    assert catalogue.transfers.predecessors([4]) == {}


def test_unlike_and_declined_pairs_are_remembered(catalogue: Catalogue) -> None:
    catalogue.transfers.mark_unlike([(1, 4)], EDIT)
    catalogue.transfers.decline([(2, 5)], COPY)
    assert states(catalogue) == {(1, 4): "unlike", (2, 5): "declined"}


def test_receivers_are_told_until_it_is_undone(catalogue: Catalogue) -> None:
    annotate(catalogue, (1, ANT, PRESENT), (2, ANT, PRESENT))
    first = follow(catalogue, (2, 5))
    second = follow(catalogue, (1, 4))
    assert catalogue.transfers.receivers([first.id, second.id]) == [4, 5]
    catalogue.annotations.undo(first)
    assert catalogue.transfers.receivers([first.id, second.id]) == [4]


def test_a_failure_on_the_way_changes_nothing(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction: so nothing is lost either if the process is killed."""
    annotate(catalogue, (1, ANT, PRESENT))
    catalogue.images.set_caption(1, "mine")
    before = everything(catalogue)

    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(successors, "record", fail)
    with pytest.raises(RuntimeError, match="killed"):
        follow(catalogue, (1, 4))
    assert everything(catalogue) == before
    assert catalogue.images.captions([1, 4]) == {1: "mine"}
    assert column(catalogue, "superseded") == [0] * 6
    assert catalogue.annotations.history()[-1].action == "apply"


def test_what_is_written_is_read_again(catalogue: Catalogue) -> None:
    """The window reads images again that are shown or hidden by a transfer."""
    annotate(catalogue, (1, ANT, PRESENT))
    catalogue.images.changed.take()
    batch = follow(catalogue, (1, 4))
    assert catalogue.images.changed.take().ids.tolist() == [1, 4]
    catalogue.annotations.undo(batch)
    assert catalogue.images.changed.take().ids.tolist() == [1, 4]
    assert catalogue.images.table().states[0] == ImageState.MISSING


# --------------------------------------------------------------------- against a plain model

IMAGES, CLASSES = 5, 4
Cell = tuple[int, int]


class Followed(RuleBasedStateMachine):
    """Verdicts and marks against dictionaries: {(image, class): verdict}, {image: marked}."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        library = Path(self.folder.name) / "library"
        self.catalogue = Catalogue.open(library)
        names = ("ant", "bee")
        self.images = fill(self.catalogue, library / "photos", IMAGES, names)
        self.said: dict[Cell, int] = {}
        self.marked: set[int] = set()
        self.before: dict[int, set[tuple]] = {}
        self.newest: int | None = None

    def teardown(self) -> None:
        if hasattr(self, "catalogue"):
            self.catalogue.close()
            self.folder.cleanup()

    @property
    def classes(self) -> list[int]:
        return [entry.id for entry in self.catalogue.classes.all(archived=True)]

    @precondition(lambda self: len(self.classes) < CLASSES)
    @rule()
    def add_class(self) -> None:
        self.catalogue.classes.add(("cat", "dog")[len(self.classes) - 2])

    @rule(
        cells=st.lists(
            st.tuples(st.integers(0, IMAGES - 1), st.integers(0, CLASSES - 1), st.integers(-1, 1)),
            max_size=5,
        )
    )
    def annotate(self, cells: list[tuple[int, int, int]]) -> None:
        classes = self.classes
        changes = [
            Change(self.images[i], classes[c % len(classes)], Verdict(v)) for i, c, v in cells
        ]
        self.newest = None
        self.catalogue.annotations.apply(changes)
        for image, class_id, verdict in changes:
            self.said.pop((image, class_id), None)
            if verdict >= 0:
                self.said[image, class_id] = verdict

    @rule(which=st.sets(st.integers(0, IMAGES - 1), max_size=2))
    def review(self, which: set[int]) -> None:
        self.newest = None
        self.catalogue.annotations.set_reviewed([self.images[i] for i in which], True)
        for i in which:
            self.marked.add(self.images[i])
            for class_id in self.classes:
                self.said.setdefault((self.images[i], class_id), 0)

    @rule(
        goals=st.lists(st.none() | st.integers(0, IMAGES - 1), min_size=IMAGES, max_size=IMAGES),
        edited=st.booleans(),
    )
    def move(self, goals: Sequence[int | None], edited: bool) -> None:
        receiving = {target for target in goals if target is not None}
        pairs = [
            (self.images[i], self.images[target])
            for i, target in enumerate(goals)
            if target is not None and i not in receiving
        ]
        before = annotations_in(self.catalogue) | marks_in(self.catalogue)
        state = (dict(self.said), set(self.marked))
        batch = self.catalogue.transfers.follow(pairs, EDIT, "moved", edited=edited)
        changed: set[tuple[int, int | None]] = set()
        for old, new in pairs:
            for class_id in self.classes:
                verdict = self.said.get((old, class_id))
                there = self.said.get((new, class_id))
                if verdict is None or there not in (None, verdict):
                    continue
                del self.said[old, class_id]
                changed.add((old, class_id))
                if there is None:
                    self.said[new, class_id] = verdict
                    changed.add((new, class_id))
            if old in self.marked:
                self.marked.remove(old)
                changed.add((old, None))
                if new not in self.marked:
                    self.marked.add(new)
                    changed.add((new, None))
        assert len(batch) == len(changed)
        self.newest, self.undone = batch.id, False
        after = annotations_in(self.catalogue) | marks_in(self.catalogue)
        self.stored = (before, after)
        self.states = (state, (dict(self.said), set(self.marked)))

    @precondition(lambda self: self.newest is not None)
    @rule()
    def undo_or_redo(self) -> None:
        assert self.newest is not None
        made = self.catalogue.annotations.toggle_undo(self.newest)
        assert made.skipped == 0
        self.undone = not self.undone
        stored = annotations_in(self.catalogue) | marks_in(self.catalogue)
        assert stored == self.stored[0 if self.undone else 1]
        said, marked = self.states[0 if self.undone else 1]
        self.said, self.marked = dict(said), set(marked)

    @invariant()
    def it_is_what_the_model_says(self) -> None:
        if not hasattr(self, "said"):
            return
        classes = self.classes
        expected = [[self.said.get((i, c), -1) for c in classes] for i in self.images]
        assert self.catalogue.annotations.matrix(self.images, classes).tolist() == expected
        assert self.catalogue.annotations.reviewed() == self.marked
        stored = annotations_in(self.catalogue) | marks_in(self.catalogue)
        assert rebuilt(self.catalogue) == stored
        assert self.catalogue.check_soundness() == Soundness()

    @invariant()
    def user_data_is_what_is_stored(self) -> None:
        """A declaration of which nothing is left does not keep an image in view."""
        if not hasattr(self, "said"):
            return
        expected = {image for image, _ in self.said} | self.marked
        assert self.catalogue.images.with_user_data(self.images) == expected


TestFollowed = Followed.TestCase
TestFollowed.settings = settings(
    max_examples=examples(25),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
