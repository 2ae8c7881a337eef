"""What the inspector adds up over a selection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ui_libraries import sample_snapshot

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.confirmation import confirmation
from lmpt_desktop.ui.inspector.summary import (
    Sections,
    Show,
    ordered_columns,
    sections,
    summarise,
)


@pytest.fixture
def snapshot() -> Snapshot:
    """Three images that matter: scores and verdicts written out, the rest as drawn."""
    base = sample_snapshot(12)
    scores = base.scores.copy()
    scores[0] = [0.9, 0.1, 0.6, 0.2, 0.3, 0.8]
    scores[1] = [0.7, 0.3, 0.2, 0.2, 0.9, 0.4]
    scores[2] = np.nan
    annotations = base.annotations.copy()
    annotations[0] = [1, 1, -1, -1, 0, 0]
    annotations[1] = [1, -1, -1, -1, 0, 1]
    annotations[2] = [1, -1, -1, -1, 0, -1]
    return replace(base, scores=scores, annotations=annotations)


def test_one_image_gives_its_own_scores_and_verdicts(snapshot: Snapshot) -> None:
    summary = summarise(snapshot, [1])
    assert summary.images == 1
    np.testing.assert_allclose(summary.scores, snapshot.scores[0])
    verdicts = [summary.verdict(column) for column in range(6)]
    unknown = Verdict.UNKNOWN
    present, absent = Verdict.PRESENT, Verdict.ABSENT
    assert verdicts == [present, present, unknown, unknown, absent, absent]


def test_several_images_give_mean_scores_and_mixed_verdicts(snapshot: Snapshot) -> None:
    summary = summarise(snapshot, [1, 2])
    np.testing.assert_allclose(summary.scores, [0.8, 0.2, 0.4, 0.2, 0.6, 0.6], atol=1e-6)
    assert summary.verdict(0) is Verdict.PRESENT
    assert summary.verdict(1) is None
    assert (summary.present[5], summary.absent[5], summary.unknown(5)) == (1, 1, 0)


def test_an_image_without_a_score_does_not_pull_the_mean_down(snapshot: Snapshot) -> None:
    summary = summarise(snapshot, [1, 3])
    np.testing.assert_allclose(summary.scores, snapshot.scores[0])
    assert summary.verdict(0) is Verdict.PRESENT
    assert not summarise(snapshot, [3]).scored


def test_corrections_are_annotations_that_contradict_the_prediction(snapshot: Snapshot) -> None:
    summary = summarise(snapshot, [1, 2, 3])
    # person marked present at 0.1; hair drier absent at 0.9; cup absent at 0.8, present at 0.4
    assert summary.corrected.tolist() == [0, 1, 0, 0, 1, 2]


def test_images_that_left_the_library_are_passed_over(snapshot: Snapshot) -> None:
    assert summarise(snapshot, [1, 999_999]).images == 1
    assert summarise(snapshot, [999_999]).images == 0


def test_classes_are_listed_by_score_highest_first(snapshot: Snapshot) -> None:
    names = listed(snapshot, [1])
    assert names == ["dog", "cup", "traffic light", "hair drier", "kite", "person"]


def test_classes_without_score_follow_the_vocabulary(snapshot: Snapshot) -> None:
    assert listed(snapshot, [3]) == [entry.name for entry in snapshot.classes]


def test_search_puts_names_that_begin_with_the_word_first(snapshot: Snapshot) -> None:
    classes = list(snapshot.classes)
    classes[0] = ClassEntry(10, "dog", "a light brown dog", 0)
    classes[3] = ClassEntry(13, "lighthouse", "", 3)
    described = replace(snapshot, classes=tuple(classes))
    assert listed(described, [1], find="light") == ["lighthouse", "dog", "traffic light"]
    assert listed(described, [1], find="LIGHT traffic") == ["traffic light"]


def test_search_finds_a_class_by_any_of_its_descriptions(snapshot: Snapshot) -> None:
    classes = list(snapshot.classes)
    classes[0] = ClassEntry(10, "dog", "puppy; old hound; terrier", 0)
    described = replace(snapshot, classes=tuple(classes))
    for word in ("puppy", "hound", "terrier"):
        assert listed(described, [1], find=word) == ["dog"]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        (Show.PREDICTED_OR_PRESENT, {"dog", "person", "traffic light"}),
        (Show.UNKNOWN, {"traffic light", "kite"}),
        (Show.ANNOTATED, {"dog", "person", "hair drier", "cup"}),
        (Show.ALL, {"dog", "person", "traffic light", "kite", "hair drier", "cup"}),
    ],
)
def test_the_list_can_be_narrowed(snapshot: Snapshot, show: Show, expected: set[str]) -> None:
    assert set(listed(snapshot, [1], show)) == expected


def test_tail_only_lists_tail_classes(snapshot: Snapshot) -> None:
    bands = snapshot.bands
    expected = {
        entry.name for entry, tail in zip(snapshot.classes, bands.is_tail(), strict=True) if tail
    }
    assert set(listed(snapshot, [1], Show.TAIL)) == expected


def listed(snapshot: Snapshot, ids: list[int], show: Show = Show.ALL, find: str = "") -> list[str]:
    columns = ordered_columns(summarise(snapshot, ids), show, find)
    return [snapshot.classes[column].name for column in columns]


def test_sections_hold_own_verdicts_and_what_is_predicted(snapshot: Snapshot) -> None:
    found = sections(summarise(snapshot, [1]))
    assert found == Sections(present=(0, 1), absent=(4, 5), suggested=(2,))
    # A class that is asked for is suggested, too, and comes first.
    found = sections(summarise(snapshot, [1]), (3,))
    assert found.suggested == (3, 2)
    found = sections(summarise(snapshot, [1]), (5,))
    assert found == Sections(present=(0, 1), absent=(5, 4), suggested=(2,))


def test_of_several_images_what_some_have_is_a_tag_and_the_rest_goes_by_number(
    snapshot: Snapshot,
) -> None:
    scores = snapshot.scores.copy()
    scores[:3, 2:4] = [[0.9, 0.6], [0.2, 0.6], [0.2, 0.6]]
    found = sections(summarise(replace(snapshot, scores=scores), [1, 2, 3]))
    assert found.present == (0, 1, 5)
    assert found.absent == (4,)
    assert found.suggested == (3, 2)


def test_a_class_that_some_images_lack_is_still_suggested_for_the_others(
    snapshot: Snapshot,
) -> None:
    annotations = snapshot.annotations.copy()
    annotations[:3, 2] = [-1, 0, 0]
    found = sections(summarise(replace(snapshot, annotations=annotations), [1, 2, 3]))
    assert 2 in found.suggested
    assert 2 not in found.absent


def test_the_counts_are_those_of_a_confirmation(snapshot: Snapshot) -> None:
    summary = summarise(snapshot, [1, 2, 3])
    change = confirmation(snapshot, np.array([1, 2, 3]))
    assert summary.confirmed_present == np.count_nonzero(change.present)
    assert summary.confirmed_absent == np.count_nonzero(change.absent)
    assert summary.without_predictions == change.without_predictions == 1
    assert summary.unknown_cells == np.count_nonzero(snapshot.annotations[:3] == -1)
    np.testing.assert_array_equal(summary.open, change.present.sum(axis=0))
