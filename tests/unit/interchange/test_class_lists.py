from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.inference.vocabularies import ClassSpec, parse_vocabulary
from lmpt_desktop.interchange.class_lists import (
    ClassListError,
    format_class_list,
    read_class_list,
)

word = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
phrase = st.lists(word, min_size=1, max_size=3).map(" ".join)


@given(
    st.lists(st.tuples(phrase, st.one_of(st.just(""), phrase)), unique_by=lambda t: t[0].casefold())
)
def test_what_is_written_reads_back(pairs: list[tuple[str, str]]) -> None:
    classes = [ClassSpec(name, description) for name, description in pairs]
    assert parse_vocabulary(format_class_list(classes)) == classes


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("Ampel\ntrain\n", encoding="utf-8-sig")
    assert read_class_list(path) == [ClassSpec("Ampel"), ClassSpec("train")]


@pytest.mark.parametrize(
    ("content", "words"), [(b"# nothing\n", "lists no classes"), (b"\xff\xfe\x00d", "UTF-8")]
)
def test_a_file_that_is_no_list_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(ClassListError, match=words):
        read_class_list(path)


def test_a_missing_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ClassListError, match="cannot be read"):
        read_class_list(tmp_path / "none.txt")
