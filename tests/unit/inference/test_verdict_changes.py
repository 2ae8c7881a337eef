from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.verdict_changes import (
    changes,
    count_verdicts,
    known_verdicts,
    still_unknown,
)

DOG, CAT, KITE = 30, 10, 20


def small() -> Snapshot:
    return make_snapshot(
        [[1, -1, 0], [1, 0, -1], [1, 1, -1]], image_ids=[2, 4, 7], class_ids=[DOG, CAT, KITE]
    )


def test_a_verdict_shared_by_all_images_is_common() -> None:
    found = count_verdicts(small(), np.array([2, 4, 7]))
    assert [found.common(column) for column in range(3)] == [1, None, None]
    assert count_verdicts(small(), np.array([4, 7])).common(2) == -1
    assert [found.count(1, verdict) for verdict in (1, 0, -1)] == [1, 1, 1]


def test_nothing_is_common_to_no_images() -> None:
    found = count_verdicts(small(), np.empty(0, np.int64))
    assert found.images == 0 and found.common(0) is None


def test_changes_leave_out_verdicts_already_set() -> None:
    found = changes(small(), np.array([7, 2]), {DOG: 1, CAT: 0})
    assert found.image_ids.tolist() == [2, 7]
    assert found.class_ids.tolist() == [CAT, CAT]
    assert found.before.tolist() == [-1, 1]
    assert (found.images, found.classes, found.contradicting) == (2, 1, 1)


def test_images_and_classes_that_are_gone_are_passed_over() -> None:
    found = changes(small(), np.array([3, 4, 99, 4]), {CAT: 1, 77: 1})
    assert found.image_ids.tolist() == [4]


def test_known_verdicts_leave_unknown_ones_out() -> None:
    assert known_verdicts(small(), 2) == {DOG: 1, KITE: 0}
    assert known_verdicts(small(), 3) == {}


def test_still_unknown_looks_at_single_cells() -> None:
    images, classes = np.array([2, 2, 7, 3, 2]), np.array([CAT, DOG, KITE, CAT, 77])
    assert still_unknown(small(), images, classes).tolist() == [True, False, True, False, False]


@given(st.data())
def test_the_count_before_is_the_number_of_changes_after(data: st.DataObject) -> None:
    images, classes = data.draw(st.integers(0, 25)), data.draw(st.integers(1, 5))
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    library = make_snapshot(
        random.integers(-1, 2, (images, classes)),
        image_ids=np.cumsum(random.integers(1, 4, images)).tolist(),
        class_ids=random.permutation(np.arange(1, classes + 1)).tolist(),
    )
    ids = library.image_ids[random.random(images) < 0.6]
    wanted = {
        int(column): int(random.integers(-1, 2))
        for column in np.flatnonzero(random.random(classes) < 0.6)
    }
    by_id = {int(library.class_ids[column]): verdict for column, verdict in wanted.items()}
    found = changes(library, ids, by_id)
    assert len(found) == count_verdicts(library, ids).changing(wanted)
    rows = np.searchsorted(library.image_ids, found.image_ids)
    column_of = {int(c): i for i, c in enumerate(library.class_ids)}
    columns = np.array([column_of[int(c)] for c in found.class_ids], np.int64)
    assert (library.annotations[rows, columns] == found.before).all()
    library.annotations[rows, columns] = found.verdicts
    assert len(changes(library, ids, by_id)) == 0, "doing it again changes nothing"
    assert all(
        count_verdicts(library, ids).common(column) == verdict
        for column, verdict in wanted.items()
        if len(ids)
    )
