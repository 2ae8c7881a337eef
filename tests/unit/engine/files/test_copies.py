"""Copies: which photos have the same picture, and what it takes to annotate them alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from copied_photos import set_pictures
from hypothesis import given
from hypothesis import strategies as st
from paper_library import fill
from snapshots import make_snapshot

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.files.copies import LEAVE, NEWEST, CopyPlan, CopySurvey
from lmpt_desktop.engine.session import LibrarySession

PRESENT, ABSENT = Verdict.PRESENT, Verdict.ABSENT
ANT, BEE, CAT = 1, 2, 3


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LibrarySession]:
    """Images 1 and 2 have a picture, and so have 3, 4 and 5; 6 and 7 have none that is known."""
    with Catalogue.open(tmp_path / "library") as catalogue:
        fill(catalogue, tmp_path / "photos", 8, ("ant", "bee", "cat"))
        set_pictures(catalogue, {1: "a", 2: "a", 3: "b", 4: "b", 5: "b", 8: "c"})
    with LibrarySession.open(tmp_path / "library", encode=False, folders=[]) as opened:
        yield opened


def said(session: LibrarySession, image_id: int, class_id: int, verdict: Verdict) -> None:
    session.annotations.annotate([image_id], [class_id], verdict)


def planned(session: LibrarySession, choices: Mapping[int, int] | None = None) -> CopyPlan:
    return session.copies.survey().plan(choices or {})


def cells(plan: CopyPlan) -> set[tuple[int, int, int]]:
    columns = (plan.image_ids, plan.class_ids, plan.verdicts)
    return set(zip(*(column.tolist() for column in columns), strict=True))


def groups(survey: CopySurvey) -> list[list[int]]:
    return [survey.image_ids[survey.members(group)].tolist() for group in range(len(survey))]


def test_groups_have_the_same_picture(session: LibrarySession) -> None:
    survey = session.copies.survey()
    assert groups(survey) == [[1, 2], [3, 4, 5]]
    assert survey.unread == 2
    assert [Path(path).name for path in survey.paths] == [f"{i:06}.jpg" for i in range(5)]
    assert not survey.differing.any()
    assert len(survey.plan({})) == 0


def test_only_photos_that_are_there(session: LibrarySession) -> None:
    catalogue = session.catalogue
    catalogue.images.mark_missing([1])
    catalogue.images.mark_unreadable(3, "It is cut short.")
    assert groups(session.copies.survey()) == [[4, 5]]
    [folder] = catalogue.folders.all()
    catalogue.folders.remove(folder.id)
    assert groups(session.copies.survey()) == []


def test_only_copies_of_these_images(session: LibrarySession) -> None:
    assert groups(session.copies.survey(np.array([4, 8]))) == [[3, 4, 5]]
    assert groups(session.copies.survey(np.array([6, 7, 8]))) == []


def test_what_one_copy_knows_the_others_get(session: LibrarySession) -> None:
    said(session, 1, ANT, PRESENT)
    said(session, 2, BEE, ABSENT)
    said(session, 5, CAT, PRESENT)
    plan = planned(session)
    assert cells(plan) == {(2, ANT, 1), (1, BEE, 0), (3, CAT, 1), (4, CAT, 1)}
    assert (plan.added, plan.added_images, plan.images) == (4, 4, 4)
    assert (plan.reversed, plan.contradictions) == (0, 0)


def test_contradictions_are_left_alone(session: LibrarySession) -> None:
    said(session, 3, ANT, PRESENT)
    said(session, 4, ANT, ABSENT)
    said(session, 3, BEE, PRESENT)
    plan = planned(session)
    assert cells(plan) == {(4, BEE, 1), (5, BEE, 1)}
    assert plan.contradictions == 1
    assert cells(planned(session, {1: LEAVE})) == cells(plan)


def test_the_newest_verdict_counts_if_the_user_says_so(session: LibrarySession) -> None:
    said(session, 3, ANT, PRESENT)
    said(session, 4, ANT, ABSENT)
    said(session, 4, BEE, ABSENT)
    said(session, 5, BEE, PRESENT)
    plan = planned(session, {1: NEWEST})
    assert cells(plan) == {(3, ANT, 0), (5, ANT, 0), (3, BEE, 1), (4, BEE, 1)}
    assert (plan.reversed, plan.added, plan.contradictions) == (2, 2, 0)
    said(session, 3, ANT, ABSENT)
    said(session, 3, ANT, PRESENT)
    assert (5, ANT, 1) in cells(planned(session, {1: NEWEST}))


def test_a_review_may_be_the_newest(session: LibrarySession) -> None:
    said(session, 1, ANT, PRESENT)
    session.annotations.mark_reviewed([2])
    assert cells(planned(session, {0: NEWEST})) == {(1, ANT, 0), (1, BEE, 0), (1, CAT, 0)}


def test_one_copy_counts_if_the_user_says_so(session: LibrarySession) -> None:
    said(session, 3, ANT, PRESENT)
    said(session, 4, ANT, ABSENT)
    said(session, 4, BEE, ABSENT)
    said(session, 5, BEE, PRESENT)
    plan = planned(session, {1: 3})
    assert cells(plan) == {(4, ANT, 1), (5, ANT, 1)}
    assert plan.contradictions == 1, "it says nothing about this class"


def test_review_marks_go_along(session: LibrarySession) -> None:
    session.annotations.mark_reviewed([1])
    survey = session.copies.survey()
    assert survey.marks_differ.tolist() == [True, False]
    plan = survey.plan({})
    assert plan.reviewed_ids.tolist() == [2]
    assert len(plan) == 4


def test_no_mark_without_the_verdicts_that_it_stands_for(session: LibrarySession) -> None:
    said(session, 4, ANT, PRESENT)
    session.annotations.mark_reviewed([3])
    plan = planned(session)
    assert plan.contradictions == 1
    assert plan.reviewed_ids.tolist() == [4], "the fifth image stays unknown about ants"
    assert planned(session, {1: NEWEST}).reviewed_ids.tolist() == [4, 5]


def test_it_is_one_step_that_can_be_undone(session: LibrarySession) -> None:
    said(session, 1, ANT, PRESENT)
    session.annotations.mark_reviewed([1])
    before = session.snapshot()
    plan = planned(session)
    batch = session.annotations.apply(
        plan.image_ids, plan.class_ids, plan.verdicts, label="same", reviewed_ids=plan.reviewed_ids
    )
    assert len(planned(session)) == 0
    assert session.catalogue.annotations.reviewed() == {1, 2}
    assert session.snapshot().reviewed[:2].tolist() == [True, True]
    assert session.annotations.history()[-1].label == "same"
    session.annotations.undo(batch)
    after = session.snapshot()
    assert np.array_equal(before.annotations, after.annotations)
    assert np.array_equal(before.reviewed, after.reviewed)
    session.annotations.redo(batch)
    assert len(planned(session)) == 0


def test_a_plan_is_compared_with_a_later_one(session: LibrarySession) -> None:
    said(session, 1, ANT, PRESENT)
    plan = planned(session)
    assert plan.same_as(planned(session))
    said(session, 1, BEE, PRESENT)
    assert not plan.same_as(planned(session))


def test_a_library_without_classes_or_copies(tmp_path: Path) -> None:
    with LibrarySession.open(tmp_path / "library", encode=False, folders=[]) as session:
        survey = session.copies.survey()
        assert len(survey) == 0
        assert len(survey.plan({})) == 0
        assert survey.marks_differ.tolist() == []
        assert survey.to_add.tolist() == []


@given(data=st.data())
def test_a_plan_is_what_one_would_do_by_hand(data: st.DataObject) -> None:
    """Against loops over groups and classes."""
    sizes = data.draw(st.lists(st.integers(2, 4), min_size=1, max_size=3))
    images, classes = sum(sizes), 2
    verdicts = np.array(
        data.draw(
            st.lists(
                st.lists(st.integers(-1, 1), min_size=classes, max_size=classes),
                min_size=images,
                max_size=images,
            )
        ),
        np.int8,
    )
    starts = np.cumsum(sizes) - np.array(sizes)
    snapshot = make_snapshot(verdicts)
    survey = CopySurvey(
        classes=snapshot.classes,
        image_ids=snapshot.image_ids,
        starts=starts,
        paths=[""] * images,
        fingerprints=[""] * images,
        verdicts=verdicts,
        reviewed=np.zeros(images, np.bool_),
        newest=np.full((len(sizes), classes), -1, np.int8),
        unread=0,
    )
    choices = {
        group: int(snapshot.image_ids[data.draw(st.sampled_from(survey.members(group)))])
        for group in range(len(sizes))
        if data.draw(st.booleans())
    }
    expected: set[tuple[int, int, int]] = set()
    contradictions = added = 0
    for group in range(len(sizes)):
        members = list(survey.members(group))
        for column in range(classes):
            known = {int(verdicts[i, column]) for i in members} - {-1}
            if len(known) == 2:
                row = snapshot.row_of[choices[group]] if group in choices else None
                known = set() if row is None else {int(verdicts[row, column])} - {-1}
                contradictions += not known
            for i in members:
                for verdict in known:
                    if verdicts[i, column] != verdict:
                        class_id = snapshot.classes[column].id
                        expected.add((int(snapshot.image_ids[i]), class_id, verdict))
                        added += verdicts[i, column] < 0
    plan = survey.plan(choices)
    assert cells(plan) == expected
    assert (plan.contradictions, plan.added) == (contradictions, added)
