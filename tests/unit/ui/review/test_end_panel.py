"""What the review page says where there is no question."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from snapshots import make_snapshot

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.inference.queues import Queue, QueueKind, QueueRequest
from lmpt_desktop.ui.review.end_panel import GRID, VOCABULARY, Ending, empty

FAKE_ENCODER = Path(__file__).parents[3] / "support" / "fake_encoder.py"


def snapshot(scored: list[bool], classes: int = 2) -> Snapshot:
    """A library of as many images as entries; an image that is not scored has a row of NaN."""
    shape = len(scored), classes
    scores = np.full(shape, 0.5, np.float32)
    scores[~np.array(scored, np.bool_)] = np.nan
    return make_snapshot(np.full(shape, -1), scores if any(scored) else None)


def ending(library: Snapshot) -> Ending:
    return empty(Queue(QueueRequest(QueueKind.DISAGREEMENTS), (), 0), library)


@pytest.mark.parametrize("first", [1, 1500])
def test_photos_that_wait_for_the_model_do_not_hide_that_others_are_scored(first: int) -> None:
    scored = [False] * first + [True] * 9
    assert ending(snapshot(scored)).heading == "Nothing left to ask"


def test_without_any_score_questions_are_promised_for_later() -> None:
    shown = ending(snapshot([False] * 10))
    assert shown.heading == "Not yet"
    assert [name for name, _text in shown.choices] == [GRID]


def test_without_classes_a_vocabulary_is_offered() -> None:
    shown = ending(snapshot([True] * 3, classes=0))
    assert shown.heading == "No classes yet"
    assert [name for name, _text in shown.choices] == [VOCABULARY, GRID]


@pytest.fixture
def hundred_photos(tmp_path: Path) -> Iterator[LibrarySession]:
    """A hundred photos; the model can read all but the first."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(100):
        name = "bad_0.png" if number == 0 else f"dog_{number:02}.png"
        Image.new("RGB", (20 + number, 30), (90, 2 * number, 20)).save(photos / name)
    commands = Commands(encode=[sys.executable, str(FAKE_ENCODER)])
    with LibrarySession.open(tmp_path / "library", commands=commands) as made:
        made.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat")])
        made.folders.add(photos)
        assert made.wait_until_idle(60)
        yield made


def test_an_empty_queue_of_scored_photos_is_not_explained_by_missing_scores(
    hundred_photos: LibrarySession,
) -> None:
    session = hundred_photos
    session.annotations.mark_reviewed(session.snapshot().image_ids.tolist())
    snapshot = session.snapshot()
    assert np.isnan(snapshot.scores[0]).all() and not np.isnan(snapshot.scores[1:]).any()
    queue = session.queues.build(QueueRequest(QueueKind.UNCERTAIN))
    assert not queue.items
    shown = empty(queue, snapshot)
    assert shown.heading == "Nothing left to ask"
    assert "has been encoded" not in shown.sentence


def test_before_any_photo_is_scored_that_is_the_explanation(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (20, 30)).save(photos / "dog.png")
    with LibrarySession.open(tmp_path / "library", encode=False) as session:
        session.vocabulary.set_all([ClassSpec("dog")])
        session.folders.add(photos)
        assert session.wait_until_idle(60)
        queue = session.queues.build(QueueRequest(QueueKind.UNCERTAIN))
        assert "No photo has been encoded yet" in empty(queue, session.snapshot()).sentence
