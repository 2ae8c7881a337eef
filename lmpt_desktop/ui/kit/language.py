"""The language of the window: our texts, Qt's own, numbers and dates."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QDateTime, QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from lmpt_desktop import translation

_QT_TEXTS = "qt-texts"


def system_language() -> str:
    """The first of the user's languages there are texts in, English if there is none."""
    known = translation.languages()
    for name in QLocale.system().uiLanguages():
        code = name.replace("-", "_")
        for candidate in (code, code.split("_")[0]):
            if candidate in known:
                return candidate
    return translation.SOURCE_LANGUAGE


def speak(application: QApplication, chosen: str = "") -> str:
    """Speak a language from now on, that of the system if none is chosen; returns its code.

    Call it before any widget is made: what is already shown stays as it is.
    """
    code = translation.use_language(chosen or system_language())
    locale = locale_of(code)
    QLocale.setDefault(locale)
    translation.use_formats(
        lambda count: locale.toString(int(count)),
        lambda value, digits: locale.toString(float(value), "f", digits),
        lambda when: _moment(locale, when),
    )
    _translate_qt(application, code)
    return code


def locale_of(code: str) -> QLocale:
    """How numbers and dates are written: as the system does if it speaks the language, too."""
    system, spoken = QLocale.system(), QLocale(code)
    return system if system.language() == spoken.language() else spoken


def _moment(locale: QLocale, when: datetime) -> str:
    moment = QDateTime.fromSecsSinceEpoch(int(when.timestamp()))
    return locale.toString(moment, QLocale.FormatType.ShortFormat)


def _translate_qt(application: QApplication, code: str) -> None:
    """Qt's own words: the buttons of dialogs, the menu of text fields, names of keys."""
    for old in application.findChildren(QTranslator, _QT_TEXTS):
        application.removeTranslator(old)
        old.deleteLater()
    translator = QTranslator(application)
    translator.setObjectName(_QT_TEXTS)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(QLocale(code), "qtbase", "_", folder):
        application.installTranslator(translator)
