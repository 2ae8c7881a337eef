"""Many texts in two arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.texts import Texts

NAMES = st.lists(st.text(st.characters(exclude_characters="\0"), max_size=5), max_size=30)


@given(NAMES, NAMES, st.data())
def test_they_are_as_a_list_of_them(known: list[str], more: list[str], data: st.DataObject) -> None:
    texts = Texts.of(known)
    assert list(texts) == known == texts == Texts.of(known)
    assert len(texts) == len(known)
    assert [texts[row] for row in range(-len(known), len(known))] == known * 2
    first, last = data.draw(st.tuples(st.integers(-40, 40), st.integers(-40, 40)))
    assert texts[first:last] == known[first:last]
    assert texts[::-2] == known[::-2]
    both = Texts.concatenated([texts, Texts.of(more)])
    assert list(both) == known + more
    assert both.begins_with(texts)
    assert texts.begins_with(both) == (not more)
    rows = np.array(data.draw(st.lists(st.integers(0, max(0, len(known) - 1)))), np.int64)
    rows = rows if known else rows[:0]
    assert list(texts.taken(rows)) == list(texts.at(rows)) == [known[row] for row in rows]


def test_names_that_are_no_text_and_long_lists() -> None:
    odd = b"\xff\xfe.jpg".decode("utf-8", "surrogateescape")
    known = [f"{number}{odd}" for number in range(10_000)]
    texts = Texts.of(known)
    assert texts == known
    far = np.array([9_999, 0, 5_000])
    assert list(texts.at(far)) == [known[9_999], known[0], known[5_000]]


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="zero"):
        Texts.of(["a\0b"])
    texts = Texts.of(["a"])
    for place in (1, -2):
        with pytest.raises(IndexError):
            texts[place]
