from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import pytest
from snapshots import make_snapshot

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import Filter, Sort, SortKey, Status, select
from trainer.bands import Band, BandLimits

DOG, CAT, KITE = 10, 20, 30
NAN = float("nan")


@dataclass
class Library:
    """Five images, three classes; the last image has no feature."""

    annotations: np.ndarray = field(
        default_factory=lambda: np.array(
            [[1, -1, -1], [0, -1, -1], [-1, 1, 0], [1, -1, -1], [-1, -1, -1]], np.int8
        )
    )
    scores: np.ndarray = field(
        default_factory=lambda: np.array(
            [[0.9, 0.1, 0.45], [0.6, 0.7, 0.1], [0.2, 0.8, 0.9], [0.1, 0.2, 0.3], [NAN] * 3],
            np.float32,
        )
    )

    @property
    def snapshot(self) -> Snapshot:
        return make_snapshot(
            self.annotations,
            self.scores,
            names=["b/img10.jpg", "b/img2.jpg", "a/Zoo.jpg", "a/x.jpg", "c.jpg"],
            folder_ids=[1, 1, 1, 2, 2],
            states=[0, 0, 1, 2, 0],
            taken=[50, 40, 30, 20, 10],
            reviewed=[1, 0, 0, 0, 0],
            limits=BandLimits(1, 2),
        )


def ids(wanted: Filter, order: Sort | None = None, library: Library | None = None) -> list[int]:
    snapshot = (library or Library()).snapshot
    return snapshot.image_ids[select(snapshot, wanted, order or Sort())].tolist()


def test_the_default_filter_keeps_every_image_in_the_order_added() -> None:
    assert ids(Filter()) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(class_id=DOG), [1, 4]),  # 2 is predicted, but annotated absent
        (Filter(class_id=DOG, status=Status.PREDICTED), [1, 2]),
        (Filter(class_id=DOG, status=Status.PRESENT), [1, 4]),
        (Filter(class_id=DOG, status=Status.ABSENT), [2]),
        (Filter(class_id=DOG, status=Status.UNKNOWN), [3, 5]),
        (Filter(class_id=DOG, status=Status.CORRECTED), [2, 4]),
        (Filter(status=Status.CORRECTED), [2, 3, 4]),
        (Filter(class_id=999), []),
        (Filter(unreviewed=True), [2, 3, 4, 5]),
        (Filter(state=ImageState.UNREADABLE), [4]),
        (Filter(folder_id=1), [1, 2, 3]),
        (Filter(folder_id=1, below=PurePosixPath("b")), [1, 2]),
        (Filter(text="zoo"), [3]),
        (Filter(text="b"), []),  # a folder's name is not the file's
        (Filter(image_ids=frozenset({5, 3})), [3, 5]),
        (Filter(class_id=DOG, unreviewed=True), [4]),
    ],
)
def test_filters_keep_the_images_that_meet_every_condition(
    wanted: Filter, expected: list[int]
) -> None:
    assert ids(wanted) == expected


def test_a_band_filter_looks_at_the_classes_of_that_band() -> None:
    assert Library().snapshot.bands.bands == (Band.HEAD, Band.MEDIUM, Band.TAIL)
    assert ids(Filter(band=Band.TAIL)) == []  # its only prediction is annotated absent
    assert ids(Filter(band=Band.MEDIUM)) == [2, 3]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Sort(SortKey.NAME), [4, 3, 2, 1, 5]),
        (Sort(SortKey.DATE), [5, 4, 3, 2, 1]),
        (Sort(SortKey.ADDED, descending=True), [5, 4, 3, 2, 1]),
        (Sort(SortKey.SCORE, DOG), [1, 2, 3, 4, 5]),
        (Sort(SortKey.SCORE, DOG, descending=True), [4, 3, 2, 1, 5]),
        (Sort(SortKey.SCORE), [1, 3, 2, 4, 5]),
        (Sort(SortKey.UNCERTAINTY, DOG), [2, 3, 1, 4, 5]),
        (Sort(SortKey.UNCERTAINTY), [1, 4, 2, 3, 5]),
    ],
)
def test_sorting_puts_images_without_a_score_last(order: Sort, expected: list[int]) -> None:
    found = ids(Filter(), order)
    if order == Sort(SortKey.UNCERTAINTY):
        # 2 and 4 lie equally far from a threshold
        assert found[0] == 1
        assert set(found[1:4]) == {2, 3, 4}
        assert found[4] == 5
    else:
        assert found == expected


def test_tail_first_shows_photos_with_evidence_for_a_rare_class_before_the_rest() -> None:
    library = Library()
    library.annotations = np.array(
        [[1, 1, -1], [1, 1, -1], [1, -1, -1], [-1, -1, 1], [-1, -1, -1]], np.int8
    )
    found = ids(Filter(), Sort(SortKey.TAIL_FIRST), library)
    assert library.snapshot.bands.bands[2] is Band.MEDIUM
    assert found == [1, 2, 3, 4, 5]  # no tail class: the order stays
    library.annotations[3, 2] = -1
    assert library.snapshot.bands.bands[2] is Band.TAIL
    found = ids(Filter(), Sort(SortKey.TAIL_FIRST), library)
    assert found == [3, 1, 2, 4, 5]


def test_an_empty_library_answers_every_question() -> None:
    snapshot = make_snapshot(np.empty((0, 3)), np.empty((0, 3)))
    for key in SortKey:
        wanted = Filter(text="x", status=Status.PREDICTED, band=Band.TAIL)
        assert len(select(snapshot, wanted, Sort(key))) == 0


def test_a_library_without_classes_can_be_sorted() -> None:
    snapshot = make_snapshot(np.empty((5, 0)), np.empty((5, 0)))
    for key in SortKey:
        assert sorted(select(snapshot, Filter(), Sort(key))) == [0, 1, 2, 3, 4]
