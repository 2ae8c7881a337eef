"""Fast counts are the counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.counting import BLOCK_ROWS, count_columns, row_blocks


@given(rows=st.integers(0, 1100), columns=st.integers(0, 5), seed=st.integers(0, 99))
def test_columns_are_counted_as_numpy_does(rows: int, columns: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).random((rows, columns)) < 0.8
    np.testing.assert_array_equal(count_columns(matrix), matrix.sum(axis=0))


def test_a_full_matrix_overflows_nothing() -> None:
    assert count_columns(np.ones((70_000, 2), np.bool_)).tolist() == [70_000, 70_000]


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS, 2 * BLOCK_ROWS + 7])
def test_blocks_cover_every_row_once(rows: int) -> None:
    places = [place for block in row_blocks(rows) for place in range(block.start, block.stop)]
    assert places == list(range(rows))
