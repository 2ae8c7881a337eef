"""Texts of the trainer that the user reads (imports no torch).

They are English.  The command line shows them as they are; the app, which the trainer knows
nothing of, shows translations of those that are marked with ``N_``.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Formats = Mapping[str, Callable[[Any], str]]
"""Writes a value as the user reads it, by the format that a template names after the colon:
``count``, ``duration`` (seconds or None), ``percent`` (a figure in [0, 1] or None), ``backbone`` (a
backbone's name) and ``sentence`` (English, to be translated if there is a translation).
"""


def N_(text: str) -> str:  # noqa: N802 (gettext's usual name)
    """Mark a text for translation."""
    return text


@dataclass(frozen=True)
class EventText:
    """Templates; their placeholders are fields of the event, with one of :data:`Formats`."""

    headline: str
    detail: str


def fill(template: str, event: object, formats: Formats) -> str:
    """Replace the placeholders of a (translated) template with the fields of ``event``."""
    return _Filler(formats).vformat(template, (), vars(event))


class _Filler(string.Formatter):
    def __init__(self, formats: Formats) -> None:
        self._formats = formats

    def format_field(self, value: Any, format_spec: str) -> str:
        write = self._formats.get(format_spec)
        return str(value) if write is None else write(value)
