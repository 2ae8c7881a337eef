"""Names in a sentence."""

from __future__ import annotations

import pytest

from lmpt_desktop.translation import join_names


@pytest.mark.parametrize(
    ("names", "most", "expected"),
    [
        ([], 5, ""),
        (["a"], 5, "a"),
        (["a", "b"], 5, "a and b"),
        (["a", "b", "c"], 3, "a, b and c"),
        (["a", "b", "c", "d"], 2, "a, b and 2 more"),
        (["a", "b"], 1, "a and 1 more"),
        ([str(number) for number in range(1300)], 1, "0 and 1,299 more"),
    ],
)
def test_names_are_joined_and_long_lists_end_in_a_count(
    names: list[str], most: int, expected: str
) -> None:
    assert join_names(names, most) == expected


def test_only_names_are_quoted() -> None:
    assert join_names(["a", "b", "c"], 2, quoted=True) == "“a”, “b” and 1 more"
