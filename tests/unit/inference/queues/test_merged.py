"""The queue of conflicts with merged libraries."""

from __future__ import annotations

import numpy as np
from queue_arrays import Library, library

from lmpt_desktop.domain.conflicts import StoredConflicts
from lmpt_desktop.inference.queues import Queue, QueueKind, QueueRequest, build_queue


def conflicts(*found: tuple[int, int, int, str]) -> StoredConflicts:
    """Image id, class id, what the other library says, and its name."""
    images, classes, verdicts, names = zip(*found, strict=True)
    return StoredConflicts(
        np.array(images, np.int64), np.array(classes, np.int64), np.array(verdicts, np.int8), names
    )


def made() -> Library:
    """Six images; class 10 has three examples, class 20 one."""
    arrays = library(6, 2, annotated=0.0)
    arrays.annotations[:, 0] = [1, 1, 1, 0, -1, 0]
    arrays.annotations[:, 1] = [1, 0, 0, 0, 0, 0]
    return arrays


def ask(arrays: Library, found: StoredConflicts, **asked: object) -> Queue:
    wanted = QueueRequest(QueueKind.CONFLICTS, **asked)  # type: ignore[arg-type]
    return build_queue(arrays.snapshot, wanted, arrays.features, {1, 2, 3}, conflicts=found)


def test_rare_classes_first_then_in_the_librarys_order() -> None:
    found = conflicts((1, 10, 0, "Anna"), (3, 10, 0, "Anna"), (4, 20, 1, "Anna"))
    queue = ask(made(), found)
    asked = [(item.image_id, item.class_id) for item in queue.items]
    assert asked == [(4, 20), (1, 10), (3, 10)]
    assert queue.items[1].reason == "Your library says present, “Anna” says absent."
    assert len(ask(made(), found, length=1).items) == 1
    assert ask(made(), found, length=1).possible == 3


def test_only_what_still_is_a_conflict_is_asked() -> None:
    found = conflicts(
        (1, 10, 1, "it agrees by now"),
        (5, 10, 1, "there is no verdict any more"),
        (99, 10, 0, "the photo is not shown"),
        (1, 90, 0, "the class is archived"),
    )
    queue = ask(made(), found)
    assert queue.items == ()
    assert "left to decide" in queue.note


def test_photos_without_a_score_are_asked_about_those_that_cannot_be_read_are_not() -> None:
    arrays = made()
    arrays.scores[:] = np.nan
    arrays.states[1] = 2
    found = conflicts((1, 10, 0, "Anna"), (2, 10, 0, "Anna"))
    assert [item.image_id for item in ask(arrays, found).items] == [1]
    assert ask(arrays, found, image_ids=(2, 3)).items == ()


def test_all_who_contradict_are_named() -> None:
    found = conflicts((1, 10, 0, "Anna"), (1, 10, 0, "Ben"), (1, 10, 0, "Anna"))
    [item] = ask(made(), found).items
    assert item.reason == "Your library says present, “Anna” and “Ben” say absent."
