from __future__ import annotations

import pytest

from lmpt_desktop.interchange.reading.found_classes import ClassesFound
from lmpt_desktop.interchange.record import ClassRecord, Origin


def test_each_class_once_with_its_highest_score() -> None:
    found = ClassesFound()
    for score in (None, 0.25, 0.75, 0.5, "x"):
        found.add("dog", by_machine=True, score=score)
    found.add("dog", by_machine=False, score=0.5)
    assert found.records() == (
        ClassRecord("dog", origin=Origin.MACHINE, score=0.75),
        ClassRecord("dog"),
    )
    assert "dog" in found
    assert "cat" not in found


@pytest.mark.parametrize("score", [None, "0.5", 2, -1, float("nan"), True, [], 10**400])
def test_a_score_that_is_none_is_not_zero(score: object) -> None:
    found = ClassesFound()
    found.add("dog", by_machine=True, score=score)
    assert found.records() == (ClassRecord("dog", origin=Origin.MACHINE),)
