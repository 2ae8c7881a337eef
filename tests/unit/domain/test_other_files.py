"""Files that are no photos, counted and said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import OTHERS

from lmpt_desktop.domain.other_files import MAX_KINDS, OtherFiles, kind_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.MOV", ".mov"),
        ("a.tar.gz", ".gz"),
        ("a.safetensors", ".safetensors"),
        ("README", ""),
        (".profile", ""),
        ("a.", ""),
        ("a.b c", ""),
        ("a.\x1b[2J", ""),
        ("a." + "x" * 20, ""),
        ("a.jpg.XMP", None),
        ("Thumbs.db", None),
    ],
)
def test_a_file_is_known_by_its_suffix(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


def test_the_sentence_names_the_most_frequent_kinds_and_counts_the_others() -> None:
    assert OtherFiles().text() == ""
    assert OtherFiles.of([".mov"]).text() == "1 file was left out: 1 .mov."
    found = OtherFiles.of([".eps"] * 14 + [".mov"] * 200)
    assert found.text() == "214 files were left out: 200 .mov, 14 .eps."
    many = OtherFiles.joined([found, OtherFiles.of(["", ".a", ".b", ".c", ".d", ".e"])])
    assert many.text() == (
        "220 files were left out: 200 .mov, 14 .eps, 1 without a suffix, 1 .a, 1 .b "
        "and 3 more kinds."
    )
    assert many.text(1) == "220 files were left out: 200 .mov and 7 more kinds."


def test_of_very_many_kinds_only_the_number_of_files_is_kept() -> None:
    found = OtherFiles.of(f".{number}" for number in range(MAX_KINDS + 50))
    assert (found.total, len(found.kinds)) == (MAX_KINDS + 50, MAX_KINDS)


@given(st.dictionaries(st.text(max_size=6), st.one_of(st.integers(), st.sampled_from(OTHERS))))
def test_what_is_stored_is_read_again_and_nonsense_is_not(stored: dict[str, object]) -> None:
    found = OtherFiles.from_stored(stored)
    assert OtherFiles.from_stored(found.to_stored()) == found
    assert found.total == sum(found.kinds.values())
    assert OtherFiles.from_stored([stored]) == OtherFiles()
