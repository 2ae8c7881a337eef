"""Which folders and files the ignore list leaves out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.ignore_list import (
    DEFAULT,
    DEFAULT_PATTERNS,
    MAX_PATTERN,
    MAX_PATTERNS,
    IgnoreList,
    clean_patterns,
    unused_lines,
)


@pytest.mark.parametrize(
    "path",
    [
        "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
        "2023/#RECYCLE/deep/b.jpg",
        "Me.photoslibrary/resources/derivatives/1/x.jpeg",
        ".Trash-1000/files/a.jpg",
        "a/._b.jpg",
    ],
)
def test_what_a_nas_a_trash_or_a_photo_program_keeps_is_left_out(path: str) -> None:
    assert DEFAULT.covers(path)


@pytest.mark.parametrize(
    "path",
    [
        "eaDir/a.jpg",
        "Me.photoslibrary/originals/1/x.jpeg",
        "resources/derivatives/x.jpg",  # not in a library of Photos
        "my @eaDir.jpg",
        "/".join(["deep"] * 2000),
    ],
)
def test_other_folders_are_not(path: str) -> None:
    assert not DEFAULT.covers(path)


def test_signs_mean_what_the_preferences_say() -> None:
    found = IgnoreList(("[backup]", "größe", "cache/", "x/y?z", "*.tmp"))
    assert found.covers("[backup]/a.jpg") and not found.covers("b/a.jpg")
    assert found.covers("a/gro\u0308ße/b.jpg")
    assert found.covers("a/Cache/b.jpg") and not found.covers("a/cache")
    assert found.covers("a/x/y1z/b.jpg") and not found.covers("a/y1z/b.jpg")
    assert found.covers("c.tmp") and not found.covers("c.tmp.jpg")


def test_lines_are_cleaned_and_bounded() -> None:
    lines = ["  #recycle ", "", "*", "**/", "/a\\b//c", "#recycle", "x" * (MAX_PATTERN + 1)]
    assert clean_patterns(lines) == ("#recycle", "a/b/c")
    assert unused_lines(lines) == 3
    assert unused_lines(map(str, range(MAX_PATTERNS + 2))) == 2
    assert len(clean_patterns(str(number) for number in range(10_000))) == MAX_PATTERNS
    assert clean_patterns(DEFAULT_PATTERNS) == DEFAULT_PATTERNS


NAMES = st.text("ab*?[]#. ß", max_size=8)


@given(st.lists(NAMES, max_size=5), st.lists(NAMES, min_size=1, max_size=5))
def test_a_file_is_left_out_as_soon_as_one_of_its_folders_is(
    patterns: list[str], parts: list[str]
) -> None:
    found = IgnoreList(clean_patterns(patterns))
    path = "/".join(parts)
    steps = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    folders = [found.matches(step, folder=True) for step in steps[:-1]]
    assert found.covers(path) == (any(folders) or found.matches(path, folder=False))
    # A name without signs is found where it stands, and nothing else is.
    for pattern in found.patterns:
        if not set("*?/") & set(pattern):
            assert found.covers(f"above/{pattern}/below.jpg")
