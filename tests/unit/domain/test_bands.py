"""The estimated number of photos per class: its bounds, its smoothness, and what moves it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmpt_desktop.domain.bands import REACH, ClassBands, class_bands
from lmpt_desktop.domain.class_tally import class_tally
from trainer.bands import Band, BandLimits

NAN = float("nan")


def bands_of(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    limits: BandLimits | None = None,
    reviewed: NDArray[np.bool_] | None = None,
) -> ClassBands:
    n, c = annotations.shape
    marks = np.zeros(n, np.bool_) if reviewed is None else reviewed
    tally = class_tally(annotations, scores, np.full(c, 0.5, np.float32), marks)
    return class_bands(tally, limits or BandLimits())


def unknown(images: int, classes: int) -> NDArray[np.int8]:
    return np.full((images, classes), -1, np.int8)


def predicted_in(*counts: int, images: int) -> NDArray[np.float32]:
    """Scores by which class i is predicted in the first ``counts[i]`` images."""
    return np.where(np.arange(images)[:, None] < np.array(counts), 0.9, 0.1).astype(np.float32)


def test_without_a_verdict_the_estimate_is_the_number_of_predicted_photos() -> None:
    bands = bands_of(unknown(400, 3), predicted_in(282, 30, 0, images=400))
    assert bands.estimates.tolist() == [282, 30, 0]
    assert bands.bands == (Band.HEAD, Band.MEDIUM, Band.TAIL)
    assert bands.is_tail().tolist() == [False, False, True]
    assert bands.known


def test_nothing_is_known_before_a_photo_is_encoded_or_judged() -> None:
    assert not bands_of(unknown(4, 2), np.full((4, 2), NAN, np.float32)).known


def test_an_example_of_every_class_does_not_make_a_common_class_rare() -> None:
    """Bands used to be counted in examples as soon as half of the classes had one."""
    scores = predicted_in(282, 60, 30, 2, images=538)
    annotations = unknown(538, 4)
    before = bands_of(annotations, scores)
    assert before.bands == (Band.HEAD, Band.MEDIUM, Band.MEDIUM, Band.TAIL)
    for column in range(4):
        annotations[column, column] = 1
        assert bands_of(annotations, scores).bands == before.bands


def test_wrong_predictions_make_a_class_rarer_and_right_ones_do_not() -> None:
    scores = predicted_in(60, images=538)
    annotations = unknown(538, 1)
    annotations[:20] = 1
    assert bands_of(annotations, scores).estimates[0] == 60
    annotations[:20] = 0
    few = bands_of(annotations, scores).estimates[0]
    assert few < 30
    reviewed = np.arange(538) < 20
    assert bands_of(annotations, scores, reviewed=reviewed).estimates[0] < few


def test_a_class_missed_in_reviewed_photos_is_missed_in_others_too() -> None:
    scores = predicted_in(0, images=400)
    annotations = unknown(400, 1)
    annotations[:100] = 0
    annotations[:25] = 1
    assert bands_of(annotations, scores).estimates[0] == 25, "found by looking for them"
    reviewed = np.arange(400) < 100
    # A quarter of all photos would be 100; the estimate goes there but not all the way.
    assert 60 < bands_of(annotations, scores, reviewed=reviewed).estimates[0] < 100


def test_photos_that_are_not_encoded_are_like_the_others_but_count_once_more_at_most() -> None:
    scores = predicted_in(100, images=400)
    scores[200:] = NAN
    assert 180 < bands_of(unknown(400, 1), scores).estimates[0] < 200
    scores[10:] = NAN
    assert bands_of(unknown(400, 1), scores).estimates[0] <= 20


def test_needing_examples_is_not_being_rare() -> None:
    annotations = unknown(300, 2)
    annotations[:4, 0] = annotations[:5, 1] = 1
    bands = bands_of(annotations, predicted_in(282, 5, images=300))
    assert bands.needs_examples.tolist() == [True, False]
    assert bands.bands == (Band.HEAD, Band.TAIL)


def random_library(
    seed: int, images: int
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    known = rng.random()
    annotations = rng.choice(
        np.array([-1, 0, 1], np.int8), (images, 3), p=[1 - known, 0.6 * known, 0.4 * known]
    )
    scores = rng.random((images, 3), np.float32) ** rng.choice([0.3, 1, 5])
    scores[rng.random(images) < rng.choice([0.0, 0.1, 0.9])] = np.nan
    return annotations, scores, rng.random(images) < rng.random()


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), images=st.integers(1, 400))
def test_estimates_stay_between_the_present_and_the_not_absent_photos(
    seed: int, images: int
) -> None:
    annotations, scores, reviewed = random_library(seed, images)
    bands = bands_of(annotations, scores, reviewed=reviewed)
    assert (bands.estimates >= (annotations == 1).sum(axis=0) - 1e-9).all()
    assert (bands.estimates <= (annotations != 0).sum(axis=0) + 1e-9).all()
    assert (bands.numbers >= bands.present).all()
    assert bands.bands == tuple(bands.limits.bands(bands.numbers))


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), images=st.sampled_from([1, 7, 60, 538, 5000]))
def test_no_single_verdict_moves_an_estimate_by_more_than_a_few_photos(
    seed: int, images: int
) -> None:
    annotations, scores, reviewed = random_library(seed, images)
    rng = np.random.default_rng(seed)
    before = bands_of(annotations, scores, reviewed=reviewed).estimates
    row = int(rng.integers(images))
    annotations[row] = rng.integers(-1, 2, 3)
    reviewed[row] = rng.random() < 0.5
    after = bands_of(annotations, scores, reviewed=reviewed).estimates
    encoded = not np.isnan(scores).any()
    assert np.abs(after - before).max() <= (REACH + 2) * (1 if encoded else 2)


def test_the_tally_counts_what_counting_one_by_one_gives() -> None:
    annotations, scores, reviewed = random_library(3, 200)
    tally = class_tally(annotations, scores, np.full(3, 0.5, np.float32), reviewed)
    present, absent = annotations == 1, annotations == 0
    scored, reached, marks = ~np.isnan(scores), scores >= 0.5, reviewed[:, None]
    wanted = {
        "present": present,
        "absent": absent,
        "scored": scored,
        "predicted": reached,
        "predicted_unknown": reached & (annotations < 0),
        "others_unknown": scored & ~reached & (annotations < 0),
        "unscored_unknown": ~scored & (annotations < 0),
        "scored_present": present & scored,
    }
    for name, cells in wanted.items():
        assert getattr(tally, name).tolist() == cells.sum(axis=0).tolist(), name
    for pair, cells in (
        (tally.predictions, reached),
        (tally.reviewed_predictions, reached & marks),
        (tally.reviewed_others, scored & ~reached & marks),
    ):
        for counted, verdicts in zip(pair, (present, absent), strict=True):
            assert counted.tolist() == (cells & verdicts).sum(axis=0).tolist()
