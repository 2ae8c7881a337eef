from __future__ import annotations

import pytest

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.inference.vocabularies import BUILT_IN, built_in_vocabulary, parse_vocabulary


def test_comments_blank_lines_and_repeated_names_are_skipped() -> None:
    text = "\ufeff# my list\n\n dog \ncat\ta  small feline\r\nDog\n\tno name\n  # indented\n"
    assert parse_vocabulary(text) == [ClassSpec("dog"), ClassSpec("cat", "a small feline")]


@pytest.mark.parametrize(("name", "count"), [("coco80", 80), ("voc20", 20)])
def test_the_benchmarks_vocabularies_are_complete(name: str, count: int) -> None:
    assert len(built_in_vocabulary(name)) == count


def test_every_built_in_vocabulary_can_be_read() -> None:
    for item in BUILT_IN:
        classes = built_in_vocabulary(item.name)
        names = [entry.name.casefold() for entry in classes]
        assert len(names) == len(set(names)) >= 20


def test_an_unknown_vocabulary_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        built_in_vocabulary("../../etc/passwd")
