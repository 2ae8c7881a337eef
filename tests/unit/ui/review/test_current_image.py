"""Which classes of a photo are listed, and in which order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ui_libraries import sample_snapshot

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.ui.review.chips import accessible_text
from lmpt_desktop.ui.review.current_image import NUMBERED, CurrentImage
from lmpt_desktop.ui.review.question_list import Question


@pytest.fixture
def snapshot() -> Snapshot:
    """Photo 1 has the scores 0.05, 0.10, ... in the vocabulary's order; no verdict."""
    library = sample_snapshot(3)
    scores = library.scores.copy()
    scores[0] = 0.05 * np.arange(1, scores.shape[1] + 1)
    return replace(library, scores=scores, annotations=np.full_like(library.annotations, -1))


def test_what_a_confirmation_makes_present_comes_first(snapshot: Snapshot) -> None:
    thresholds = np.full_like(snapshot.thresholds, 0.9)
    thresholds[[0, 2]] = 0.02
    current = CurrentImage()
    assert current.show(replace(snapshot, thresholds=thresholds), Question(1, None), None)
    ids = snapshot.class_ids.tolist()
    expected = [ids[2], ids[0], *[id_ for id_ in ids[::-1] if id_ not in (ids[0], ids[2])]]
    assert [facts.class_id for facts in current.classes] == expected[:NUMBERED]
    assert [facts.predicted for facts in current.classes[:3]] == [True, True, False]
    assert current.to_confirm == 2
    assert "predicted (from 0.02 on), score 0.15" in accessible_text(current.classes[0])
    assert "not predicted (from 0.90 on)" in accessible_text(current.classes[2])
