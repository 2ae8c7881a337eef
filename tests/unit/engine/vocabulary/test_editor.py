"""Changes of the vocabulary: previewed, nothing lost, undone exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from class_ids import class_id
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paper_library import open_session

from lmpt_desktop.catalogue import ClassNameInvalid, ClassNameTaken, NotInCatalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.catalogue.records import Change
from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.vocabulary.editor import VocabularyStep
from lmpt_desktop.engine.vocabulary.merging import PlanOutdatedError

COUNT = 12


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LibrarySession]:
    """Twelve images; six of them have annotations of dog and puppy."""
    with open_session(tmp_path / "library", COUNT, ("dog", "puppy", "kite")) as opened:
        say(opened, "dog", [1, 2, 3], Verdict.PRESENT)
        say(opened, "dog", [4], Verdict.ABSENT)
        say(opened, "puppy", [3, 4, 5], Verdict.PRESENT)
        say(opened, "puppy", [1, 6], Verdict.ABSENT)
        yield opened


def say(session: LibrarySession, name: str, images: list[int], verdict: Verdict) -> None:
    session.annotations.annotate(images, [class_id(session, name)], verdict)


def names(session: LibrarySession) -> list[str]:
    return [entry.name for entry in session.snapshot().classes]


def verdicts_of(session: LibrarySession, name: str) -> dict[int, int]:
    images, _, verdicts = session.catalogue.annotations.of_classes([class_id(session, name)])
    return dict(zip(images.tolist(), verdicts.tolist(), strict=True))


def whole(session: LibrarySession) -> tuple[object, ...]:
    """Everything a change of the vocabulary may touch."""
    classes = session.catalogue.classes.all(archived=True)
    images, ids, verdicts = session.catalogue.annotations.of_classes([item.id for item in classes])
    live = [item for item in classes if not item.archived]
    shown = session.snapshot()
    assert list(shown.classes) == live
    matrix = session.catalogue.annotations.matrix(shown.image_ids, [item.id for item in live])
    assert np.array_equal(shown.annotations, matrix)
    return tuple(classes), images.tolist(), ids.tolist(), verdicts.tolist()


def test_the_plan_of_a_merge_says_what_will_happen(session: LibrarySession) -> None:
    dog, puppy = class_id(session, "dog"), class_id(session, "puppy")
    before = whole(session)
    plan = session.vocabulary.plan_merge([dog, puppy], dog)
    assert plan.sentences == (
        "“puppy” and “dog” become “dog”: 5 photos.",
        "2 photos are marked present for one and absent for another; they count as present.",
        "In 1 photo the class is absent.",
        "“puppy” becomes another name of “dog”.",
        "Until the next retraining “dog” is predicted where “puppy” would be, too.",
    )
    assert whole(session) == before


def test_a_merge_keeps_annotations_and_present_wins(session: LibrarySession) -> None:
    dog, puppy = class_id(session, "dog"), class_id(session, "puppy")
    apart = verdicts_of(session, "puppy")
    before = whole(session)
    step = session.vocabulary.merge(session.vocabulary.plan_merge([dog, puppy], dog))
    assert names(session) == ["dog", "kite"]
    assert session.snapshot().classes[0].aliases == ("puppy",)
    assert verdicts_of(session, "dog") == {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 0}
    assert verdicts_of(session, "puppy") == apart  # in the archive, untouched
    after = whole(session)
    session.vocabulary.undo(step)
    assert whole(session) == before
    session.vocabulary.redo(step)
    assert whole(session)[0] == after[0]
    assert whole(session)[3] == after[3]


def test_absents_of_the_merged_class_can_be_left_behind(session: LibrarySession) -> None:
    dog, puppy = class_id(session, "dog"), class_id(session, "puppy")
    plan = session.vocabulary.plan_merge([puppy], dog, absent_too=False)
    session.vocabulary.merge(plan)
    assert verdicts_of(session, "dog") == {1: 1, 2: 1, 3: 1, 4: 1, 5: 1}


def test_three_classes_become_one_with_all_their_names(session: LibrarySession) -> None:
    ids = [entry.id for entry in session.snapshot().classes]
    session.vocabulary.set_aliases(ids[1], ["pup", "whelp"])
    session.vocabulary.merge(session.vocabulary.plan_merge(ids, ids[2]))
    assert names(session) == ["kite"]
    assert session.snapshot().classes[0].aliases == ("dog", "puppy", "pup", "whelp")


def test_a_merged_class_that_comes_back_is_a_class_again(session: LibrarySession) -> None:
    dog, puppy = class_id(session, "dog"), class_id(session, "puppy")
    session.vocabulary.merge(session.vocabulary.plan_merge([puppy], dog))
    with pytest.raises(ClassNameTaken, match="another name of “dog”"):
        session.vocabulary.add("Puppy")
    assert [entry.name for entry, _count in session.vocabulary.archived()] == ["puppy"]
    session.vocabulary.unarchive([puppy])
    assert names(session) == ["dog", "kite", "puppy"]
    assert session.snapshot().classes[0].aliases == ()


def test_a_merge_with_a_class_that_is_gone_is_refused(session: LibrarySession) -> None:
    dog, puppy = class_id(session, "dog"), class_id(session, "puppy")
    session.vocabulary.archive([puppy])
    with pytest.raises(NotInCatalogue):
        session.vocabulary.plan_merge([puppy], dog)


@pytest.mark.parametrize("what", ["puppy gains", "dog is corrected", "puppy is renamed"])
def test_a_merge_that_is_no_longer_what_was_shown_is_refused(
    session: LibrarySession, what: str
) -> None:
    dog, puppy = class_id(session, "dog"), class_id(session, "puppy")
    plan = session.vocabulary.plan_merge([puppy], dog)
    if what == "puppy gains":
        session.annotations.annotate([7], [puppy], Verdict.PRESENT)
    elif what == "dog is corrected":
        session.annotations.annotate([5], [dog], Verdict.ABSENT)
    else:
        session.vocabulary.rename(puppy, "whelp")
    before = whole(session)
    with pytest.raises(PlanOutdatedError):
        session.vocabulary.merge(plan)
    assert whole(session) == before
    session.vocabulary.merge(session.vocabulary.plan_merge([puppy], dog))
    assert names(session) == ["dog", "kite"]


def test_a_split_that_is_no_longer_what_was_shown_is_refused(session: LibrarySession) -> None:
    dog = class_id(session, "dog")
    plan = session.vocabulary.plan_split(dog, ["hound"], copy=True, keep=False)
    session.annotations.annotate([2], [dog], Verdict.ABSENT)
    before = whole(session)
    with pytest.raises(PlanOutdatedError):
        session.vocabulary.split(plan)
    assert whole(session) == before


def test_changes_of_the_vocabulary_are_steps_of_the_history(session: LibrarySession) -> None:
    dog, puppy = class_id(session, "dog"), class_id(session, "puppy")
    known = len(session.annotations.history())
    states = [whole(session)]
    editor = session.vocabulary
    changes = [
        lambda: editor.rename(dog, "hound"),
        lambda: editor.merge(editor.plan_merge([puppy], dog)),
        lambda: session.annotations.annotate([9], [dog], Verdict.PRESENT),
        lambda: editor.split(editor.plan_split(dog, ["owl", "tern"], copy=True, keep=False)),
        lambda: editor.use_list([ClassSpec("tern"), ClassSpec("boat")]),
    ]
    for change in changes:
        change()
        states.append(whole(session))
    history = session.annotations.history()[known:]
    assert [item.label for item in history] == [
        "Rename dog to hound", "Merge into hound", "", "Split hound", "Use a list",
    ]  # fmt: skip
    # One after the other, as the window's undo does: by the ids in the journal.
    for item, before in zip(reversed(history), reversed(states[:-1]), strict=True):
        session.annotations.undo(item.id)
        assert whole(session)[1:] == before[1:]
        assert names(session) == [entry.name for entry in before[0] if not entry.archived]  # type: ignore[attr-defined]
    assert not any(item.done for item in session.annotations.history()[known:])
    for item, after in zip(history, states[1:], strict=True):
        session.annotations.redo(item.id)
        assert whole(session)[1:] == after[1:]
        assert names(session) == [entry.name for entry in after[0] if not entry.archived]  # type: ignore[attr-defined]


def test_steps_are_undone_after_the_library_was_closed(tmp_path: Path) -> None:
    library = tmp_path / "kept"
    with open_session(library, COUNT, ("dog", "puppy", "kite")) as session:
        say(session, "puppy", [3, 4], Verdict.PRESENT)
        start = whole(session)
        editor = session.vocabulary
        dog, puppy = class_id(session, "dog"), class_id(session, "puppy")
        editor.describe(dog, "a small dog")
        editor.merge(editor.plan_merge([puppy], dog))
    with open_session(library) as session:
        merged = whole(session)
        described, merger = session.annotations.history()[-2:]
        assert (described.label, merger.label) == ("Describe dog", "Merge into dog")
        session.annotations.undo(merger.id)
        session.annotations.undo(described.id)
        assert whole(session) == start
    with open_session(library) as session:
        assert whole(session) == start
        session.annotations.redo(described.id)
        session.annotations.redo(merger.id)
        assert whole(session) == merged


def test_undo_leaves_alone_what_was_changed_since(session: LibrarySession) -> None:
    dog = class_id(session, "dog")
    described = session.vocabulary.describe(dog, "a small dog")
    coloured = session.vocabulary.set_colour([dog], "#336699")
    session.vocabulary.set_colour([dog], "#ffffff")
    session.vocabulary.undo(described)
    session.vocabulary.undo(coloured)
    entry = next(item for item in session.snapshot().classes if item.id == dog)
    assert (entry.description, entry.colour) == ("", "#ffffff")


def test_splitting_into_unknown_gives_the_images_to_look_at(session: LibrarySession) -> None:
    dog = class_id(session, "dog")
    before = whole(session)
    plan = session.vocabulary.plan_split(dog, ["guide dog", " stray  dog "], copy=False, keep=False)
    assert plan.sentences[:3] == (
        "“dog” is split into “guide dog” and “stray dog”.",
        "The 3 photos in which it is present are shown next, so that you can mark which of the "
        "new classes each one has.",
        "The 1 photo in which it is absent has none of them.",
    )
    step = session.vocabulary.split(plan)
    assert names(session) == ["guide dog", "stray dog", "puppy", "kite"]
    assert step.images is not None and step.images.tolist() == [1, 2, 3]
    assert verdicts_of(session, "guide dog") == {4: 0}
    assert verdicts_of(session, "dog") == {1: 1, 2: 1, 3: 1, 4: 0}
    session.vocabulary.undo(step)
    assert names(session) == ["dog", "puppy", "kite"]
    assert session.snapshot().annotations.tolist() == matrix_of(before, session)


def matrix_of(before: tuple[object, ...], session: LibrarySession) -> list[list[int]]:
    """Verdicts as they were, in today's columns."""
    _classes, images, ids, verdicts = before
    table = np.full((COUNT, len(session.snapshot().classes)), -1)
    snapshot = session.snapshot()
    for image, klass, verdict in zip(images, ids, verdicts, strict=True):  # type: ignore[call-overload]
        table[snapshot.row_of[image], snapshot.column_of[klass]] = verdict
    return table.tolist()


def test_splitting_by_copy_says_present_of_every_new_class(session: LibrarySession) -> None:
    plan = session.vocabulary.plan_split(
        class_id(session, "dog"), ["guide dog"], copy=True, keep=True
    )
    step = session.vocabulary.split(plan)
    assert names(session) == ["dog", "guide dog", "puppy", "kite"]
    assert (
        verdicts_of(session, "guide dog") == verdicts_of(session, "dog") == {1: 1, 2: 1, 3: 1, 4: 0}
    )
    assert step.images is None
    session.vocabulary.undo(step)
    assert verdicts_of(session, "guide dog") == {}
    session.vocabulary.redo(step)
    assert verdicts_of(session, "guide dog") == {1: 1, 2: 1, 3: 1, 4: 0}


@pytest.mark.parametrize(
    ("wanted", "error"),
    [([], ClassNameInvalid), ([" "], ClassNameInvalid), (["KITE"], ClassNameTaken)],
)
def test_a_split_needs_new_names(
    session: LibrarySession, wanted: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        session.vocabulary.plan_split(class_id(session, "dog"), wanted, copy=True, keep=True)


def test_an_undo_that_needs_a_taken_name_changes_nothing(session: LibrarySession) -> None:
    step = session.vocabulary.rename(class_id(session, "dog"), "hound")
    session.vocabulary.add("dog")
    before = whole(session)
    with pytest.raises(ClassNameTaken):
        session.vocabulary.undo(step)
    assert whole(session) == before


def test_a_list_is_added_without_touching_what_is_there(session: LibrarySession) -> None:
    dog = class_id(session, "dog")
    session.vocabulary.set_aliases(dog, ["hound"])
    session.vocabulary.add_list(
        [ClassSpec("Hound", "other words"), ClassSpec("owl", "", ("tyto",))]
    )
    assert names(session) == ["dog", "puppy", "kite", "owl"]
    assert session.snapshot().classes[0].description == ""
    assert session.snapshot().classes[3].aliases == ("tyto",)


def test_an_imported_alias_stands_for_its_class(session: LibrarySession) -> None:
    dog = class_id(session, "dog")
    session.vocabulary.set_aliases(dog, ["hound"])
    step = session.vocabulary.use_list([ClassSpec("kite"), ClassSpec("HOUND")])
    assert names(session) == ["kite", "dog"]
    assert session.snapshot().classes[1].id == dog
    session.vocabulary.undo(step)
    assert names(session) == ["dog", "puppy", "kite"]


def test_colours_and_order_are_undone_too(session: LibrarySession) -> None:
    before = whole(session)
    ids = [entry.id for entry in session.snapshot().classes]
    steps = [
        session.vocabulary.set_colour(ids[:2], "#336699"),
        session.vocabulary.reorder([ids[2], ids[0]]),
        session.vocabulary.describe(ids[0], "a small dog"),
    ]
    assert names(session) == ["kite", "dog", "puppy"]
    assert [entry.colour for entry in session.snapshot().classes] == ["", "#336699", "#336699"]
    for step in reversed(steps):
        session.vocabulary.undo(step)
    assert whole(session) == before


ACTS = st.sampled_from(
    ["add", "rename", "merge", "split", "archive", "back", "alias", "list", "undo"]
)
NUMBERS = st.integers(0, 40)
WORDS = ("dog", "puppy", "kite", "hound", "Dog ", "owl", "tern")


@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(ACTS, NUMBERS, NUMBERS), max_size=9))
def test_no_sequence_of_changes_loses_an_annotation(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int, int]]
) -> None:
    library = tmp_path_factory.mktemp("library")
    with open_session(library, COUNT, ("dog", "puppy", "kite")) as session:
        say(session, "dog", [1, 2, 3], Verdict.PRESENT)
        say(session, "puppy", [3, 4], Verdict.PRESENT)
        say(session, "kite", [1, 9], Verdict.ABSENT)
        start = whole(session)
        steps: list[VocabularyStep] = []
        for act, a, b in acts:
            step = do(session, steps, act, a, b)
            if step is not None:
                steps.append(step)
            images, _ids, verdicts = session.catalogue.annotations.of_classes(
                [item.id for item in session.catalogue.classes.all(archived=True)]
            )
            present = set(images[verdicts == 1].tolist())
            assert present == {1, 2, 3, 4}  # every positive is somewhere, and no new image is
            assert {1, 9} <= set(images.tolist())
            whole(session)  # screen and catalogue agree
        while steps:
            session.vocabulary.undo(steps.pop())
        end = whole(session)
        known = {item.id for item in start[0]}  # type: ignore[attr-defined]
        assert [item for item in end[0] if item.id in known] == list(start[0])  # type: ignore[attr-defined,call-overload]
        assert all(item.archived for item in end[0] if item.id not in known)  # type: ignore[attr-defined]
        assert end[1:] == start[1:]


def do(  # noqa: PLR0911 - one return an act
    session: LibrarySession, steps: list[VocabularyStep], act: str, a: int, b: int
) -> VocabularyStep | None:
    """One change, if it can be made."""
    live = [entry.id for entry in session.snapshot().classes]
    editor = session.vocabulary
    word = WORDS[b % len(WORDS)]
    if act == "undo":
        if steps:
            editor.undo(steps.pop())
        return None
    try:
        if act == "add":
            return editor.add(word)
        if act == "list":
            return editor.use_list([ClassSpec(WORDS[(a + i) % len(WORDS)]) for i in range(b % 4)])
        if act == "back":
            gone = [entry.id for entry, _count in editor.archived()]
            return editor.unarchive([gone[a % len(gone)]]) if gone else None
        if not live:
            return None
        one, other = live[a % len(live)], live[b % len(live)]
        if act == "rename":
            return editor.rename(one, word)
        if act == "alias":
            return editor.set_aliases(one, [word])
        if act == "archive":
            return editor.archive([one])
        if act == "merge":
            return editor.merge(editor.plan_merge([one, other], other))
        plan = editor.plan_split(one, [word], copy=bool(b % 2), keep=bool(a % 2))
        return editor.split(plan)
    except CatalogueError:
        return None


def test_a_split_keeps_the_annotations_of_an_archived_class_it_brings_back(
    session: LibrarySession,
) -> None:
    session.vocabulary.archive([class_id(session, "puppy")])
    plan = session.vocabulary.plan_split(class_id(session, "dog"), ["puppy"], copy=True, keep=True)
    session.vocabulary.split(plan)
    # Images 1 and 4 have other verdicts on the puppy itself.
    assert verdicts_of(session, "puppy") == {1: 0, 2: 1, 3: 1, 4: 1, 5: 1, 6: 0}


def sources_of(session: LibrarySession, name: str, images: list[int]) -> list[Source | None]:
    """Where the verdicts on a class come from; None without one."""
    stored = session.catalogue.annotations.sources(images, [class_id(session, name)])
    return [None if number < 0 else list(Source)[number] for (number,) in stored.tolist()]


def test_what_was_only_confirmed_is_no_stronger_after_a_merge_or_split(
    session: LibrarySession,
) -> None:
    """Otherwise the model would be taught, and measured by, its own opinion."""
    dog, puppy, kite = (class_id(session, name) for name in ("dog", "puppy", "kite"))
    images = np.array([7, 8, 9])
    session.catalogue.annotations.apply([Change(i, puppy, 1) for i in (7, 8)], Source.CONFIRMED)
    session.catalogue.annotations.apply([Change(8, kite, 1), Change(9, puppy, 1)], Source.USER)
    split = session.vocabulary.plan_split(puppy, ["pup"], copy=True, keep=True)
    session.vocabulary.split(split)
    assert sources_of(session, "pup", images.tolist()) == [
        Source.CONFIRMED,
        Source.CONFIRMED,
        Source.USER,
    ]
    step = session.vocabulary.merge(session.vocabulary.plan_merge([puppy, kite], dog))
    assert sources_of(session, "dog", images.tolist()) == [
        Source.CONFIRMED,
        Source.USER,
        Source.USER,
    ]
    session.vocabulary.undo(step)
    session.vocabulary.redo(step)
    assert sources_of(session, "dog", [7]) == [Source.CONFIRMED]
