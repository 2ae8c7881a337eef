"""Text in a cell: nothing that a spreadsheet runs, nothing that is not UTF-8, and both reversible.

A text that begins like a formula gets an apostrophe in front; so does one that begins with
apostrophes and then like a formula, so that reading just takes one away.  Other texts, such as
``'tis``, stay as they are.

Bytes of file names that are not UTF-8 (lone surrogates) are written as ``\\udcXX``; backslashes
before them, or before the same letters in a name, are doubled.
"""

from __future__ import annotations

import re

_FORMULA_START = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""The last four are full-width forms, which some spreadsheets run as well."""
_FORMULA = re.compile(_FORMULA_START)
_BEGINS_LIKE_FORMULA = re.compile(f"'*{_FORMULA_START}")
_IS_SHIELDED = re.compile(f"'+{_FORMULA_START}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A run of backslashes is looked at once, from its beginning, however long it is.
_TO_ESCAPE = re.compile("(?<!\\\\)(?:(\\\\*+)([\ud800-\udfff])|(\\\\++)(ud[89a-f][0-9a-f]{2}))")
_ESCAPED = re.compile(r"(?<!\\)(\\++)(ud[89a-f][0-9a-f]{2})")
_TO_QUOTE = re.compile(r'[",;|\t\r\n]|^\s|\s$')


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may run a cell that begins so."""
    return _FORMULA.match(text) is not None


def to_cell(text: str) -> str:
    """``text`` as it is written into a cell, before quotes."""
    if "\\u" in text or not text.isascii():
        text = _TO_ESCAPE.sub(_escape, text)
    return f"'{text}" if _BEGINS_LIKE_FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """The text that was written as ``cell``; cells of other programs read as they are."""
    if cell[:1] == "'" and _IS_SHIELDED.match(cell):
        cell = cell[1:]
    return _ESCAPED.sub(_unescape, cell) if "\\u" in cell else cell


def quoted(cell: str) -> str:
    """A cell with quotes if it needs any, whichever the delimiter is."""
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if _TO_QUOTE.search(cell) else cell


def has_surrogate(text: str) -> bool:
    """Whether some of it was not in the encoding of its file."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def _escape(found: re.Match[str]) -> str:
    backslashes, surrogate, more, letters = found.groups()
    if surrogate:
        return f"{backslashes * 2}\\u{ord(surrogate):04x}"
    return more * 2 + letters


def _unescape(found: re.Match[str]) -> str:
    backslashes, letters = found.groups()
    half = backslashes[: len(backslashes) // 2]
    return half + (chr(int(letters[1:], 16)) if len(backslashes) % 2 else letters)
