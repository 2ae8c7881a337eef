from __future__ import annotations

import numpy as np
from ui_libraries import DOG, LIGHT, MISSING, PERSON

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.grid.cells import cell
from lmpt_desktop.ui.grid.model import GridModel, describe
from trainer.bands import Band


def test_tail_classes_come_first_then_the_surest(session: LibrarySession) -> None:
    snapshot = session.snapshot()
    for row in range(10):
        chips = cell(snapshot, row, None).chips
        assert not any(chip.confirmed for chip in chips)
        keys = [(chip.band is not Band.TAIL, -chip.score) for chip in chips]
        assert keys == sorted(keys)


def test_the_users_verdicts_come_first_in_their_band(session: LibrarySession) -> None:
    before = session.snapshot()
    session.annotations.annotate([1, 2, 3, 4], [DOG], Verdict.PRESENT)
    session.annotations.annotate([1], [PERSON], Verdict.PRESENT)
    snapshot = session.snapshot()
    assert before.scores[0, snapshot.column_of[PERSON]] < 1
    chips = cell(snapshot, 0, None).chips
    keys = [(chip.band is not Band.TAIL, not chip.confirmed, -chip.score) for chip in chips]
    assert keys == sorted(keys)
    assert any(chip.confirmed for chip in chips)


def test_at_most_three_classes_and_the_number_of_the_others(session: LibrarySession) -> None:
    snapshot = session.snapshot()
    for row in range(10):
        shown = cell(snapshot, row, None)
        assert len(shown.chips) == min(3, int(snapshot.predicted[row].sum()))
        assert len(shown.chips) + shown.more == int(snapshot.predicted[row].sum())


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


def test_a_cell_in_words_names_classes_bands_and_estimates(session: LibrarySession) -> None:
    snapshot = session.snapshot()
    row = int(np.flatnonzero(snapshot.predicted[:10].any(axis=1))[0])
    words = describe(cell(snapshot, row, None))
    assert "photo" in words
    assert "estimated" in words
    session.annotations.annotate([row + 1], [DOG, PERSON, LIGHT], Verdict.PRESENT)
    assert "estimated" not in describe(cell(session.snapshot(), row, None))


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
