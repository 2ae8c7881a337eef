from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.inference.vocabularies import parse_vocabulary
from lmpt_desktop.interchange.class_lists import (
    ClassListError,
    format_class_list,
    format_csv,
    parse_csv,
    read_class_list,
    write_class_list,
)

word = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
phrase = st.lists(word, min_size=1, max_size=3).map(" ".join)


@given(
    st.lists(st.tuples(phrase, st.one_of(st.just(""), phrase)), unique_by=lambda t: t[0].casefold())
)
def test_what_is_written_reads_back(pairs: list[tuple[str, str]]) -> None:
    classes = [ClassSpec(name, description) for name, description in pairs]
    assert parse_vocabulary(format_class_list(classes)) == classes


letters = st.characters(categories=["L", "N", "P", "S"], exclude_characters="|")
any_word = st.text(letters, min_size=1, max_size=8)
any_phrase = st.lists(any_word, min_size=1, max_size=3).map(" ".join)
specs = st.lists(
    st.builds(
        ClassSpec,
        any_phrase,
        st.one_of(st.just(""), any_phrase),
        st.lists(any_phrase, max_size=3, unique_by=str.casefold).map(tuple),
        st.one_of(st.just(""), st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)),
    ),
    unique_by=lambda spec: spec.name.casefold(),
)


@given(specs)
def test_csv_reads_back_as_it_was_written(classes: list[ClassSpec]) -> None:
    assert parse_csv(format_csv(classes)) == classes


@given(specs)
def test_text_reads_back_but_for_the_colours(classes: list[ClassSpec]) -> None:
    plain = [replace(spec, colour="") for spec in classes]
    assert parse_vocabulary(format_class_list(classes)) == plain


@pytest.mark.parametrize("name", ["list.txt", "list.csv", "LIST.CSV"])
def test_a_file_reads_back_by_its_ending(tmp_path: Path, name: str) -> None:
    classes = [ClassSpec("Ampel", 'a, b; "c"', ("traffic light", "signal")), ClassSpec("#1")]
    write_class_list(classes, tmp_path / name)
    assert read_class_list(tmp_path / name) == classes


def test_a_csv_of_another_program_is_read() -> None:
    text = "Id;Name;Colour;Other\r\n1;dog;#112233;x\r\n2;cat;blue;y\r\n3;;;\r\n4;DOG;;\r\n"
    assert parse_csv(text) == [ClassSpec("dog", colour="#112233"), ClassSpec("cat")]
    assert parse_csv("dog,a dog\ncat\n") == [ClassSpec("dog", "a dog"), ClassSpec("cat")]


def test_broken_csv_is_refused_with_a_sentence() -> None:
    with pytest.raises(ClassListError, match="not CSV"):
        parse_csv('name\n"dog\n')


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
