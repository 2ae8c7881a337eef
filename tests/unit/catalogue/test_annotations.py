"""Annotations, undo and the journal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal import journal_of
from stored_annotations import annotations_in, marks_in

from lmpt_desktop.catalogue import Catalogue, Change, NotInCatalogue
from lmpt_desktop.domain.records import ClassEntry, Source, Verdict

AddImages = Callable[[int], list[int]]


@pytest.fixture
def dog(catalogue: Catalogue) -> ClassEntry:
    return catalogue.classes.add("dog")


@pytest.fixture
def cat(catalogue: Catalogue) -> ClassEntry:
    return catalogue.classes.add("cat")


def stored(catalogue: Catalogue) -> set[tuple]:
    """Everything that is stored, with its time and source, and all the marks."""
    return annotations_in(catalogue) | marks_in(catalogue)


def replayed(catalogue: Catalogue) -> dict[tuple[int, int | None], Verdict]:
    """The state that the journal alone leads to."""
    state: dict[tuple[int, int | None], Verdict] = {}
    for entry in journal_of(catalogue):
        key = (entry.image_id, entry.class_id)
        assert state.get(key, Verdict.UNKNOWN) == entry.before
        state[key] = entry.after
    return {key: verdict for key, verdict in state.items() if verdict is not Verdict.UNKNOWN}


def current(catalogue: Catalogue) -> dict[tuple[int, int | None], Verdict]:
    state: dict[tuple[int, int | None], Verdict] = {
        (image, klass): Verdict(verdict) for image, klass, verdict, *_ in annotations_in(catalogue)
    }
    return state | {(image, None): Verdict.PRESENT for image in catalogue.annotations.reviewed()}


def test_the_matrix_has_the_order_asked_for(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry, cat: ClassEntry
) -> None:
    a, b, c = add_images(3)
    catalogue.annotations.apply(
        [Change(a, dog.id, 1), Change(b, cat.id, 0), Change(c, dog.id, Verdict.ABSENT)]
    )
    matrix = catalogue.annotations.matrix([c, a, b], [cat.id, dog.id])
    assert matrix.dtype == np.int8
    assert matrix.tolist() == [[-1, 0], [-1, 1], [0, -1]]
    assert catalogue.annotations.matrix([], [dog.id]).shape == (0, 1)


def test_a_large_matrix_equals_a_small_one(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry, cat: ClassEntry
) -> None:
    ids = add_images(2500)
    catalogue.annotations.apply([Change(i, dog.id, i % 2) for i in ids[::3]])
    large = catalogue.annotations.matrix(ids, [cat.id, dog.id])
    small = catalogue.annotations.matrix(ids[:900], [cat.id, dog.id])
    assert np.array_equal(large[:900], small)
    assert (large[:, 1] >= 0).sum() == len(ids[::3])


def test_a_batch_holds_what_really_changed(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry
) -> None:
    a, b = add_images(2)
    catalogue.annotations.apply([Change(a, dog.id, 1)])
    batch = catalogue.annotations.apply([Change(a, dog.id, 1), Change(b, dog.id, 0)])
    assert batch.image_ids.tolist() == [b]
    assert (batch.before.tolist(), batch.after.tolist()) == ([-1], [0])
    # the later of two changes of the same thing counts
    batch = catalogue.annotations.apply([Change(b, dog.id, 1), Change(b, dog.id, -1)])
    assert (batch.before.tolist(), batch.after.tolist()) == ([0], [-1])
    assert catalogue.annotations.matrix([b], [dog.id]).tolist() == [[-1]]


def test_the_user_confirming_an_import_makes_it_the_users(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry
) -> None:
    (a,) = add_images(1)
    catalogue.annotations.apply([Change(a, dog.id, 1)], Source.IMPORT)
    batch = catalogue.annotations.apply([Change(a, dog.id, 1)])
    assert len(batch) == 1
    (row,) = stored(catalogue)
    assert row[-1] == "user"
    catalogue.annotations.undo(batch)
    (row,) = stored(catalogue)
    assert row[-1] == "import"


def test_undo_puts_back_verdict_time_and_source(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry, cat: ClassEntry
) -> None:
    ids = add_images(5)
    catalogue.annotations.apply([Change(i, dog.id, 1) for i in ids[:3]], Source.IMPORT)
    before = stored(catalogue)
    batch = catalogue.annotations.apply(
        [Change(i, dog.id, 0) for i in ids] + [Change(ids[0], cat.id, 1)]
    )
    after = stored(catalogue)
    undone = catalogue.annotations.undo(batch)
    assert stored(catalogue) == before
    assert undone.undoes == batch.id
    assert undone.skipped == 0
    assert undone.before.tolist() == batch.after.tolist()
    catalogue.annotations.undo(undone)  # redo
    assert stored(catalogue) == after


def test_undo_leaves_alone_what_was_changed_since(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry
) -> None:
    a, b = add_images(2)
    first = catalogue.annotations.apply([Change(a, dog.id, 1), Change(b, dog.id, 1)])
    catalogue.annotations.apply([Change(a, dog.id, 0)])
    undone = catalogue.annotations.undo(first)
    assert undone.skipped == 1
    assert catalogue.annotations.matrix([a, b], [dog.id]).tolist() == [[0], [-1]]
    assert len(catalogue.annotations.undo(first)) == 0  # twice does nothing more


def test_reviewing_declares_the_unknown_classes_absent(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry, cat: ClassEntry
) -> None:
    a, b = add_images(2)
    old = catalogue.classes.add("old")
    catalogue.classes.archive(old.id)
    catalogue.annotations.apply([Change(a, dog.id, 1)])
    before = stored(catalogue)
    batch = catalogue.annotations.set_reviewed([a], True)
    assert catalogue.annotations.matrix([a, b], [dog.id, cat.id, old.id]).tolist() == [
        [1, 0, -1],
        [-1, -1, -1],
    ]
    assert catalogue.annotations.reviewed() == {a}
    assert batch.reviewed_ids.tolist() == [a]
    assert batch.reviewed_after.tolist() == [True]
    catalogue.annotations.undo(batch)
    assert stored(catalogue) == before
    assert catalogue.annotations.reviewed() == set()


def test_taking_the_mark_off_keeps_the_verdicts(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry
) -> None:
    (a,) = add_images(1)
    catalogue.annotations.set_reviewed([a], True)
    batch = catalogue.annotations.set_reviewed([a], False)
    assert batch.reviewed_after.tolist() == [False]
    assert catalogue.annotations.reviewed() == set()
    assert catalogue.annotations.matrix([a], [dog.id]).tolist() == [[0]]
    catalogue.annotations.undo(batch)
    assert catalogue.annotations.reviewed() == {a}


def test_reviewing_again_covers_classes_added_since(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry
) -> None:
    (a,) = add_images(1)
    catalogue.annotations.set_reviewed([a], True)
    cat = catalogue.classes.add("cat")
    assert catalogue.annotations.matrix([a], [cat.id]).tolist() == [[-1]]
    catalogue.annotations.set_reviewed([a], True)
    assert catalogue.annotations.matrix([a], [cat.id]).tolist() == [[0]]


def test_counts_leave_out_hidden_folders(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry
) -> None:
    ids = add_images(4)
    catalogue.annotations.apply([Change(i, dog.id, int(i != ids[0])) for i in ids])
    counted = catalogue.annotations.counts()[dog.id]
    assert (counted.present, counted.absent) == (3, 1)
    catalogue.folders.remove(catalogue.folders.all()[0].id)
    assert catalogue.annotations.counts() == {}


@pytest.mark.parametrize("change", [(999, 1, 1), (1, 999, 1)])
def test_a_change_of_something_unknown_changes_nothing(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry, change: tuple[int, int, int]
) -> None:
    (a,) = add_images(1)
    with pytest.raises(NotInCatalogue):
        catalogue.annotations.apply([Change(a, dog.id, 1), Change(*change)])
    with pytest.raises(NotInCatalogue):
        catalogue.annotations.set_reviewed([a, 999], True)
    with pytest.raises(NotInCatalogue):
        catalogue.annotations.undo(999)
    with pytest.raises(ValueError, match="7"):
        catalogue.annotations.apply([Change(a, dog.id, 7)])
    assert stored(catalogue) == set()
    assert list(journal_of(catalogue)) == []


def test_the_journal_of_one_image_is_its_history(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry
) -> None:
    a, b = add_images(2)
    batch = catalogue.annotations.apply([Change(a, dog.id, 1), Change(b, dog.id, 1)])
    catalogue.annotations.undo(batch)
    history = [(entry.action, entry.before, entry.after) for entry in journal_of(catalogue, a)]
    assert history == [
        ("apply", Verdict.UNKNOWN, Verdict.PRESENT),
        ("undo", Verdict.PRESENT, Verdict.UNKNOWN),
    ]


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("apply"),
            st.lists(
                st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(-1, 1)), max_size=6
            ),
            st.sampled_from([Source.USER, Source.IMPORT]),
        ),
        st.tuples(st.just("review"), st.sets(st.integers(0, 3)), st.booleans()),
        st.tuples(st.just("undo"), st.integers(0, 30), st.none()),
    ),
    max_size=12,
)


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=steps)
def test_annotations_are_always_what_the_journal_leads_to(steps, make_file) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Catalogue.open(Path(folder)) as catalogue,
    ):
        place = catalogue.folders.add(Path(folder) / "photos")
        images = catalogue.images.upsert(place.id, [make_file(f"{i}.jpg") for i in range(4)])
        classes = [catalogue.classes.add(name).id for name in "abc"]
        batches = []
        for kind, what, how in steps:
            if kind == "apply":
                changes = [Change(images[i], classes[c], verdict) for i, c, verdict in what]
                batches.append(catalogue.annotations.apply(changes, how))
            elif kind == "review":
                batches.append(catalogue.annotations.set_reviewed([images[i] for i in what], how))
            elif batches:
                batches.append(catalogue.annotations.undo(batches[what % len(batches)]))
            assert replayed(catalogue) == current(catalogue)
        # Undone from the last to the first, nothing is left.
        for batch in reversed(batches):
            assert catalogue.annotations.undo(batch).skipped == 0
        assert stored(catalogue) == set()
        assert replayed(catalogue) == {}


def test_the_source_of_every_annotation(
    catalogue: Catalogue, add_images: AddImages, dog: ClassEntry, cat: ClassEntry
) -> None:
    a, b, c = add_images(3)
    said = catalogue.annotations
    said.apply([Change(a, dog.id, Verdict.PRESENT)])
    said.apply([Change(b, dog.id, Verdict.PRESENT)], Source.IMPORT)
    said.apply([Change(b, cat.id, Verdict.ABSENT)], Source.MACHINE)
    said.set_reviewed([a], reviewed=True)
    assert said.sources([c, b, a, 999], [cat.id, 999, dog.id]).tolist() == [
        [-1, -1, -1],
        [3, -1, 2],
        [1, -1, 0],
        [-1, -1, -1],
    ]
    assert said.sources([], [dog.id]).shape == (0, 1)
    assert said.sources([a], []).shape == (1, 0)
