"""Which classes tell two photos apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ui_libraries import sample_snapshot

from lmpt_desktop.ui.compare.differing_classes import differing_classes


def test_assigned_classes_are_split_into_those_of_one_and_those_of_both() -> None:
    snapshot = sample_snapshot(2)
    scores = np.zeros_like(snapshot.scores)
    scores[0, :3] = 0.7, 0.9, 0.8  # dog, person, traffic light
    scores[1, 1] = 0.9
    annotations = np.full_like(snapshot.annotations, -1)
    annotations[0, 5] = 1  # a cup
    annotations[0, 2] = 0
    annotations[1, 4] = 1
    library = replace(
        snapshot,
        scores=scores,
        annotations=annotations,
        thresholds=np.full_like(snapshot.thresholds, 0.5),
    )
    found = differing_classes(library, (0, 1))
    assert found.alone == (("cup", "dog\u00a00.70"), ("hair drier",))
    assert found.shared == ("person",)
    assert differing_classes(library, (1, 0)).alone == found.alone[::-1]
