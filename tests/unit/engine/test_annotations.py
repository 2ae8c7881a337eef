"""Many changes at once, through the session: committed, shown, told, undone as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paper_library import open_session

from lmpt_desktop.catalogue import NotInCatalogue
from lmpt_desktop.catalogue.records import Change
from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.engine.notices import AnnotationsChanged, Notice
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.confirmation import confirmation

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


def test_nobody_is_told_of_a_change_that_changes_nothing(session: LibrarySession) -> None:
    """A notice of no image means any: everybody would read and learn everything again."""
    image, dog = int(session.snapshot().image_ids[0]), int(session.snapshot().class_ids[0])
    batch = session.annotations.annotate([image], [dog], Verdict.PRESENT)
    notices: list[Notice] = []
    session.subscribe(notices.append)
    assert not len(session.annotations.annotate([image], [dog], Verdict.PRESENT))
    assert notices == []
    session.annotations.undo(batch)
    assert notices == [AnnotationsChanged((image,))]


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


def test_a_verdict_given_after_the_photos_were_shown_is_not_confirmed_away(
    session: LibrarySession,
) -> None:
    snapshot = session.snapshot()
    ids, (dog, cat, _) = snapshot.image_ids, snapshot.class_ids.tolist()
    scores = np.full((COUNT, 3), np.nan, np.float32)
    scores[:2] = [[0.9, 0.9, 0.1], [0.9, 0.1, 0.1]]
    shown = replace(snapshot, scores=scores, thresholds=np.full(3, 0.5, np.float32))
    found = confirmation(shown, ids[:2])
    # As another process does: without the session, whose snapshot does not know it yet.
    stored = session.catalogue.annotations
    stored.apply(
        [Change(int(ids[0]), dog, Verdict.ABSENT), Change(int(ids[1]), cat, Verdict.PRESENT)]
    )

    session.annotations.confirm(found)

    assert stored.matrix(ids[:2], snapshot.class_ids).tolist() == [[0, 1, 0], [1, 1, 0]]
    names = list(Source)
    sources = [[names[n] for n in row] for row in stored.sources(ids[:2], snapshot.class_ids)]
    assert (sources[0][0], sources[1][1]) == (Source.USER, Source.USER)


def test_no_changes_are_no_change(session: LibrarySession) -> None:
    none = np.empty(0, np.int64)
    assert len(session.annotations.apply(none, none, none.astype(np.int8))) == 0


def test_confirming_lets_predictions_stand_and_keeps_the_users_verdicts(
    session: LibrarySession,
) -> None:
    snapshot = session.snapshot()
    ids, (_, _, kite) = snapshot.image_ids, snapshot.class_ids.tolist()
    scores = np.full((COUNT, 3), np.nan, np.float32)
    scores[:2] = [[0.9, 0.2, 0.8], [0.1, 0.9, 0.1]]
    shown = replace(snapshot, scores=scores, thresholds=np.full(3, 0.5, np.float32))
    session.annotations.annotate([int(ids[0])], [kite], Verdict.ABSENT)
    shown = replace(shown, annotations=session.snapshot().annotations)
    before = session.snapshot().annotations

    found = confirmation(shown, ids[:3])
    assert found.without_predictions == 1
    batch = session.annotations.confirm(found)

    stored = session.catalogue.annotations
    assert session.snapshot().annotations[:3].tolist() == [[1, 0, 0], [0, 1, 0], [-1, -1, -1]]
    assert session.snapshot().reviewed[:3].tolist() == [True, True, False]
    sources = stored.sources(ids[:2], snapshot.class_ids)
    names = list(Source)
    assert [[names[n] for n in row] for row in sources.tolist()] == [
        [Source.CONFIRMED, Source.REVIEWED, Source.USER],
        [Source.REVIEWED, Source.CONFIRMED, Source.REVIEWED],
    ]
    session.annotations.undo(batch)
    assert np.array_equal(session.snapshot().annotations, before)
    assert not session.snapshot().reviewed.any()
    session.annotations.redo(batch)
    assert session.snapshot().annotations[:2].tolist() == [[1, 0, 0], [0, 1, 0]]
