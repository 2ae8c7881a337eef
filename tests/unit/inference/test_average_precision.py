"""Average precision: the trainer's numbers without its libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.inference.average_precision import average_precision
from trainer import metrics


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.sampled_from([-1, 0, 1])),
        min_size=1,
        max_size=40,
    )
)
def test_it_agrees_with_scikit_learn(rows: list[tuple[float, int]]) -> None:
    scores = np.array([[score] for score, _ in rows], np.float32)
    targets = np.array([[target] for _, target in rows], np.int8)
    expected = metrics.average_precisions(scores, targets)[0]
    known = targets[:, 0] >= 0
    found = average_precision(scores[known, 0], targets[known, 0] == 1)
    assert (found is None) == bool(np.isnan(expected))
    if found is not None:
        assert found == pytest.approx(expected, abs=1e-12)
