"""The window speaks German: our texts, Qt's own, keys, numbers and dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pytest
from PySide6.QtCore import QLocale, QTranslator
from PySide6.QtWidgets import QApplication, QDialogButtonBox
from shells import COMMANDS

from lmpt_desktop import translation
from lmpt_desktop.translation import _, decimal, format_datetime, join_names, number
from lmpt_desktop.ui.commands import MENUS
from lmpt_desktop.ui.commands.shortcuts import native
from lmpt_desktop.ui.kit import language
from lmpt_desktop.ui.training.run_plot import DecimalAxis


@pytest.fixture
def german(qapp: QApplication) -> Iterator[str]:
    yield language.set_language(qapp, "de")
    for translator in qapp.findChildren(QTranslator):
        qapp.removeTranslator(translator)
        translator.deleteLater()
    translation.use_language("en")
    translation.use_formats("{:,}".format, "{0:,.{1}f}".format, "{:%Y-%m-%d %H:%M}".format)
    QLocale.setDefault(QLocale.c())


def test_texts_numbers_and_dates_are_german(german: str) -> None:
    assert german == "de"
    assert _("Preferences") == "Einstellungen"
    assert (number(1240), decimal(42.8)) == ("1.240", "42,8")
    assert format_datetime(datetime(2026, 11, 23, 9, 30)).startswith("23.11.26")


def test_qt_has_its_own_texts_in_german(german: str, qtbot: object) -> None:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    text = buttons.button(QDialogButtonBox.StandardButton.Close).text()
    assert text.replace("&", "") == "Schließen"
    assert native(["Ctrl+Shift+P"]) == "Strg+Umschalt+P"


def test_the_first_language_of_the_user_that_there_are_texts_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class System:
        def __init__(self, *names: str) -> None:
            self.names = names

        def uiLanguages(self) -> list[str]:
            return list(self.names)

    def chosen(*names: str) -> str:
        monkeypatch.setattr(QLocale, "system", lambda: System(*names))
        return language.system_language()

    assert chosen("de-AT", "de") == "de"
    assert chosen("fr-FR", "fr", "de-DE") == "de"
    assert chosen("C") == "en"
    assert chosen("en-GB", "de") == "en"
    assert chosen() == "en"


def test_no_two_entries_of_a_german_menu_have_the_same_key(german: str) -> None:
    for name, _title in MENUS:
        entries = [(item.submenu, _(item.text)) for item in COMMANDS if item.menu == name]
        letters = Counter(
            (submenu, text[text.index("&") + 1].lower()) for submenu, text in entries if "&" in text
        )
        assert [key for key, count in letters.items() if count > 1] == [], name
    titles = [_(title) for _name, title in MENUS]
    assert len({text[text.index("&") + 1] for text in titles}) == len(titles)


def test_names_in_sentences_and_figures_on_axes_are_written_as_in_german(
    german: str, qtbot: object
) -> None:
    axis = DecimalAxis("left")
    assert axis.tickStrings([0.01, 0.02], 1, 0.01) == ["0,01", "0,02"]
    assert join_names(["Hund", "Katze"], quoted=True) == "„Hund“ und „Katze“"
