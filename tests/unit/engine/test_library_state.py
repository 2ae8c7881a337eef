from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.class_tally import class_tally
from lmpt_desktop.domain.records import Batch, ClassEntry, ImageTable
from lmpt_desktop.domain.strictness import Strictness
from lmpt_desktop.domain.texts import Texts
from lmpt_desktop.engine import library_state
from lmpt_desktop.engine.encoding.feature_rows import FeatureRows
from lmpt_desktop.engine.kept_matrix import KeptMatrix
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.inference import predict as predicting
from lmpt_desktop.inference.halves import all_finite
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.weights import ClassWeights
from trainer.bands import BandLimits
from trainer.windows import quantise

DIM = 8


def table(*ids: int) -> ImageTable:
    n = len(ids)
    zeros = np.zeros(n, np.int64)
    return ImageTable(
        ids=np.array(ids, np.int64),
        folder_ids=zeros,
        states=np.zeros(n, np.int8),
        sizes=zeros,
        mtime=zeros,
        taken=zeros,
        widths=np.zeros(n, np.int32),
        heights=np.zeros(n, np.int32),
        names=Texts.of(f"{i}.jpg" for i in ids),
        fingerprints=Texts.of([""] * n),
        edited=np.zeros(n, np.bool_),
    )


def classes(*ids: int) -> list[ClassEntry]:
    return [ClassEntry(i, f"class {i}") for i in ids]


def nothing(image_ids: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
    return np.full((len(image_ids), len(class_ids)), -1, np.int8)


def state_of(image_ids: list[int], class_ids: list[int]) -> LibraryState:
    annotations = np.full((len(image_ids), len(class_ids)), -1, np.int8)
    return LibraryState(table(*image_ids), classes(*class_ids), annotations, set(), BandLimits())


def feature(image_id: int) -> np.ndarray:
    vector = np.random.default_rng(image_id).normal(size=DIM)
    return (vector / np.linalg.norm(vector)).astype(np.float16)


def test_a_mark_given_while_the_images_were_read_again_stays() -> None:
    state = state_of([1, 2], [5])
    marks = {2}  # read from the catalogue, and then:
    for image, reviewed in ((1, True), (2, True), (2, False)):
        state.apply(
            Batch(
                id=1,
                at=datetime.now(UTC),
                action="reviewed",
                reviewed_ids=np.array([image]),
                reviewed_after=np.array([reviewed]),
            )
        )
    state.set_images(table(1, 2, 3), nothing, marks | {3})
    assert state.snapshot.reviewed.tolist() == [True, False, True]


def weights(class_ids: list[int]) -> ClassWeights:
    count = len(class_ids)
    embeddings = np.array([feature(1000 + i) for i in class_ids], np.float32).reshape(count, DIM)
    return ClassWeights(
        embeddings,
        np.full(count, 5, np.float32),
        np.zeros(count, np.float32),
        np.full(count, 0.5, np.float32),
        np.zeros(count, np.bool_),
    )


def expected(image_id: int, class_id: int) -> float:
    cosine = feature(image_id).astype(np.float64) @ feature(1000 + class_id).astype(np.float64)
    return float(1 / (1 + np.exp(-5 * cosine)))


def give(state: LibraryState, *ids: int) -> None:
    state.add_features(np.array(ids), np.array([feature(i) for i in ids]))


def batch(
    cells: list[tuple[int, int, int]], reviewed: list[tuple[int, bool]] | None = None
) -> Batch:
    marks = reviewed or []
    return Batch(
        id=1,
        at=datetime.now(UTC),
        action="apply",
        image_ids=np.array([c[0] for c in cells], np.int64),
        class_ids=np.array([c[1] for c in cells], np.int64),
        before=np.full(len(cells), -1, np.int8),
        after=np.array([c[2] for c in cells], np.int8),
        reviewed_ids=np.array([m[0] for m in marks], np.int64),
        reviewed_after=np.array([m[1] for m in marks], np.bool_),
    )


def test_scores_appear_for_images_with_a_feature_and_are_nan_for_others() -> None:
    state = state_of([1, 2, 3], [7, 8])
    state.set_weights([7, 8], weights([7, 8]))
    give(state, 2)
    assert state.predict()
    scores = state.snapshot.scores
    assert np.isnan(scores[[0, 2]]).all()
    assert scores[1, 1] == pytest.approx(expected(2, 8), abs=1e-3)


def test_features_that_arrive_later_are_scored_without_losing_the_earlier_ones() -> None:
    state = state_of([1, 2, 3], [7])
    state.set_weights([7], weights([7]))
    give(state, 1)
    state.predict()
    give(state, 3)
    assert state.predict()
    assert not state.predict()
    found = state.snapshot.scores[:, 0]
    assert found[0] == pytest.approx(expected(1, 7), abs=1e-3)
    assert np.isnan(found[1])
    assert found[2] == pytest.approx(expected(3, 7), abs=1e-3)


def test_a_photo_encoded_again_counts_with_its_newest_feature() -> None:
    state = state_of([1, 2], [7])
    state.set_weights([7], weights([7]))
    state.add_features(np.array([1, 2]), np.array([feature(50), feature(2)]))
    give(state, 1)
    state.predict()
    assert state.snapshot.scores[0, 0] == pytest.approx(expected(1, 7), abs=1e-3)
    has, features = state.features().lookup(np.array([1, 2, 9]))
    assert has.tolist() == [True, True, False]
    assert np.array_equal(features[0], feature(1))


def test_new_images_keep_the_scores_and_verdicts_of_the_old_ones() -> None:
    state = state_of([1, 3], [7, 8])
    state.set_weights([7, 8], weights([7, 8]))
    give(state, 3)
    state.predict()
    state.apply(batch([(3, 8, 1)], [(3, True)]))
    state.set_images(table(2, 3, 4), nothing, {3})
    snapshot = state.snapshot
    assert snapshot.annotations.tolist() == [[-1, -1], [-1, 1], [-1, -1]]
    assert snapshot.reviewed.tolist() == [False, True, False]
    assert snapshot.scores[1, 0] == pytest.approx(expected(3, 7), abs=1e-3)


def test_an_image_that_comes_back_is_scored_from_the_feature_in_memory() -> None:
    state = state_of([1, 2], [7])
    state.set_weights([7], weights([7]))
    give(state, 1, 2)
    state.predict()
    state.set_images(table(1), nothing, set())
    state.set_images(table(1, 2), nothing, set())
    assert np.isnan(state.snapshot.scores[1, 0])
    assert state.predict()
    assert not np.isnan(state.snapshot.scores).any()


def test_verdicts_of_new_images_and_classes_come_from_the_catalogue() -> None:
    def read(image_ids: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        return np.ones((len(image_ids), len(class_ids)), np.int8)

    state = state_of([1], [7])
    state.set_images(table(1, 2), read, set())
    assert state.snapshot.annotations.tolist() == [[-1], [1]]
    state.set_classes(classes(8, 7), read)
    assert state.snapshot.annotations.tolist() == [[1, -1], [1, 1]]


def test_another_order_of_classes_carries_scores_and_thresholds_along() -> None:
    state = state_of([1], [7, 8])
    state.set_weights([7, 8], weights([7, 8]))
    give(state, 1)
    state.predict()
    state.set_classes(classes(8, 9, 7), nothing)
    scores = state.snapshot.scores[0]
    assert scores[0] == pytest.approx(expected(1, 8), abs=1e-3)
    assert np.isnan(scores[1])
    assert scores[2] == pytest.approx(expected(1, 7), abs=1e-3)


def test_weights_of_an_older_vocabulary_are_not_used() -> None:
    state = state_of([1], [7])
    state.set_weights([7], weights([7]))
    give(state, 1)
    state.set_classes(classes(7, 8), nothing)
    assert not state.predict()


def test_snapshots_are_read_only_and_do_not_change() -> None:
    state = state_of([1], [7])
    before = state.snapshot
    with pytest.raises(ValueError, match="read-only"):
        before.annotations[0, 0] = 1
    state.apply(batch([(1, 7, 1)]))
    assert before.annotations[0, 0] == -1
    assert state.snapshot.annotations[0, 0] == 1
    assert state.snapshot.version > before.version


def test_what_did_not_change_is_not_computed_again() -> None:
    state = state_of([1], [7])
    columns, scored = state.snapshot.column_of, state.snapshot.scored
    state.apply(batch([(1, 7, 1)]))
    assert state.snapshot.column_of is columns
    assert state.snapshot.scored is scored


def test_rows_are_found_by_id_one_by_one_or_many_at_once() -> None:
    snapshot = state_of([2, 5, 9], [7]).snapshot
    assert snapshot.rows([9, 3, 2, 10, -1]).tolist() == [2, -1, 0, -1, -1]
    assert snapshot.row_of[5] == 1
    assert snapshot.row_of.get(4) is None
    assert dict(snapshot.row_of) == {2: 0, 5: 1, 9: 2}
    nothing_there = state_of([], [7]).snapshot
    assert nothing_there.rows([1]).tolist() == [-1]
    assert 1 not in nothing_there.row_of


def test_a_correction_contradicts_the_prediction() -> None:
    state = state_of([1, 2], [7])
    state.set_weights([7], weights([7]))
    give(state, 1)
    state.predict()
    predicted = bool(state.snapshot.predicted[0, 0])
    state.apply(batch([(1, 7, int(not predicted)), (2, 7, 1)]))
    assert state.snapshot.corrected[:, 0].tolist() == [True, False]


def test_changes_of_images_and_classes_not_shown_are_ignored() -> None:
    state = state_of([1], [7])
    state.apply(batch([(99, 7, 1), (1, 99, 1)], [(99, True)]))
    assert state.snapshot.annotations.tolist() == [[-1]]
    assert state.snapshot.reviewed.tolist() == [False]


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=9), max_size=8))
def test_growing_features_give_each_image_its_latest_row(parts: list[list[int]]) -> None:
    rows = FeatureRows(1, 2)
    latest: dict[int, float] = {}
    for number, ids in enumerate(parts):
        values = np.full((len(ids), 1), number, np.float16)
        rows.append(np.array(ids), values)
        latest.update(dict.fromkeys(ids, float(number)))
    asked = np.arange(45)
    has, features = rows.view().lookup(asked)
    assert dict(zip(asked[has].tolist(), features[:, 0].tolist(), strict=True)) == latest


def test_a_feature_of_another_dimension_is_refused() -> None:
    rows = FeatureRows(3)
    with pytest.raises(ValueError, match="expected"):
        rows.append(np.array([1]), np.zeros((1, 4), np.float16))


def test_an_older_view_of_features_stays_as_it_was() -> None:
    rows = FeatureRows(1, 1)
    rows.append(np.array([1]), np.array([[1]], np.float16))
    view = rows.view()
    rows.append(np.array([2, 3]), np.array([[2], [3]], np.float16))
    assert view.ids.tolist() == [1]
    assert view.matrix.tolist() == [[1]]


def test_before_any_prediction_nothing_is_predicted_or_corrected_and_no_memory_is_taken() -> None:
    state = state_of([1, 2, 5], [7, 8])
    before = state.snapshot
    assert np.isnan(before.scores).all()
    assert before.scores.strides == (0, 0)
    state.apply(batch([(1, 7, 1)]))
    state.set_classes(classes(8, 7, 9), nothing)
    after = state.snapshot
    assert after.unscored
    assert after.scores.shape == after.predicted.shape == after.corrected.shape == (3, 3)
    assert not after.predicted.any()
    assert not after.corrected.any()
    state.set_weights([8, 7, 9], weights([8, 7, 9]))
    give(state, 1, 5)
    assert state.predict()
    assert not state.snapshot.unscored
    assert np.isnan(state.snapshot.scores[1]).all()
    assert not np.isnan(state.snapshot.scores[[0, 2]]).any()
    state.set_features(None)
    assert state.snapshot.unscored


@given(st.integers(0, 2**32 - 1))
def test_corrections_are_verdicts_that_contradict_a_score(seed: int) -> None:
    random = np.random.default_rng(seed)
    snapshot = replace(
        state_of([1, 2, 3], [5, 6]).snapshot,
        scores=random.choice([np.nan, 0.1, 0.9], (3, 2)).astype(np.float32),
        annotations=random.integers(-1, 2, (3, 2)).astype(np.int8),
    )
    for row, column in np.ndindex(3, 2):
        stored, score = snapshot.annotations[row, column], snapshot.scores[row, column]
        wrong = stored >= 0 and not np.isnan(score) and (stored == 1) != (score >= 0.5)
        assert snapshot.corrected[row, column] == wrong


def test_bands_are_counted_again_once_their_limits_or_verdicts_differ() -> None:
    state = state_of([1, 2], [5])
    before = state.snapshot.bands
    state.set_images(table(1, 2), nothing, set())
    assert state.snapshot.bands is before, "nothing they are made of has changed"
    state.set_limits(BandLimits(1, 2))
    assert state.snapshot.bands.limits == BandLimits(1, 2)
    state.apply(
        Batch(
            id=1,
            at=datetime.now(UTC),
            action="annotate",
            image_ids=np.array([1]),
            class_ids=np.array([5]),
            before=np.array([-1], np.int8),
            after=np.array([1], np.int8),
        )
    )
    assert state.snapshot.bands.numbers.tolist() == [1]


@given(st.integers(0, 2**32 - 1))
def test_a_verdict_counts_only_its_own_photos_again_and_rightly(seed: int) -> None:
    random = np.random.default_rng(seed)
    ids = list(range(1, 41))
    state = state_of(ids, [5, 6])
    scores = random.choice([np.nan, 0.1, 0.9], (40, 2)).astype(np.float32)
    state._evolve(scores=scores)  # pyright: ignore[reportPrivateUsage]
    assert state.snapshot.tally.images == 40
    for number in range(1, 6):
        cells = [
            (int(random.integers(1, 41)), int(random.integers(5, 7)), int(random.integers(-1, 2)))
            for _ in range(random.integers(1, 4))
        ]
        cells = list({cell[:2]: cell for cell in cells}.values())
        marked = np.array(sorted({cell[0] for cell in cells}))
        state.apply(
            replace(
                batch(cells),
                id=number,
                reviewed_ids=marked,
                reviewed_after=random.random(len(marked)) < 0.5,
            )
        )
        snapshot = state.snapshot
        assert "tally" in vars(snapshot), "carried, not counted again"
        whole = class_tally(
            snapshot.annotations, snapshot.scores, snapshot.thresholds, snapshot.reviewed
        )
        np.testing.assert_array_equal(snapshot.tally.counts, whole.counts)


def test_thresholds_follow_strictness_through_every_change() -> None:
    state = state_of([1, 2], [5, 6])
    own = state.snapshot.thresholds
    strictness = Strictness(0.5).with_class(6, -0.5)
    assert state.set_strictness(strictness)
    assert not state.set_strictness(Strictness(0.5, {6: -0.5})), "it is what holds already"
    assert state.snapshot.thresholds.tolist() == strictness.applied(own, np.array([5, 6])).tolist()
    state.set_classes(classes(6, 7), nothing)
    assert state.snapshot.thresholds[0] == 0.5, "what is added for a class goes with the class"
    assert state.snapshot.thresholds[1] > 0.5
    rng = np.random.default_rng(0)
    weights = ClassWeights(
        embeddings=rng.normal(size=(2, DIM)).astype(np.float32),
        scales=np.ones(2, np.float32),
        biases=np.zeros(2, np.float32),
        thresholds=np.array([0.25, 0.75], np.float32),
        trained=np.ones(2, np.bool_),
    )
    features = FeatureRows(DIM)
    features.append(np.array([1]), feature(1)[None])
    state.set_features(features)
    state.set_weights([6, 7], weights)
    assert state.predict()
    assert state.snapshot.thresholds[0] == np.float32(0.25)
    assert state.snapshot.thresholds[1] > 0.75
    state.set_strictness(Strictness())
    assert state.snapshot.thresholds.tolist() == [0.25, 0.75]
    assert not state.snapshot.thresholds.flags.writeable


def test_strictness_moves_predictions_and_nothing_else() -> None:
    state = state_of([1, 2, 3], [5])
    scores = np.array([[0.9], [0.4], [np.nan]], np.float32)
    state._evolve(scores=scores)  # pyright: ignore[reportPrivateUsage]
    before, bands = state.snapshot, state.snapshot.bands
    assert before.predicted.ravel().tolist() == [True, False, False]
    state.set_strictness(Strictness(-0.5))
    after = state.snapshot
    assert after.version > before.version
    assert after.predicted.ravel().tolist() == [True, True, False]
    assert after.tally.predicted.tolist() == [2]
    assert after.scores is before.scores
    assert after.annotations is before.annotations
    assert after.reviewed is before.reviewed
    assert after.bands is bands, "how common a class is does not depend on it"
    assert before.predicted.ravel().tolist() == [True, False, False]


@given(st.integers(0, 2**32 - 1))
def test_both_tallies_are_right_after_any_verdict_at_any_strictness(seed: int) -> None:
    random = np.random.default_rng(seed)
    state = state_of(list(range(1, 41)), [5, 6])
    scores = random.choice([np.nan, 0.1, 0.4, 0.6, 0.9], (40, 2)).astype(np.float32)
    state._evolve(scores=scores)  # pyright: ignore[reportPrivateUsage]
    for number in range(1, 8):
        match random.integers(3):
            case 0:
                state.set_strictness(Strictness(float(random.choice([-0.5, 0.0, 0.5]))))
            case 1:
                _ = state.snapshot.tally
            case _:
                _ = state.snapshot.bands
        cell = (int(random.integers(1, 41)), int(random.integers(5, 7)), 1)
        state.apply(replace(batch([cell]), id=number))
        now = state.snapshot
        own = now.own_thresholds
        assert own is not None
        for tally, thresholds in ((now.tally, now.thresholds), (now.own_tally, own)):
            whole = class_tally(now.annotations, now.scores, thresholds, now.reviewed)
            np.testing.assert_array_equal(tally.counts, whole.counts)


def test_changes_of_images_and_classes_that_are_not_shown_are_harmless() -> None:
    """Annotations may follow to or from an image that is not in the snapshot (yet, any longer)."""
    state = state_of([2, 5], [7, 8])
    made = batch([(1, 7, 1), (5, 7, 1), (9, 8, 0), (5, 99, 1)])
    state.apply(
        replace(
            made, reviewed_ids=np.array([1, 2, 9]), reviewed_after=np.array([True, True, False])
        )
    )
    assert state.snapshot.annotations.tolist() == [[-1, -1], [1, -1]]
    assert state.snapshot.reviewed.tolist() == [True, False]
    empty = state_of([], [7])
    empty.apply(made)
    assert empty.snapshot.annotations.shape == (0, 1)


@pytest.mark.parametrize("with_windows", [False, True])
def test_where_one_class_has_changed_the_others_keep_their_scores(
    with_windows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_windows = quantise(np.array([[feature(300 + i)] for i in (1, 2, 3)], np.float32))
    state = state_of([1, 2, 3, 4], [5, 6, 7])
    state.set_features(None, lambda _ids: [(np.array([1, 2, 3]), from_windows)])
    made = weights([5, 6, 7])
    if with_windows:
        made = replace(made, window_embeddings=made.embeddings, window_offset=0.1)
    state.set_weights([5, 6, 7], made)
    state.add_features(np.array([1, 2]), np.array([feature(1), feature(2)]), from_windows[:2])
    assert state.predict()
    asked: list[int] = []

    def counted(features: np.ndarray, of: ClassWeights, *windows: object) -> np.ndarray:
        asked.append(len(features) * len(of.scales))
        return predict(features, of, *windows)  # type: ignore[arg-type]

    columns: list[list[int]] = []

    def noted(
        features: np.ndarray, of: ClassWeights, some: np.ndarray, *windows: object
    ) -> np.ndarray:
        columns.append(some.tolist())
        return predicting.predict_columns(features, of, some, *windows)  # type: ignore[arg-type]

    monkeypatch.setattr(library_state, "predict", counted)
    monkeypatch.setattr(library_state, "predict_columns", noted)
    embeddings, biases = made.embeddings.copy(), made.biases.copy()
    embeddings[1], biases[1] = feature(2000), 0.5
    changed = replace(made, embeddings=embeddings, biases=biases)
    state.set_weights([5, 6, 7], changed)
    assert state.predict()
    assert (asked, columns) == ([0], [[1]])
    assert not state.predict()
    # A feature that arrives meanwhile, and another change before that was predicted.
    last = replace(changed, thresholds=np.full(3, 0.25, np.float32))
    state.set_weights([5, 6, 7], last)
    state.add_features(np.array([3]), feature(3)[None], from_windows[2:])
    assert state.predict()
    assert (asked[1:], columns[1:]) == ([3], [])
    other = state_of([1, 2, 3, 4], [5, 6, 7])
    other.set_features(None, lambda _ids: [(np.array([1, 2, 3]), from_windows)])
    other.set_weights([5, 6, 7], last)
    other.add_features(
        np.array([1, 2, 3]), np.array([feature(1), feature(2), feature(3)]), from_windows
    )
    assert other.predict()
    np.testing.assert_allclose(state.snapshot.scores, other.snapshot.scores, atol=1e-6)
    assert state.snapshot.thresholds.tolist() == [0.25] * 3


def test_features_that_were_replaced_make_room() -> None:
    count = 1024
    ids = np.arange(1, count + 1)
    state = state_of(ids.tolist(), [7])
    made = weights([7])
    windows = quantise(np.random.default_rng(1).normal(size=(count, 2, DIM)))
    read = [(ids, windows)]
    state.set_features(None, lambda _ids: read)
    state.set_weights([7], replace(made, window_embeddings=made.embeddings))
    matrix = np.array([feature(i) for i in ids.tolist()])
    state.add_features(ids, matrix)
    state.predict()
    for _ in range(3):
        state.add_features(ids, matrix, windows)
        assert state.predict()
    assert len(state.features().ids) == 2 * count
    assert set(state.windowed().tolist()) == set(ids.tolist())
    other = state_of(ids.tolist(), [7])
    other.set_features(None, lambda _ids: read)
    other.set_weights([7], replace(made, window_embeddings=made.embeddings))
    other.add_features(ids, matrix, windows)
    other.predict()
    np.testing.assert_allclose(state.snapshot.scores, other.snapshot.scores, atol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_after_any_verdicts_all_is_as_if_computed_afresh_and_older_snapshots_stay(
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    ids, class_ids = list(range(1, 31)), [5, 6, 7, 8, 9]
    state = state_of(ids, class_ids)
    state._annotations = KeptMatrix[np.int8](0)  # pyright: ignore[reportPrivateUsage]
    state._scores = KeptMatrix[np.float32](0)  # pyright: ignore[reportPrivateUsage]
    used = replace(weights(class_ids), thresholds=random.random(5).astype(np.float32))
    state.set_weights(class_ids, used)
    give(state, *(i for i in ids if random.random() < 0.8))
    state.predict()
    held = []
    for number in range(1, 16):
        match random.integers(6):
            case 0 | 1:
                cell = [int(random.choice(ids)), int(random.choice(class_ids)), 0]
                cell[2] = int(random.integers(-1, 2))
                marks = [(cell[0], bool(random.integers(2)))] if random.random() < 0.3 else []
                state.apply(replace(batch([(cell[0], cell[1], cell[2])], marks), id=number))
            case 2 | 3:
                count = random.choice([1, 1, 2, 5])
                columns = np.sort(random.choice(5, count, replace=False))
                embeddings = used.embeddings.copy()
                embeddings[columns] += random.normal(size=(count, DIM)).astype(np.float32)
                used = replace(used, embeddings=embeddings)
                assert state.change_weights(class_ids, used, columns)
            case 4:
                give(state, int(random.choice(ids)))
                state.predict()
            case _:
                state.set_strictness(Strictness(float(random.choice([-0.5, 0.0, 0.5]))))
        now = state.snapshot
        if random.random() < 0.5:
            _ = now.bands, now.tally
        if random.random() < 0.5:
            held.append((now, now.scores.copy(), now.annotations.copy()))
        if len(held) > 3:
            held.pop(int(random.integers(4)))
        for snapshot, scores, verdicts in held:
            np.testing.assert_array_equal(snapshot.scores, scores)
            np.testing.assert_array_equal(snapshot.annotations, verdicts)
    now = state.snapshot
    has, matrix = state.features().lookup(now.image_ids)
    afresh = np.full(now.scores.shape, np.nan, np.float32)
    afresh[has] = predict(matrix, used)
    np.testing.assert_allclose(now.scores, afresh, atol=1e-5)
    own = now.own_thresholds
    assert own is not None
    for tally, thresholds in ((now.tally, now.thresholds), (now.own_tally, own)):
        whole = class_tally(now.annotations, now.scores, thresholds, now.reviewed)
        np.testing.assert_array_equal(tally.counts, whole.counts)


def test_after_a_change_of_scores_only_their_classes_are_counted_again() -> None:
    state = state_of([1, 2, 3, 4], [5, 6, 7])
    used = weights([5, 6, 7])
    state.set_weights([5, 6, 7], used)
    give(state, 1, 2, 3, 4)
    state.predict()
    _ = state.snapshot.tally
    for column in (1, 1):
        used = replace(used, biases=used.biases + np.eye(3, dtype=np.float32)[column] * 9)
        state.change_weights([5, 6, 7], used, np.array([column]))
        state.apply(batch([(1, 5, 1)]))
    stale = state.snapshot.stale_tallies["tally"]
    assert stale.columns.tolist() == [1]
    assert stale.tally.present.tolist() == [1, 0, 0]
    assert state.snapshot.tally.predicted[1] == 4
    assert not replace(state.snapshot, version=9).stale_tallies, "it may have other scores"


def test_a_snapshot_is_made_while_another_thread_computes_a_property_of_the_last_one() -> None:
    state = state_of([1, 2], [1])
    old = state.snapshot

    class Meddling(str):
        """A name at whose comparison another property appears, as if another thread was there."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            old.__dict__.setdefault(f"property {len(old.__dict__)}", 0)
            return str.__eq__(self, other)

    ids = old.image_ids
    del old.__dict__["image_ids"]
    old.__dict__[Meddling("image_ids")] = ids
    state.set_limits(BandLimits(1, 2))
    assert state.snapshot.limits == BandLimits(1, 2)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_features_are_looked_through_once_however_often_a_class_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []

    def noted(halves: np.ndarray) -> bool:
        looked.append(len(halves))
        return all_finite(halves)

    monkeypatch.setattr("lmpt_desktop.inference.predict.all_finite", noted)
    monkeypatch.setattr("lmpt_desktop.inference.queues.features.all_finite", noted, raising=False)
    state = state_of([1, 2, 3, 4], [5, 6, 7])
    used = weights([5, 6, 7])
    state.set_weights([5, 6, 7], used)
    give(state, 1, 2, 3)
    state.predict()
    looked.clear()

    def change(column: int) -> None:
        nonlocal used
        used = replace(used, biases=used.biases + np.eye(3, dtype=np.float32)[column])
        assert state.change_weights([5, 6, 7], used, np.array([column]))

    for column in range(3):
        change(column)
    assert looked == [3]
    order = state.features()._by_id  # pyright: ignore[reportPrivateUsage]
    assert state.features()._by_id is order  # pyright: ignore[reportPrivateUsage]
    state.add_features(np.array([4]), np.full((1, DIM), np.inf, np.float16))
    state.predict()
    looked.clear()
    change(0)
    assert looked[0] == 4 and len(state.features().ids) == 4
    scores = state.snapshot.scores
    assert np.isfinite(scores[:3]).all() and not np.isfinite(scores[3, 0])
