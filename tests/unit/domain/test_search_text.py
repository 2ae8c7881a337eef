"""What is typed is found, whichever way accents are stored."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.search_text import folded


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_all_forms_of_a_text_are_one(text: str) -> None:
    # NFC of what was typed on one system, NFD of a name from another.
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert {folded(form) for form in forms} == {folded(text)}


def test_case_and_accents() -> None:
    assert folded("GRÖSSE") == folded("gro\u0308ße") == "grösse"
    assert folded("Zürich.JPG") == folded("zu\u0308rich.jpg")
    assert folded("Zürich") != folded("Zurich")
