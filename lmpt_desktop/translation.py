"""Texts in the user's language (gettext; Qt-free, for sentences of every layer).

The source language is English.  ``resources/translations/<language>/LC_MESSAGES`` holds one
catalogue of texts per language, compiled from the ``.po`` file beside it.
"""

from __future__ import annotations

import gettext
import locale
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import PurePath

from lmpt_desktop import paths
from trainer.printable import isolated

DOMAIN = "lmpt_desktop"
SOURCE_LANGUAGE = "en"

_chosen: gettext.NullTranslations = gettext.NullTranslations()
_format_whole: Callable[[int], str] = "{:,}".format
_format_decimal: Callable[[float, int], str] = "{0:,.{1}f}".format
_format_datetime: Callable[[datetime], str] = "{:%Y-%m-%d %H:%M}".format
_format_date: Callable[[date], str] = "{:%Y-%m-%d}".format


class Sentence(str):
    """A text of ours.  Names that are put into it move nothing around them, whatever they hold."""

    __slots__ = ()

    def format(self, *args: object, **named: object) -> str:
        """As of ``str``; names are :func:`isolated`, other sentences stay as they are."""
        return Sentence(
            str.format(
                self, *map(_part, args), **{place: _part(value) for place, value in named.items()}
            )
        )


def _part(value: object) -> object:
    """A value to put into a sentence."""
    if isinstance(value, PurePath):
        value = str(value)
    return isolated(value) if type(value) is str else value


def _(text: str) -> str:
    """``text`` in the user's language, a :class:`Sentence`; English if there is no translation."""
    # gettext keeps the catalogue's own header under the empty text.
    return Sentence(_chosen.gettext(text) if text else "")


def ngettext(one: str, many: str, count: int) -> str:
    """The form of a text that goes with ``count``: some languages have more than two forms."""
    return Sentence(_chosen.ngettext(one, many, count))


def N_(text: str) -> str:  # noqa: N802 - gettext's name for it, which extractors look for
    """Mark a constant for translation; translate it with :func:`_` where it is shown."""
    return text


def number(count: int) -> str:
    """A whole number as the user's language writes it: 1,240 or 1.240."""
    return _format_whole(count)


def decimal(value: float, digits: int = 1) -> str:
    """A number with ``digits`` places after the decimal point or comma."""
    return _format_decimal(value, digits)


def format_datetime(when: datetime) -> str:
    """Date and time in the user's time zone and language."""
    return _format_datetime(when.astimezone())


def format_date(day: date) -> str:
    """A day in the user's language."""
    return _format_date(day)


def join_names(names: Sequence[str], most: int = 5, *, quoted: bool = False) -> str:
    """Names in a sentence: "a, b and c", or the first ``most`` of them "and 3 more"."""
    shown = [_("“{name}”").format(name=name) if quoted else isolated(name) for name in names[:most]]
    listed = Sentence(", ".join(shown[:most] if len(names) > most else shown[:-1]))
    if len(names) > most:
        rest = number(len(names) - most)
        return _("{names} and {count} more").format(names=listed, count=rest)
    if len(shown) < 2:
        return Sentence("".join(shown))
    return _("{names} and {last}").format(names=listed, last=shown[-1])


def use_formats(
    whole: Callable[[int], str],
    with_places: Callable[[float, int], str],
    day_and_time: Callable[[datetime], str],
    day: Callable[[date], str] = "{:%Y-%m-%d}".format,
) -> None:
    """Format numbers and dates with these functions from now on; the window passes Qt's."""
    global _format_whole, _format_decimal, _format_datetime, _format_date
    _format_whole, _format_decimal = whole, with_places
    _format_datetime, _format_date = day_and_time, day


def languages() -> list[str]:
    """Codes of the available languages, the source language first."""
    folder = paths.resources_dir() / "translations"
    found = sorted(place.parents[1].name for place in folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return [SOURCE_LANGUAGE, *found]


def use_language(code: str = "") -> str:
    """Use this language from now on (texts already shown stay); "" for the system's.

    Returns the code in use: English if there is no translation.
    """
    global _chosen  # noqa: PLW0603 - one language a process
    requested = code or _system_language()
    folder = paths.resources_dir() / "translations"
    _chosen = gettext.translation(DOMAIN, str(folder), [requested], fallback=True)
    known = requested if requested in languages() else requested.split("_")[0]
    return known if known in languages() else SOURCE_LANGUAGE


def _system_language() -> str:
    try:
        return (locale.getlocale()[0] or SOURCE_LANGUAGE).split(".")[0]
    except ValueError:
        return SOURCE_LANGUAGE
