"""Average precision: scikit-learn's numbers without scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from trainer.average_precision import average_precision


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_it_agrees_with_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in rows], np.float32)
    present = np.array([item for _, item in rows])
    found = average_precision(scores, present)
    if present.all() or not present.any():
        assert found is None
    else:
        assert found == pytest.approx(average_precision_score(present, scores), abs=1e-12)
