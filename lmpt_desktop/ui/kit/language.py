"""The language of the window: the app's texts, Qt's own, numbers and dates."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QDate, QDateTime, QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from lmpt_desktop import translation

_QT_TEXTS = "qt-texts"


def system_language() -> str:
    """The first of the user's languages that the app is translated into, else English."""
    known = translation.languages()
    for name in QLocale.system().uiLanguages():
        code = name.replace("-", "_")
        for candidate in (code, code.split("_")[0]):
            if candidate in known:
                return candidate
    return translation.SOURCE_LANGUAGE


def set_language(application: QApplication, chosen: str = "") -> str:
    """Switch to a language, by default the system's, and return its code.

    Call this before creating widgets: texts already shown do not change.
    """
    code = translation.use_language(chosen or system_language())
    locale = locale_of(code)
    QLocale.setDefault(locale)
    translation.use_formats(
        lambda count: locale.toString(int(count)),
        lambda value, digits: locale.toString(float(value), "f", digits),
        lambda when: _format_datetime(locale, when),
        lambda day: locale.toString(
            QDate(day.year, day.month, day.day), QLocale.FormatType.ShortFormat
        ),
    )
    _translate_qt(application, code)
    return code


def locale_of(code: str) -> QLocale:
    """The locale for numbers and dates: the system's if it has the same language."""
    system, chosen = QLocale.system(), QLocale(code)
    return system if system.language() == chosen.language() else chosen


def _format_datetime(locale: QLocale, when: datetime) -> str:
    date = QDateTime.fromSecsSinceEpoch(int(when.timestamp()))
    return locale.toString(date, QLocale.FormatType.ShortFormat)


def _translate_qt(application: QApplication, code: str) -> None:
    """Translate Qt's own texts: buttons of dialogs, menus of text fields, names of keys."""
    for old in application.findChildren(QTranslator, _QT_TEXTS):
        application.removeTranslator(old)
        old.deleteLater()
    translator = QTranslator(application)
    translator.setObjectName(_QT_TEXTS)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(QLocale(code), "qtbase", "_", folder):
        application.installTranslator(translator)
