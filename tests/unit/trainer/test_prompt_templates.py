"""Class names in prompt templates."""

from __future__ import annotations

import pytest

from trainer.templates import article, fill


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dog", "a"),
        ("apple", "an"),
        ("unicycle", "a"),
        ("hourglass", "an"),
        ("", "a"),
        ("Egg", "an"),
    ],
)
def test_the_article_follows_the_sound(name: str, expected: str) -> None:
    assert article(name) == expected


def test_name_and_article_are_filled_in() -> None:
    assert fill("a photo of {article} {}.", "orange") == "a photo of an orange."


def test_underscores_read_as_spaces() -> None:
    assert fill("{}", "traffic_light") == "traffic light"


def test_other_braces_are_left_alone() -> None:
    assert fill("{x} {}", "a {y}") == "{x} a {y}"
