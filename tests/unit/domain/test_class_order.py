from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.class_order import card_columns, shown_order

NAN = float("nan")


def row(values: list[float], dtype: type = np.float32) -> np.ndarray:
    return np.array(values, dtype)


@st.composite
def images(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """(n, C) annotations, scores and predictions, and asked columns."""
    n, c = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Few different scores, so that there are ties.
    scores = rng.integers(0, 4, (n, c)).astype(np.float32) / 4
    scores[rng.random((n, c)) < 0.2] = np.nan
    annotations = rng.integers(-1, 2, (n, c)).astype(np.int8)
    with np.errstate(invalid="ignore"):
        predicted = scores >= 0.5
    asked = draw(st.lists(st.integers(0, c - 1), unique=True, max_size=3))
    return annotations, scores, predicted, asked


def rank(
    column: int, annotated: np.ndarray, scores: np.ndarray, predicted: np.ndarray, asked: list[int]
) -> tuple[float, ...]:
    """The rule, said once more for one column."""
    place = asked.index(column) if column in asked else len(asked)
    score = scores[column]
    by_score = 1.0 if math.isnan(score) else -float(score)
    if annotated[column] == 1:
        return (0, place, column)
    if annotated[column] == 0:
        return (1, place, column)
    if column in asked:
        return (2, place, column)
    return (3 if predicted[column] else 4, by_score, column)


@given(images())
def test_order_is_the_rule_and_a_block_is_its_rows(
    data: tuple[np.ndarray, np.ndarray, np.ndarray, list[int]],
) -> None:
    annotations, scores, predicted, asked = data
    block = shown_order(annotations, scores, predicted, asked)
    for annotated, score, found, order in zip(annotations, scores, predicted, block, strict=True):
        expected = sorted(
            range(len(order)), key=lambda column: rank(column, annotated, score, found, asked)
        )
        assert order.tolist() == expected
        assert shown_order(annotated, score, found, asked).tolist() == expected


@given(images())
def test_cards_show_a_part_of_the_same_order(
    data: tuple[np.ndarray, np.ndarray, np.ndarray, list[int]],
) -> None:
    annotations, scores, predicted, asked = data
    for annotated, score, found in zip(annotations, scores, predicted, strict=True):
        columns = card_columns(annotated, score, found, asked).tolist()
        order = shown_order(annotated, score, found, asked).tolist()
        assert columns == [column for column in order if column in columns]
        assert set(columns) == {
            column
            for column in order
            if annotated[column] == 1
            or (annotated[column] == -1 and (found[column] or [column] == asked))
        }


def test_own_verdicts_then_the_asked_class_then_predictions() -> None:
    annotations = row([-1, 0, -1, -1, 1, -1], np.int8)
    scores = row([0.6, 0.99, 0.9, 0.1, 0.2, 0.3])
    predicted = row([1, 1, 1, 0, 0, 0], np.bool_)
    assert shown_order(annotations, scores, predicted).tolist() == [4, 1, 2, 0, 5, 3]
    assert shown_order(annotations, scores, predicted, (3,)).tolist() == [4, 1, 3, 2, 0, 5]
    assert card_columns(annotations, scores, predicted, (3,)).tolist() == [4, 3, 2, 0]
    # Of several, only those that the image has, in the order asked.
    assert card_columns(annotations, scores, predicted, (3, 5)).tolist() == [4, 2, 0]
    assert card_columns(annotations, scores, predicted, (0, 3, 2)).tolist() == [4, 0, 2]
    # An absent class stays off the card also when it is asked for.
    assert card_columns(annotations, scores, predicted, (1,)).tolist() == [4, 2, 0]


def test_without_scores_the_vocabulary_decides() -> None:
    annotations = row([-1, -1, 1], np.int8)
    scores = row([NAN, NAN, NAN])
    assert shown_order(annotations, scores, row([0, 0, 0], np.bool_)).tolist() == [2, 0, 1]


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(IndexError):
        shown_order(row([-1], np.int8), row([0.5]), row([1], np.bool_), (3,))
