"""Stacks of a real library, through the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from dated_photos import save_dated

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.engine.encoding.feature_rows import FeatureRows
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.engine.stacks import PhotoStacks
from lmpt_desktop.inference.queues import QueueKind, QueueRequest

Until = Callable[[Callable[[], object]], None]
PHOTOS = {"dog_1.jpg": 1, "dog_2.jpg": 2, "dog_3.jpg": 3, "cat_1.jpg": 30, "dog_4.jpg": 60}
"""Names, and seconds after noon."""


@pytest.fixture
def session(
    tmp_path: Path, encoder_command: list[str], fit_command: list[str]
) -> Iterator[LibrarySession]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, second in PHOTOS.items():
        save_dated(folder / name, second)
    made = LibrarySession.open(
        tmp_path / "library", commands=Commands(encoder_command, fit_command)
    )
    made.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat")])
    made.folders.add(folder)
    assert made.wait_until_idle(60)
    yield made
    made.close()


def listed(session: LibrarySession) -> list[list[str]]:
    snapshot, found = session.snapshot(), session.stacks.now()
    return [
        [snapshot.names[row] for row in snapshot.rows(found.members(number))]
        for number in range(found.count)
    ]


def test_a_burst_is_one_stack_and_stays_so_when_photos_are_added(
    session: LibrarySession, tmp_path: Path
) -> None:
    assert listed(session) == [["dog_1.jpg", "dog_2.jpg", "dog_3.jpg"]]
    assert session.stacks.current
    save_dated(tmp_path / "photos" / "cat_2.jpg", 63)
    save_dated(tmp_path / "photos" / "dog_5.jpg", 61)
    session.folders.rescan()
    assert session.wait_until_idle(60)
    assert not session.stacks.current
    assert listed(session) == [
        ["dog_1.jpg", "dog_2.jpg", "dog_3.jpg"],
        ["dog_4.jpg", "dog_5.jpg"],
    ]


def test_a_queue_asks_about_one_photo_of_a_burst_until_nothing_else_is_left(
    session: LibrarySession,
) -> None:
    dog = session.snapshot().classes[0].id
    queue = session.queues.build(QueueRequest(QueueKind.CLASS_SWEEP, class_id=dog))
    stacks = session.stacks.now()
    asked = [stacks.number_of(item.image_id) for item in queue.items]
    assert len(asked) == len(PHOTOS)
    assert asked[:-1].count(0) == 2 and not any(
        one == other >= 0 for one, other in pairwise(asked[:-1])
    )


def test_stacks_of_a_moment_ago_are_good_enough_only_where_that_is_said(
    session: LibrarySession,
) -> None:
    state: LibraryState = session._state
    stacks = PhotoStacks(state)
    before = stacks.now()
    one = before.image_ids[:1]
    state.add_features(one, -state.features().of(one).astype(np.float16))
    assert stacks.now(exact=False) is before
    assert not stacks.current
    assert stacks.now().stacked < before.stacked
    assert stacks.current


def test_another_backbone_makes_other_stacks(session: LibrarySession) -> None:
    state: LibraryState = session._state
    stacks = PhotoStacks(state)
    assert stacks.now().count == 1
    ids = state.features().ids.copy()
    matrix = np.eye(len(ids), 64, dtype=np.float16)
    state.set_features(FeatureRows.of(ids, matrix))
    assert stacks.now().count == 0
