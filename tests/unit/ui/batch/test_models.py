from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.inference.acceptance import Order, offer
from lmpt_desktop.inference.verdict_changes import VerdictCounts, count_verdicts
from lmpt_desktop.ui.batch import undo_labels
from lmpt_desktop.ui.batch.accept_model import ChoiceModel, OfferModel
from lmpt_desktop.ui.batch.classes_model import SelectionClassesModel
from lmpt_desktop.ui.kit import texts

CLASSES = (
    ClassEntry(1, "hot dog"),
    ClassEntry(2, "dog"),
    ClassEntry(3, "kite", "a toy that flies"),
)


@dataclass
class Library:
    image_ids: np.ndarray
    class_ids: np.ndarray
    annotations: np.ndarray

    def rows(self, image_ids: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(self.image_ids, image_ids))


def found() -> VerdictCounts:
    said = np.array([[1, -1, 0], [1, 0, 0]], np.int8)
    library = Library(np.array([5, 6]), np.array([1, 2, 3]), said)
    return count_verdicts(library, np.array([5, 6]))


@pytest.fixture
def model() -> SelectionClassesModel:
    model = SelectionClassesModel()
    model.set_content(CLASSES, found())
    return model


def names(model: SelectionClassesModel) -> list[str]:
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_it_is_a_proper_model(model: SelectionClassesModel, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(model)


def test_each_row_says_what_the_images_have(model: SelectionClassesModel) -> None:
    assert [model.index(row, 1).data() for row in range(3)] == [
        "present in all", "mixed: ✕ 1  ? 1", "absent in all",
    ]  # fmt: skip
    assert (
        model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
        == "dog: absent in 1, unknown in 1; stays as it is"
    )


def test_classes_that_begin_with_the_text_come_first(model: SelectionClassesModel) -> None:
    model.find("dog")
    assert names(model) == ["dog", "hot dog"]
    model.find("toy flies")
    assert names(model) == ["kite"], "descriptions are looked through as well"


def test_what_is_chosen_outlives_another_search_and_new_counts(
    model: SelectionClassesModel,
) -> None:
    model.find("kite")
    model.set_wanted([0], Verdict.PRESENT)
    model.find("")
    model.set_wanted([1], Verdict.ABSENT)
    assert model.wanted == {3: Verdict.PRESENT, 2: Verdict.ABSENT}
    assert model.changing == 3
    model.set_content(CLASSES[:2], found())
    assert model.wanted == {2: Verdict.ABSENT}, "a class that is gone is no longer changed"
    model.set_wanted([1], None)
    assert model.changing == 0


def test_classes_to_accept_keep_their_places_while_the_score_changes() -> None:
    model = ChoiceModel()
    model.set_content(CLASSES, np.array([1, 5, 3]), reorder=True)
    model.choose({2, 3})
    assert [model.id_of(row) for row in range(3)] == [2, 3, 1]
    model.set_content(CLASSES, np.array([9, 0, 1]), reorder=False)
    assert [(model.id_of(row), model.count(row)) for row in range(3)] == [(2, 0), (3, 1), (1, 9)]
    assert not model.all_chosen
    model.setData(model.index(2), None, Qt.ItemDataRole.CheckStateRole)
    assert model.chosen == {1, 2, 3} and model.all_chosen
    model.find("dog")
    assert model.shown_ids() == {1, 2}


def test_steps_have_readable_names() -> None:
    name_of = {entry.id: entry.name for entry in CLASSES}.__getitem__
    present, absent = Verdict.PRESENT, Verdict.ABSENT
    assert undo_labels.set_classes(name_of, {2: present, 3: absent}, 1) == (
        "dog present, kite absent on 1 photo"
    )
    many = dict.fromkeys(range(4), present)
    assert undo_labels.set_classes(str, many, 1200) == "4 classes set on 1,200 photos"
    assert undo_labels.accepted(312, ["bicycle"]) == "Accepted 312 'bicycle' predictions"
    assert undo_labels.accepted(5, ["a", "b"]) == "Accepted 5 predictions of 2 classes"
    long = "DSC_0001 holiday in the mountains with everybody who came along.jpg"
    assert len(texts.shorten(long)) <= texts.LONGEST_NAME + 1 and texts.shorten(long).endswith(
        "along.jpg"
    )


@dataclass
class Scored:
    image_ids: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    annotations: np.ndarray


@given(st.data())
def test_what_was_unticked_stays_so_through_any_other_offers(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 9999)))
    scores = random.random((12, 3)).astype(np.float32)
    library = Scored(np.arange(1, 13), np.array([7, 8, 9]), scores, np.full((12, 3), -1, np.int8))
    model, unticked = OfferModel(), set()
    for _ in range(data.draw(st.integers(1, 5))):
        found = offer(
            library, np.arange(12), random.random(3) < 0.7, random.random(3).astype(np.float32)
        )
        ticked, hidden = model.ticks.carried_to(found)
        model.set_content(cast(Any, None), found, found.order(Order.SUREST), ticked, hidden)
        assert set(found.keys[~model.ticked()].tolist()) == unticked & set(found.keys.tolist())
        if len(found):
            rows = random.integers(0, len(found), 3)
            places = np.unique(found.order(Order.SUREST)[rows])
            all_ticked = bool(model.ticked()[places].all())
            model.toggle(rows)
            keys = set(found.keys[places].tolist())
            unticked = unticked | keys if all_ticked else unticked - keys
