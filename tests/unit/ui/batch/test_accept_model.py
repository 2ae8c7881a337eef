"""The classes and predictions of the dialog that accepts predictions."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from snapshots import make_snapshot

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.inference.acceptance import Order, offer
from lmpt_desktop.ui.batch.accept_model import ChoiceModel, OfferModel

CLASSES = (ClassEntry(1, "hot dog"), ClassEntry(2, "dog"), ClassEntry(3, "kite"))


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


@given(st.data())
def test_what_was_unticked_stays_so_through_any_other_offers(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 9999)))
    scores = random.random((12, 3)).astype(np.float32)
    snapshot = make_snapshot(np.full((12, 3), -1), scores, class_ids=[7, 8, 9])
    model, unticked = OfferModel(), set()
    for _ in range(data.draw(st.integers(1, 5))):
        found = offer(
            snapshot, np.arange(12), random.random(3) < 0.7, random.random(3).astype(np.float32)
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


def test_how_many_are_right_is_the_sum_of_the_ticked_scores() -> None:
    scores = np.array([[0.75, 0.25, 0.0], [0.5, 0.0, 0.0]], np.float32)
    snapshot = make_snapshot(np.full((2, 3), -1), scores, class_ids=[7, 8, 9])
    found = offer(snapshot, np.arange(2), np.ones(3, np.bool_), np.full(3, 0.2, np.float32))
    model = OfferModel()
    assert model.expected_right == 0
    ticked, hidden = model.ticks.carried_to(found)
    model.set_content(snapshot, found, found.order(Order.SUREST), ticked, hidden)
    assert model.expected_right == 1.5
    model.toggle(np.array([0]))
    assert model.expected_right == 0.75
