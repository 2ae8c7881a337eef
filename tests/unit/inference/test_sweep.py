"""Which photos are asked about in a sweep, and in which order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ui_libraries import DOG, KITE, sample_snapshot

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.snapshot import Snapshot, no_scores
from lmpt_desktop.inference.sweep import candidates, most_rewarding


@pytest.fixture
def snapshot() -> Snapshot:
    return sample_snapshot(200)


def test_the_likeliest_photos_come_first_and_ties_by_row(snapshot: Snapshot) -> None:
    scores = snapshot.scores.copy()
    scores[:, 0] = np.round(scores[:, 0], 1)
    annotations = np.full_like(snapshot.annotations, -1)
    library = replace(snapshot, scores=scores, annotations=annotations)
    expected = sorted(range(200), key=lambda row: (-scores[row, 0], row))
    for most in (1, 7, 60, 199, 200, 1000):
        found = candidates(library, DOG, most)
        rows = [int(id_) - 1 for id_ in found.image_ids]
        assert rows == expected[:most]
        assert found.scores.tolist() == scores[rows, 0].tolist()
        assert found.total == 200


def test_photos_with_a_verdict_or_nothing_to_show_are_left_out(snapshot: Snapshot) -> None:
    annotations = np.full_like(snapshot.annotations, -1)
    annotations[0, 3], annotations[1, 3], annotations[2, 0] = 1, 0, 1
    states = snapshot.states.copy()
    states[3], states[4] = ImageState.MISSING, ImageState.UNREADABLE
    scores = snapshot.scores.copy()
    scores[5] = np.nan
    library = replace(
        snapshot,
        annotations=annotations,
        scores=scores,
        images=replace(snapshot.images, states=states),
    )
    found = candidates(library, KITE, 1000)
    assert set(found.image_ids.tolist()) == set(range(1, 201)) - {1, 2, 4, 5, 6}
    assert found.total == 195
    assert 0 <= found.expected <= found.total


@pytest.mark.parametrize(("threshold", "ticked_from"), [(0.14, 0.5), (0.5, 0.5), (0.8, 0.8)])
def test_only_what_is_likelier_than_not_is_ticked_at_first(
    snapshot: Snapshot, threshold: float, ticked_from: float
) -> None:
    thresholds = np.full_like(snapshot.thresholds, threshold)
    found = candidates(replace(snapshot, thresholds=thresholds), DOG, 10)
    assert found.ticked_from == pytest.approx(ticked_from)


def test_nothing_is_known_of_a_class_that_is_gone_or_without_scores(snapshot: Snapshot) -> None:
    assert not len(candidates(snapshot, 99, 10))
    assert candidates(snapshot, 99, 10).class_id == 99
    library = replace(snapshot, scores=no_scores(*snapshot.scores.shape))
    assert not len(candidates(library, DOG, 10))


def test_the_class_with_most_predictions_without_a_verdict_is_most_rewarding(
    snapshot: Snapshot,
) -> None:
    scores = np.zeros_like(snapshot.scores)
    scores[:5, 1] = scores[:4, 2] = 1
    annotations = np.full_like(snapshot.annotations, -1)
    library = replace(snapshot, scores=scores, annotations=annotations)
    assert most_rewarding(library) == snapshot.classes[1].id
    annotations = annotations.copy()
    annotations[:2, 1] = 1
    assert most_rewarding(replace(library, annotations=annotations)) == snapshot.classes[2].id
    assert most_rewarding(replace(library, classes=())) is None
