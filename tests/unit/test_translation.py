"""Texts in the user's language, with English to fall back on."""

from __future__ import annotations

import gettext
from collections.abc import Iterator

import pytest

from lmpt_desktop import translation
from lmpt_desktop.translation import _, ngettext


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    translation.use_language(translation.SOURCE_LANGUAGE)


def test_english_is_always_there() -> None:
    assert translation.languages()[0] == "en"


@pytest.mark.parametrize("code", ["xx", "xx_YY", "../../etc", "C"])
def test_a_language_without_texts_is_spoken_in_english(code: str) -> None:
    assert translation.use_language(code) == "en"
    assert _("Grid") == "Grid"
    assert ngettext("one photo", "many photos", 2) == "many photos"


def test_the_empty_text_stays_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loud(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return f"<{message}>"

    monkeypatch.setattr(translation, "_chosen", Loud())
    assert _("") == ""
    assert _("Grid") == "<Grid>"
