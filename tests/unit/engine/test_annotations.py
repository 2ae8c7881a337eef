"""Many changes at once, through the session: committed, shown, told, undone as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from paper_library import open_session

from lmpt_desktop.catalogue import NotInCatalogue
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.notices import AnnotationsChanged, Notice
from lmpt_desktop.engine.session import LibrarySession

COUNT = 12


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LibrarySession]:
    """Twelve images that exist only in the catalogue, three classes."""
    with open_session(tmp_path / "library", COUNT, ("dog", "cat", "kite")) as opened:
        yield opened


def test_changes_are_committed_shown_notified_and_undone_as_one(session: LibrarySession) -> None:
    ids, classes = session.snapshot().image_ids, session.snapshot().class_ids
    before = session.annotations.annotate(ids[:2].tolist(), [int(classes[0])], Verdict.PRESENT)
    assert before.after.tolist() == [1, 1]
    before = session.snapshot().annotations
    notices: list[Notice] = []
    session.subscribe(notices.append)
    batch = session.annotations.apply(
        np.array([ids[0], ids[1], ids[2], ids[0]]),
        np.array([classes[0], classes[1], classes[2], classes[2]]),
        np.array([-1, 0, 1, 0], np.int8),
    )
    assert session.snapshot().annotations[:3].tolist() == [[-1, -1, 0], [1, 0, -1], [-1, -1, 1]]
    assert np.array_equal(
        session.catalogue.annotations.matrix(ids, classes), session.snapshot().annotations
    )
    assert notices == [AnnotationsChanged(tuple(ids[:3].tolist()))]
    session.annotations.undo(batch)
    assert np.array_equal(session.snapshot().annotations, before)
    session.annotations.redo(batch)
    assert session.snapshot().annotations[0].tolist() == [-1, -1, 0]


def test_of_changes_of_the_same_class_of_an_image_the_last_counts(session: LibrarySession) -> None:
    image, dog = session.snapshot().image_ids[0], session.snapshot().class_ids[0]
    session.annotations.apply(np.full(3, image), np.full(3, dog), np.array([1, -1, 0], np.int8))
    assert session.snapshot().annotations[0, 0] == 0


def test_a_change_that_names_something_unknown_changes_nothing(session: LibrarySession) -> None:
    ids, classes = session.snapshot().image_ids, session.snapshot().class_ids
    with pytest.raises(NotInCatalogue):
        session.annotations.apply(np.array([ids[0], 999]), classes[:2], np.ones(2, np.int8))
    with pytest.raises(ValueError, match="5"):
        session.annotations.apply(ids[:2], classes[:2], np.array([1, 5], np.int8))
    with pytest.raises(ValueError):
        session.annotations.apply(ids[:3], classes[:2], np.ones(2, np.int8))
    assert (session.snapshot().annotations == -1).all()
    assert (session.catalogue.annotations.matrix(ids, classes) == -1).all()


def test_no_changes_are_no_change(session: LibrarySession) -> None:
    none = np.empty(0, np.int64)
    assert len(session.annotations.apply(none, none, none.astype(np.int8))) == 0
