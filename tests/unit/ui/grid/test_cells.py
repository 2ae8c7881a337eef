from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from snapshots import make_snapshot
from ui_libraries import CUP, DOG, DRIER, KITE, MISSING, PERSON, UNREADABLE

from lmpt_desktop.domain.class_order import shown_order
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.grid.cells import MAX_CHIPS, Cell, cell
from lmpt_desktop.ui.grid.marks import MARK_TEXTS, Mark, counts
from lmpt_desktop.ui.grid.model import GridModel, describe
from lmpt_desktop.ui.kit.texts import band_name
from trainer.bands import Band, BandLimits


def shown_ids(shown: Cell) -> list[int]:
    return [chip.class_id for chip in shown.chips]


@pytest.mark.parametrize("asked", [(), (KITE,), (CUP, DRIER)])
def test_classes_stand_in_the_order_that_the_inspector_has_too(
    session: LibrarySession, asked: tuple[int, ...]
) -> None:
    session.annotations.annotate([1, 2, 3, 4], [DOG], Verdict.PRESENT)
    session.annotations.annotate([1], [PERSON, KITE], Verdict.PRESENT)
    session.annotations.annotate([2], [PERSON], Verdict.ABSENT)
    snapshot = session.snapshot()
    columns = [snapshot.column_of[class_id] for class_id in asked]
    for row in range(12):
        chips = cell(snapshot, row, None, asked=asked).chips
        order = shown_order(
            snapshot.annotations[row], snapshot.scores[row], snapshot.predicted[row], columns
        )
        places = [order.tolist().index(snapshot.column_of[chip.class_id]) for chip in chips]
        assert places == sorted(places)
        # Only what is absent, or neither predicted nor asked for, is left out.
        assert {chip.class_id for chip in chips} == {
            class_id
            for class_id, column in snapshot.column_of.items()
            if snapshot.annotations[row, column] == 1
            or (
                snapshot.annotations[row, column] == -1
                and (snapshot.predicted[row, column] or asked == (class_id,))
            )
        }


def test_own_verdicts_come_first_however_sure_the_model_is_of_others(
    session: LibrarySession,
) -> None:
    before = session.snapshot()
    row = int(np.argmax(before.predicted[:10].sum(axis=1)))
    weakest = int(np.nanargmin(before.scores[row]))
    session.annotations.annotate([row + 1], [int(before.class_ids[weakest])], Verdict.PRESENT)
    chips = cell(session.snapshot(), row, None).chips
    assert chips[0].class_id == before.class_ids[weakest]
    assert chips[0].confirmed
    assert len(chips) > 1
    assert not any(chip.confirmed for chip in chips[1:])


def test_the_band_does_not_move_a_class(session: LibrarySession) -> None:
    snapshot = session.snapshot()
    others = replace(snapshot, limits=BandLimits(medium=1, head=2))
    assert snapshot.bands.bands != others.bands.bands
    for row in range(10):
        assert shown_ids(cell(snapshot, row, None)) == shown_ids(cell(others, row, None))


def test_a_filtered_class_is_shown_with_its_score_below_its_threshold(
    session: LibrarySession,
) -> None:
    snapshot = session.snapshot()
    row, column = np.argwhere(~snapshot.predicted[:10])[0].tolist()
    class_id = int(snapshot.class_ids[column])
    assert class_id not in shown_ids(cell(snapshot, row, None))
    first = cell(snapshot, row, None, asked=(class_id,)).chips[0]
    assert (first.class_id, first.asked, first.confirmed) == (class_id, True, False)
    assert first.score == snapshot.scores[row, column]
    assert cell(snapshot, row, None, asked=(999,)) == cell(snapshot, row, None)


def test_of_several_filtered_classes_a_card_shows_those_that_the_photo_has(
    session: LibrarySession,
) -> None:
    session.annotations.annotate([1], [KITE], Verdict.PRESENT)
    snapshot = session.snapshot()
    missing = [
        int(class_id)
        for class_id, predicted in zip(snapshot.class_ids, snapshot.predicted[0], strict=True)
        if not predicted and class_id != KITE
    ]
    shown = cell(snapshot, 0, None, asked=(missing[0], KITE))
    assert shown_ids(shown) == shown_ids(cell(snapshot, 0, None))
    assert shown.chips[0].class_id == KITE and shown.chips[0].asked
    assert shown_ids(cell(snapshot, 0, None, asked=(missing[0],)))[1] == missing[0]


def test_classes_that_are_too_many_for_a_card_are_counted() -> None:
    count = MAX_CHIPS + 8
    shown = cell(make_snapshot(np.ones((1, count))), 0, None)
    assert len(shown.chips) == MAX_CHIPS
    assert shown.more == 8
    assert "8" in describe(shown)


def test_marks_do_not_move_when_the_class_in_focus_changes(session: LibrarySession) -> None:
    session.annotations.annotate([1], [DOG], Verdict.PRESENT)
    session.annotations.annotate([1], [PERSON], Verdict.ABSENT)
    session.annotations.mark_reviewed([1], True)
    snapshot = session.snapshot()
    edited = snapshot.images.edited.copy()
    edited[0] = True
    snapshot = replace(snapshot, images=replace(snapshot.images, edited=edited))
    for focus in (None, DOG, PERSON, KITE):
        assert cell(snapshot, 0, focus, held_out=True).marks == (
            Mark.REVIEWED,
            Mark.HELD_OUT,
            Mark.EDITED,
        )


def test_states_of_the_file_are_marked(session: LibrarySession) -> None:
    snapshot = session.snapshot()
    assert cell(snapshot, MISSING - 1, None).marks == (Mark.MISSING,)
    assert cell(snapshot, UNREADABLE - 1, None).marks == (Mark.UNREADABLE,)
    unseen = replace(snapshot, scores=np.full_like(snapshot.scores, np.nan))
    assert cell(unseen, 0, None).marks == (Mark.WAITING,)
    assert cell(snapshot, 0, None).marks == ()
    damaged = np.arange(len(snapshot.images)) == 0
    cut_short = replace(snapshot, images=replace(snapshot.images, damaged=damaged))
    assert cell(cut_short, 0, None).marks == (Mark.DAMAGED,)
    assert counts(cut_short, np.zeros(0, np.int64))[Mark.DAMAGED] == 1


def test_every_mark_is_named_in_words(session: LibrarySession) -> None:
    shown = replace(cell(session.snapshot(), 0, None), marks=tuple(Mark))
    words = describe(shown).splitlines()
    assert words[-len(Mark) :] == [MARK_TEXTS[mark].name for mark in Mark]


def test_marks_are_counted_over_the_library(session: LibrarySession) -> None:
    session.annotations.mark_reviewed([1, 2], True)
    found = counts(session.snapshot(), np.array([2, 3, 5, 900]))
    assert found == {
        Mark.REVIEWED: 2,
        Mark.HELD_OUT: 3,
        Mark.EDITED: 0,
        Mark.DAMAGED: 0,
        Mark.WAITING: 0,
        Mark.MISSING: 1,
        Mark.UNREADABLE: 1,
    }


def test_an_absent_class_disappears_and_a_present_one_appears(session: LibrarySession) -> None:
    before = session.snapshot()
    row = int(np.flatnonzero(before.predicted[:10].any(axis=1))[0])
    column = int(np.flatnonzero(before.predicted[row])[0])
    other = int(np.flatnonzero(~before.predicted[row])[0])
    session.annotations.annotate([row + 1], [int(before.class_ids[column])], Verdict.ABSENT)
    session.annotations.annotate([row + 1], [int(before.class_ids[other])], Verdict.PRESENT)
    shown = cell(session.snapshot(), row, None)
    names = {chip.class_id: chip for chip in shown.chips}
    assert int(before.class_ids[column]) not in names
    assert shown.corrected
    if int(before.class_ids[other]) in names:
        assert names[int(before.class_ids[other])].confirmed


def test_the_verdict_on_the_class_in_focus_is_shown(session: LibrarySession) -> None:
    session.annotations.annotate([3], [DOG], Verdict.ABSENT)
    snapshot = session.snapshot()
    assert cell(snapshot, 2, DOG).focus is Verdict.ABSENT
    assert cell(snapshot, 2, PERSON).focus is Verdict.UNKNOWN
    assert cell(snapshot, 2, None).focus is None


def test_an_image_without_a_feature_waits(session: LibrarySession) -> None:
    shown = cell(session.snapshot(), MISSING - 1, None)
    assert shown.pending
    assert shown.chips == ()


def test_a_cell_in_words_names_classes_scores_and_what_is_rare(session: LibrarySession) -> None:
    snapshot = session.snapshot()
    row = int(np.flatnonzero(snapshot.predicted[:10].any(axis=1))[0])
    chips = cell(snapshot, row, None).chips
    words = describe(cell(snapshot, row, None)).splitlines()
    assert "photo" in words[0]
    for chip, line in zip(chips, words[1:], strict=False):
        assert line.startswith(f"{chip.name}: score 0.")
        assert line.endswith(band_name(Band.TAIL)) == (chip.band is Band.TAIL)
    session.annotations.annotate([row + 1], [DOG], Verdict.PRESENT)
    assert "dog: marked present" in describe(cell(session.snapshot(), row, None))


def test_the_model_marks_held_out_images_and_puts_asked_classes_first(
    session: LibrarySession, qapp: object
) -> None:
    model = GridModel()
    repaints: list[int] = []
    model.set_content(session.snapshot(), np.array([5, 2, 9]))
    model.repaint_requested.connect(lambda: repaints.append(1))
    assert not any(model.cell(place).marks for place in range(3))
    model.set_held_out(np.array([1, 3, 10]))
    held_out = [Mark.HELD_OUT in model.cell(place).marks for place in range(3)]
    assert held_out == [False, True, True]
    model.set_asked_classes((DRIER,))
    assert all(model.cell(place).chips[0].class_id == DRIER for place in range(3))
    model.set_focus_class(DOG)
    model.set_focus_class(DOG, everywhere=False)
    assert not model.focus_everywhere
    assert len(repaints) == 4
    model.set_held_out(np.array([1, 3, 10]))
    model.set_asked_classes((DRIER,))
    model.set_focus_class(DOG, everywhere=False)
    assert len(repaints) == 4, "nothing new"


def test_new_content_in_the_same_order_keeps_the_model_and_only_repaints(
    session: LibrarySession, qapp: object
) -> None:
    model = GridModel()
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    rows = np.arange(12)
    assert model.set_content(session.snapshot(), rows)
    session.annotations.annotate([1], [DOG], Verdict.PRESENT)
    assert not model.set_content(session.snapshot(), rows)
    model.refresh(session.snapshot())
    assert len(resets) == 1
    assert any(chip.confirmed for chip in model.cell(0).chips)


def test_positions_and_ids_belong_together(session: LibrarySession, qapp: object) -> None:
    model = GridModel()
    model.set_content(session.snapshot(), np.array([5, 2, 9]))
    assert [model.image_id(place) for place in range(3)] == [6, 3, 10]
    assert model.position_of(10) == 2
    assert model.position_of(1) == -1
    wanted = np.array([10, 1, 6, 10_000, -5])
    assert model.positions_of(wanted).tolist() == [2, -1, 0, -1, -1]
