from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.inference.tag_figures import LEAST_VERDICTS, TagFigures, tag_figures, wilson

NO_IDS = np.empty(0, np.int64)
NO_CELLS = (NO_IDS, NO_IDS)
NAN = float("nan")


def test_tags_are_what_photos_have_by_verdict_or_prediction() -> None:
    snapshot = make_snapshot(
        [[-1, -1], [0, 1], [1, -1]],
        scores=[[0.9, 0.6], [0.9, 0.1], [NAN, NAN]],
    )
    found = tag_figures(snapshot, NO_IDS, NO_CELLS)
    # The third photo is not encoded yet: it says nothing about predictions.
    assert (found.photos, found.tags, found.average) == (2, 3, 1.5)
    assert (found.right, found.verdicts) == (0, 1)


def test_nothing_is_said_before_anything_is_encoded() -> None:
    found = tag_figures(make_snapshot([[1, 0]]), NO_IDS, NO_CELLS)
    assert found.average is None
    assert found.precision is None


def test_confirmed_photos_and_verdicts_of_models_are_left_out() -> None:
    snapshot = make_snapshot(
        [[1, 0], [1, 0], [1, 1], [0, -1]],
        scores=np.full((4, 2), 0.9),
    )
    assert _right_of(tag_figures(snapshot, NO_IDS, NO_CELLS)) == (4, 7)
    confirmed = np.array([2, 2, 99])
    assert _right_of(tag_figures(snapshot, confirmed, NO_CELLS)) == (3, 5)
    machine = (np.array([1, 2, 3, 98, 4]), np.array([20, 10, 10, 10, 98]))
    assert _right_of(tag_figures(snapshot, confirmed, machine)) == (2, 3)


def _right_of(found: TagFigures) -> tuple[int, int]:
    return found.right, found.verdicts


def test_only_verdicts_on_what_is_predicted_count() -> None:
    verdicts, scores = [[1], [0], [1], [0]], [[0.9], [0.8], [0.3], [0.2]]
    loose = make_snapshot(verdicts, scores=scores, thresholds=[0.1])
    strict = make_snapshot(verdicts, scores=scores, thresholds=[0.85])
    assert _right_of(tag_figures(loose, NO_IDS, NO_CELLS)) == (2, 4)
    assert _right_of(tag_figures(strict, NO_IDS, NO_CELLS)) == (1, 1)


def test_precision_needs_enough_verdicts() -> None:
    assert TagFigures(9, 9, 5, LEAST_VERDICTS - 1).precision is None
    precision = TagFigures(9, 9, 14, LEAST_VERDICTS).precision
    assert precision is not None
    # Wilson's interval of 14 of 20, as published tables have it.
    assert precision == pytest.approx((0.7, 0.481, 0.855), abs=0.001)


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_share_and_narrows(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    share = successes / trials
    assert 0 <= low <= share + 1e-12 and share - 1e-12 <= high <= 1
    more_low, more_high = wilson(4 * successes, 4 * trials)
    assert more_high - more_low < high - low
