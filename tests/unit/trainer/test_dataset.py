"""The split puts every class into both parts where that can be, and respects the past."""

from __future__ import annotations

import numpy as np
import torch
from example_counts import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainer import dataset
from trainer.arrays import unit_rows
from trainer.dataset import split_images
from trainer.job import HELD_OUT, TRAIN, UNASSIGNED


def long_tail(n: int = 400, c: int = 30, seed: int = 0) -> np.ndarray:
    r = np.random.default_rng(seed)
    chance = 0.5 / np.arange(1, c + 1)
    return (r.random((n, c)) < chance).astype(np.int8)


def undecided(targets: np.ndarray) -> np.ndarray:
    return np.full(len(targets), UNASSIGNED, dtype=np.int8)


def test_every_class_with_two_present_is_in_both_parts() -> None:
    for seed in range(20):
        targets = long_tail(seed=seed)
        split = split_images(targets, undecided(targets), seed=seed)
        twice = (targets == 1).sum(0) >= 2
        assert ((targets[split == TRAIN] == 1).sum(0)[twice] >= 1).all()
        assert ((targets[split == HELD_OUT] == 1).sum(0)[twice] >= 1).all()


def test_the_only_image_of_a_class_is_for_training() -> None:
    targets = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], dtype=np.int8)
    assert split_images(targets, undecided(targets))[0] == TRAIN


def test_about_the_wanted_share_of_each_class_is_held_out() -> None:
    targets = long_tail(2000)
    split = split_images(targets, undecided(targets), fraction=0.2)
    share = (targets[split == HELD_OUT] == 1).sum(0) / (targets == 1).sum(0)
    frequent = (targets == 1).sum(0) >= 50
    assert (abs(share[frequent] - 0.2) < 0.06).all()


def test_images_held_out_before_stay_held_out_and_training_ones_training() -> None:
    targets = long_tail()
    assigned = undecided(targets)
    assigned[:60], assigned[60:200] = HELD_OUT, TRAIN
    split = split_images(targets, assigned)
    assert (split[:60] == HELD_OUT).all()
    assert (split[60:200] == TRAIN).all()


def test_a_class_wholly_held_out_before_gets_new_images_for_training() -> None:
    targets = np.zeros((6, 2), dtype=np.int8)
    targets[:5, 0] = 1
    targets[5, 1] = 1
    assigned = np.array([1, 1, -1, -1, -1, -1], dtype=np.int8)
    assert (split_images(targets, assigned)[2:5] == TRAIN).any()


def test_images_without_annotations_are_in_neither_part() -> None:
    targets = long_tail()
    targets[7] = -1
    assigned = undecided(targets)
    assigned[7] = HELD_OUT
    assert split_images(targets, assigned)[7] == UNASSIGNED


def test_images_with_absent_annotations_only_are_divided_too() -> None:
    targets = np.full((100, 3), -1, dtype=np.int8)
    targets[:, 0] = 0
    split = split_images(targets, undecided(targets), fraction=0.2)
    assert (split == HELD_OUT).sum() == 20


def test_conflicts_between_classes_are_repaired() -> None:
    # Two classes on two images each, chained: only one of the two ways works.
    targets = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], dtype=np.int8)
    for seed in range(10):
        split = split_images(targets, undecided(targets), seed=seed)
        for column in targets.T:
            assert set(split[column == 1]) == {TRAIN, HELD_OUT}


def test_the_same_seed_gives_the_same_split() -> None:
    targets = long_tail()
    one, two, other = (split_images(targets, undecided(targets), seed=s) for s in (4, 4, 5))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@settings(max_examples=examples(60), deadline=None)
@given(
    targets=hnp.arrays(
        np.int8,
        st.tuples(st.integers(1, 12), st.integers(1, 5)),
        elements=st.sampled_from([-1, 0, 1]),
    ),
    data=st.data(),
)
def test_any_job_is_divided_without_losing_or_inventing_images(
    targets: np.ndarray, data: st.DataObject
) -> None:
    assigned = data.draw(
        hnp.arrays(np.int8, len(targets), elements=st.sampled_from([UNASSIGNED, TRAIN, HELD_OUT]))
    )
    split = split_images(targets, assigned)
    annotated = (targets >= 0).any(1)
    assert ((split == UNASSIGNED) == ~annotated).all()
    decided = annotated & (assigned != UNASSIGNED)
    assert (split[decided] == assigned[decided]).all()
    if (annotated & (assigned != HELD_OUT)).any():
        assert (split == TRAIN).any()


def test_tensors_have_masked_targets() -> None:
    targets = np.array([[1, 0, -1]], dtype=np.int8)
    features = np.array([[0.6, 0.8]], dtype=np.float32)
    made = dataset.to_tensors(features, targets, torch.tensor([-1]), "cpu")
    assert made.targets.tolist() == [[1, 0, 0]]
    assert made.mask.tolist() == [[1, 1, 0]]


def test_unit_features_are_not_normalised_a_second_time() -> None:
    """Which would change them in their last bits."""
    features = unit_rows(np.random.default_rng(0).normal(size=(500, 32)))
    targets = np.zeros((500, 1), dtype=np.int8)
    made = dataset.to_tensors(features, targets, torch.full((500,), -1), "cpu")
    assert np.array_equal(made.features.numpy(), features)


def test_batches_go_through_every_image_once_per_epoch_and_depend_on_the_step_alone() -> None:
    epoch = [dataset.batch_rows(40, 10, step, 3, None) for step in range(4)]
    assert sorted(torch.cat(epoch).tolist()) == list(range(40))
    assert torch.equal(dataset.batch_rows(40, 10, 2, 3, None), epoch[2])
    assert not torch.equal(dataset.batch_rows(40, 10, 6, 3, None), epoch[2])
    assert dataset.batch_rows(5, 10, 0, 0, None).tolist() == list(range(5))


def test_balanced_sampling_shows_rare_classes_as_often_as_frequent_ones() -> None:
    targets = torch.zeros(1000, 2)
    targets[:990, 0] = 1
    targets[990:, 1] = 1
    weights = dataset.balanced_weights(targets, torch.ones_like(targets))
    rows = torch.cat([dataset.batch_rows(1000, 500, step, 0, weights) for step in range(20)])
    assert 0.45 < float(targets[rows, 1].mean()) < 0.55
    assert torch.isfinite(weights).all()


def one_sided(targets: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Classes with two or more present, all of them in one part."""
    present = targets == 1
    train, held = (present[split == part].sum(0) for part in (TRAIN, HELD_OUT))
    return (present.sum(0) >= 2) & ((train == 0) | (held == 0))


def fewest_one_sided(targets: np.ndarray, assigned: np.ndarray) -> int:
    """Over every split of up to ten images, tried one by one."""
    sides = (np.arange(1 << len(targets))[:, None] >> np.arange(len(targets))) & 1
    sides = sides[((sides == assigned) | (assigned == UNASSIGNED)).all(1)]
    present = (targets == 1).astype(int)
    held = sides @ present
    wrong = (held == 0) | (held == present.sum(0))
    return int(wrong[:, present.sum(0) >= 2].sum(1).min())


@settings(max_examples=examples(80), deadline=None)
@given(
    targets=hnp.arrays(
        np.int8,
        st.tuples(st.integers(2, 8), st.integers(1, 6)),
        elements=st.sampled_from([0, 1]),
    ),
    fixed=st.lists(st.sampled_from([UNASSIGNED, UNASSIGNED, TRAIN, HELD_OUT]), min_size=8),
    seed=st.integers(0, 3),
)
def test_no_other_split_has_more_classes_in_both_parts(
    targets: np.ndarray, fixed: list[int], seed: int
) -> None:
    assigned = np.array(fixed[: len(targets)], dtype=np.int8)
    split = split_images(targets, assigned, seed=seed)
    assert one_sided(targets, split).sum() == fewest_one_sided(targets, assigned)


def has_odd_ring(targets: np.ndarray) -> bool:
    """Whether classes of two images form a ring of odd length: they cannot all be split."""
    side: dict[int, int] = {}
    pairs = [np.flatnonzero(column).tolist() for column in targets.T if column.sum() == 2]
    for start in {image for pair in pairs for image in pair}:
        waiting = [] if start in side else [start]
        side.setdefault(start, 0)
        while waiting:
            image = waiting.pop()
            for one, two in (pair for pair in pairs if image in pair):
                other = two if one == image else one
                if other not in side:
                    side[other] = 1 - side[image]
                    waiting.append(other)
                elif side[other] == side[image]:
                    return True
    return False


@settings(max_examples=examples(40), deadline=None)
@given(
    images=st.integers(30, 300),
    classes=st.integers(1, 60),
    rarity=st.floats(0.3, 1.5),
    fraction=st.floats(0.05, 0.6),
    seed=st.integers(0, 10_000),
)
def test_every_class_with_two_present_is_in_both_parts_of_any_long_tail(
    images: int, classes: int, rarity: float, fraction: float, seed: int
) -> None:
    r = np.random.default_rng(seed)
    chance = 0.5 * np.arange(1, classes + 1.0) ** -rarity
    targets = (r.random((images, classes)) < chance).astype(np.int8)
    assume(not has_odd_ring(targets))
    split = split_images(targets, undecided(targets), fraction=fraction, seed=seed)
    assert not one_sided(targets, split).any()


def test_three_classes_in_a_ring_cannot_all_be_in_both_parts() -> None:
    """The exception that the module's text tells of: only one of them is one-sided."""
    ring = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]], dtype=np.int8)
    assert fewest_one_sided(ring, undecided(ring)) == 1
    assert has_odd_ring(ring)
    for seed in range(10):
        assert one_sided(ring, split_images(ring, undecided(ring), seed=seed)).sum() == 1


def test_a_split_that_climbing_alone_does_not_find_is_found() -> None:
    """The Fano plane without one of its lines, every class a line of three photos."""
    lines = [(0, 1, 2), (0, 3, 4), (0, 5, 6), (1, 3, 5), (1, 4, 6), (2, 3, 6)]
    plane = np.zeros((7, 6), dtype=np.int8)
    for place, line in enumerate(lines):
        plane[list(line), place] = 1
    for seed in range(20):
        assert not one_sided(plane, split_images(plane, undecided(plane), seed=seed)).any()
