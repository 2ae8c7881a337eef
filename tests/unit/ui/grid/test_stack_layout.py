"""Which cards a grid with stacks shows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.inference.stacks import Stacks
from lmpt_desktop.ui.grid.stack_layout import StackLayout, StackPart, lay_out_stacks

STACKS = Stacks(np.array([1, 2, 3, 7, 8]), np.array([0, 0, 0, 1, 1]))


def lay_out(ids: list[int], *opened: int, stacks: Stacks = STACKS) -> StackLayout:
    return lay_out_stacks(np.array(ids, np.int64), stacks, frozenset(opened))


def cards(layout: StackLayout) -> list[int]:
    return layout.ids[layout.shown].tolist()


def test_a_closed_stack_shows_its_first_photo_in_the_order_of_the_grid() -> None:
    layout = lay_out([5, 3, 8, 1, 6, 2, 7])
    assert cards(layout) == [5, 3, 8, 6]
    assert [layout.part(place) for place in range(4)] == [
        None, StackPart(3, open=False), StackPart(2, open=False), None,
    ]  # fmt: skip


def test_an_open_stack_shows_all_of_its_photos_where_its_card_was() -> None:
    layout = lay_out([5, 3, 8, 1, 6, 2, 7], 1)
    assert cards(layout) == [5, 3, 1, 2, 8, 6]
    assert [layout.part(place) for place in (1, 2, 3)] == [
        StackPart(3, open=True, first=True, last=False),
        StackPart(3, open=True, first=False, last=False),
        StackPart(3, open=True, first=False, last=True),
    ]
    assert layout.numbers_at(np.array([0, 1, 4])).tolist() == [0, 1]


def test_a_stack_of_which_one_photo_matches_is_none() -> None:
    layout = lay_out([5, 8, 1, 2])
    assert cards(layout) == [5, 8, 1]
    assert layout.part(1) is None
    assert layout.with_siblings(np.array([1])).tolist() == [8]
    assert layout.with_siblings(np.array([2])).tolist() == [1, 2]


def test_the_card_of_a_photo_is_its_own_or_that_of_its_closed_stack() -> None:
    layout = lay_out([5, 3, 8, 1, 6, 2, 7], 7)
    asked = np.array([1, 2, 3, 7, 8, 5, 9, -1], np.int64)
    assert layout.cards_of(asked).tolist() == [3, 3, 3, 7, 8, 5, -1, -1]
    assert lay_out([]).cards_of(asked).tolist() == [-1] * 8


def test_what_is_open_is_known_by_any_of_its_photos_and_others_are_ignored() -> None:
    assert cards(lay_out([1, 2, 3, 7, 8], 2, 99)) == [1, 2, 3, 7]
    assert lay_out([1, 2], stacks=Stacks.none()).opened == frozenset()


@given(st.permutations(range(12)), st.integers(0, 12), st.sets(st.integers(0, 11)))
def test_every_photo_has_its_own_card_or_that_of_its_stack(
    order: list[int], count: int, opened: set[int]
) -> None:
    stacks = Stacks(np.arange(9), np.arange(9) // 3)
    ids = order[:count]
    layout = lay_out(ids, *opened, stacks=stacks)
    shown = cards(layout)
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(ids)
    found = layout.cards_of(np.array(ids, np.int64)).tolist()
    assert set(found) == set(shown)
    every = layout.with_siblings(np.arange(len(shown)))
    assert every.tolist() == ids
    leads = [
        ids.index(
            card if (n := layout.number_at(place)) < 0 else layout.ids[layout.numbers == n][0]
        )
        for place, card in enumerate(shown)
    ]
    assert leads == sorted(leads)
