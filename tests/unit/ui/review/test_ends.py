"""What review says when there is nothing to ask, with a real session behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.inference.queues import QueueKind, QueueRequest
from lmpt_desktop.ui.review.end_panel import nothing

FAKE_ENCODER = Path(__file__).parents[3] / "support" / "fake_encoder.py"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LibrarySession]:
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


def test_an_empty_queue_of_scored_photos_does_not_say_that_none_was_looked_at(
    session: LibrarySession,
) -> None:
    session.annotations.mark_reviewed(session.snapshot().image_ids.tolist())
    snapshot = session.snapshot()
    assert np.isnan(snapshot.scores[0]).all() and not np.isnan(snapshot.scores[1:]).any()
    queue = session.queues.build(QueueRequest(QueueKind.UNCERTAIN))
    assert not queue.items
    heading, sentence, _choices, _icon = nothing(queue, snapshot)
    assert heading == "Nothing left to ask"
    assert "not looked at any photo" not in sentence


def test_before_any_photo_is_scored_it_says_so(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (20, 30)).save(photos / "dog.png")
    with LibrarySession.open(tmp_path / "library", encode=False) as session:
        session.vocabulary.set_all([ClassSpec("dog")])
        session.folders.add(photos)
        assert session.wait_until_idle(60)
        queue = session.queues.build(QueueRequest(QueueKind.UNCERTAIN))
        assert "not looked at any photo yet" in nothing(queue, session.snapshot())[1]
