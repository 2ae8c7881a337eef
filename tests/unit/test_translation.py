"""Texts in the user's language, with English to fall back on."""

from __future__ import annotations

import gettext
from collections.abc import Iterator

import pytest

from lmpt_desktop import translation
from lmpt_desktop.translation import _, decimal, ngettext, number


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


def test_german_is_spoken_with_its_plurals() -> None:
    assert translation.use_language("de_CH") == "de"
    assert _("Reviewed") == "Geprüft"
    one, many = (
        ngettext("{count} photo", "{count} photos", count).format(count=count) for count in (1, 2)
    )
    assert (one, many) == ("1 Foto", "2 Fotos")


def test_numbers_are_written_as_they_are_told() -> None:
    assert (number(1240), decimal(0.4275, 2)) == ("1,240", "0.43")
    translation.use_formats(str, lambda value, _digits: str(value).replace(".", ","), str)
    assert (number(1240), decimal(0.5)) == ("1240", "0,5")
    translation.use_formats("{:,}".format, "{0:,.{1}f}".format, "{:%Y-%m-%d %H:%M}".format)


def test_the_empty_text_stays_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loud(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return f"<{message}>"

    monkeypatch.setattr(translation, "_chosen", Loud())
    assert _("") == ""
    assert _("Grid") == "<Grid>"
