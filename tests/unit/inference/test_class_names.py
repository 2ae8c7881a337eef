"""Names that nearly are a class."""

from __future__ import annotations

import pytest

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.inference.class_names import Likeness, near_name

CLASSES = [
    ClassEntry(1, "traffic light", aliases=("stop light",)),
    ClassEntry(2, "person"),
    ClassEntry(3, "bus"),
    ClassEntry(4, "Straße"),
    ClassEntry(5, "cat"),
    ClassEntry(6, "berry"),
    ClassEntry(7, "giraffe"),
]


@pytest.mark.parametrize(
    ("typed", "class_id", "likeness"),
    [
        ("Traffic-Light", 1, Likeness.SAME),
        ("trafficlight", 1, Likeness.SAME),
        ("stop lights", 1, Likeness.PLURAL),
        ("STOP LIGHT", 1, Likeness.ALIAS),
        ("people", 2, Likeness.PLURAL),
        ("persons", 2, Likeness.PLURAL),
        ("buses", 3, Likeness.PLURAL),
        ("strasse", 4, Likeness.SAME),
        ("cats", 5, Likeness.PLURAL),
        ("berries", 6, Likeness.PLURAL),
        ("girafe", 7, Likeness.SPELLING),
        ("giarffe", 7, Likeness.SPELLING),
        ("gjraffe", 7, Likeness.SPELLING),
    ],
)
def test_another_writing_of_a_class_is_recognised(
    typed: str, class_id: int, likeness: Likeness
) -> None:
    found = near_name(typed, CLASSES)
    assert found is not None
    assert (found.class_id, found.likeness) == (class_id, likeness)


@pytest.mark.parametrize("typed", ["", " ", "car", "cart", "glass", "a bus stop", "light", "gir"])
def test_another_word_is_left_alone(typed: str) -> None:
    assert near_name(typed, CLASSES) is None


def test_the_same_name_comes_before_a_plural() -> None:
    classes = [ClassEntry(1, "glasses"), ClassEntry(2, "glass")]
    found = near_name("Glass", classes)
    assert found is not None and found.class_id == 2


def test_a_class_is_not_compared_to_itself() -> None:
    assert near_name("giraffes", CLASSES, but=7) is None
