"""What the review page says where there is no question."""

from __future__ import annotations

import numpy as np
import pytest

from lmpt_desktop.domain.records import ClassEntry, ImageTable
from lmpt_desktop.domain.snapshot import Snapshot, no_scores
from lmpt_desktop.inference.queues import Queue, QueueKind, QueueRequest
from lmpt_desktop.ui.review.end_panel import GRID, VOCABULARY, Ending, empty
from trainer.bands import BandLimits


def snapshot(scored: list[bool], classes: int = 2) -> Snapshot:
    """A library of as many images as entries; an image that is not scored has a row of NaN."""
    n = len(scored)
    zeros = np.zeros(n, np.int64)
    scores = np.full((n, classes), 0.5, np.float32)
    scores[~np.array(scored, np.bool_)] = np.nan
    return Snapshot(
        version=1,
        images=ImageTable(
            ids=np.arange(1, n + 1, dtype=np.int64),
            folder_ids=zeros + 1,
            states=np.zeros(n, np.int8),
            sizes=zeros,
            mtime=zeros,
            taken=zeros,
            widths=np.zeros(n, np.int32),
            heights=np.zeros(n, np.int32),
            names=[f"{row}.jpg" for row in range(n)],
            fingerprints=[""] * n,
        ),
        classes=tuple(ClassEntry(1 + i, f"class {i}", position=i) for i in range(classes)),
        scores=scores if any(scored) else no_scores(n, classes),
        thresholds=np.full(classes, 0.5, np.float32),
        trained=np.zeros(classes, np.bool_),
        annotations=np.full((n, classes), -1, np.int8),
        reviewed=np.zeros(n, np.bool_),
        limits=BandLimits(),
    )


def ending(library: Snapshot) -> Ending:
    return empty(Queue(QueueRequest(QueueKind.DISAGREEMENTS), (), 0), library)


@pytest.mark.parametrize("first", [1, 1500])
def test_photos_that_wait_for_the_model_do_not_hide_that_others_are_scored(first: int) -> None:
    scored = [False] * first + [True] * 9
    assert ending(snapshot(scored)).heading == "Nothing left to ask"


def test_without_any_score_questions_are_said_to_come_later() -> None:
    shown = ending(snapshot([False] * 10))
    assert shown.heading == "Not yet"
    assert [name for name, _text in shown.choices] == [GRID]


def test_without_classes_a_vocabulary_is_offered() -> None:
    shown = ending(snapshot([True] * 3, classes=0))
    assert shown.heading == "No classes yet"
    assert [name for name, _text in shown.choices] == [VOCABULARY, GRID]
