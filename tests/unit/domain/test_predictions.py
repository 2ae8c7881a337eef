from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain import predictions
from lmpt_desktop.domain.predictions import (
    assigned_classes,
    corrected_classes,
    has_scores,
    predicted_classes,
)

NAN = float("nan")
VERDICTS = {"present": 1, "absent": 0, "unknown": -1}


@pytest.mark.parametrize(
    ("verdict", "score", "assigned", "corrected"),
    [
        ("present", 0.9, True, False),
        ("present", 0.1, True, True),
        ("present", NAN, True, False),
        ("absent", 0.9, False, True),
        ("absent", 0.1, False, False),
        ("absent", NAN, False, False),
        ("unknown", 0.9, True, False),
        ("unknown", 0.5, True, False),
        ("unknown", 0.1, False, False),
        ("unknown", NAN, False, False),
    ],
)
def test_an_annotation_outweighs_the_prediction(
    verdict: str, score: float, assigned: bool, corrected: bool
) -> None:
    annotations = np.array([[VERDICTS[verdict]]], np.int8)
    scores, thresholds = np.array([[score]], np.float32), np.array([0.5], np.float32)
    predicted = predicted_classes(scores, thresholds)
    assert assigned_classes(annotations, predicted).tolist() == [[assigned]]
    assert corrected_classes(annotations, scores, thresholds).tolist() == [[corrected]]


def test_each_class_has_its_own_threshold() -> None:
    scores = np.array([[0.6, 0.6]], np.float32)
    assert predicted_classes(scores, np.array([0.5, 0.7], np.float32)).tolist() == [[True, False]]


def test_an_image_has_scores_though_a_class_is_not_encoded_yet() -> None:
    scores = np.array([[NAN, 0.1], [NAN, NAN], [0.2, NAN]], np.float32)
    assert has_scores(scores).tolist() == [True, False, True]
    assert has_scores(np.empty((3, 0), np.float32)).tolist() == [False] * 3


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 6))
def test_has_scores_agrees_with_looking_at_every_cell(seed: int, n: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random((n, c)) < 0.5, np.nan, rng.random((n, c))).astype(np.float32)
    expected = (~np.isnan(scores)).any(axis=1).tolist()
    assert has_scores(scores).tolist() == expected
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(predictions, "FEW_SCORES", -1)
        assert has_scores(scores).tolist() == expected, "class by class"
