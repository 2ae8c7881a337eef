"""Names as people see them, at a terminal, in the log and in the window (no torch, no Qt).

Names of files and classes may come from other people.  An escape sequence among them would set the
terminal's title, move the cursor or colour what follows; a line break would forge a line; a
direction mark would show ``gpj.exe`` as ``exe.jpg``, or turn the rest of a sentence around; a
character without width would make two names look the same.

Such marks are shown as :data:`REPLACEMENT`.  What a script needs to be read right stays: letters of
any direction, joiners within emoji, Persian and Indic words, the direction marks of right-to-left
text.  In a sentence a right-to-left name stands between isolates (Unicode Standard Annex 9,
section 2.4), so that it moves nothing around it: :func:`isolated`.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from functools import partial
from typing import TextIO, cast

REPLACEMENT = "\ufffd"
_ISOLATE, _POP = "\u2068", "\u2069"
"""First strong isolate, and its end."""

_HIDDEN = re.compile(
    "(?P<flag>\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f)"  # of Scotland, say
    "|(?P<joiner>[\u180e\u200b-\u200d])"
    "|(?P<direction>[\u061c\u200e\u200f])"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u2028-\u202e\u2060-\u2067\u206a-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Characters that are not seen or that steer what follows.  Tab, line end and isolates, which this
module writes itself, are looked at apart."""
_JOINED = ("Lo", "Mn", "Mc", "So", "Sk")
"""Categories before a joiner that does something: letters without case, their marks, emoji."""
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefe"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""The blocks of right-to-left scripts."""
_LINE_ENDS = re.compile("[\t\n]")
_ISOLATES = re.compile(f"[{_ISOLATE}{_POP}]")


def shown(text: str) -> str:
    """A text with names in it, for people to read: its line ends and tabs stay.

    Isolates that belong together stay too; one without the other is left out.
    """
    if text.isprintable():
        return text
    right_to_left = _RIGHT_TO_LEFT.search(text) is not None
    seen = _HIDDEN.sub(partial(_seen, right_to_left=right_to_left), text)
    if _ISOLATE in seen or _POP in seen:
        seen = "\n".join(map(_in_pairs, seen.split("\n")))
    return _encodable(seen)


def shown_line(text: str) -> str:
    """The same on one line."""
    return text if text.isprintable() else _LINE_ENDS.sub(REPLACEMENT, shown(text))


def isolated(name: str) -> str:
    """A name as a part of a sentence: one line, which turns nothing around it."""
    name = shown_line(name)
    return f"{_ISOLATE}{name}{_POP}" if _RIGHT_TO_LEFT.search(name) else name


def one_line(text: str) -> str:
    """A name or a sentence with names as one line at a terminal; bytes of file names that are not
    UTF-8 are shown as escapes.  Many terminals would show isolates as boxes."""
    return _ISOLATES.sub("", shown_line(text))


def lines(text: str) -> str:
    """The same for a text of several lines, whose ends are kept."""
    return _ISOLATES.sub("", shown(text))


def spaced(text: str) -> str:
    """A text to keep, with spaces instead of what would not be shown as it is."""
    right_to_left = _RIGHT_TO_LEFT.search(text) is not None
    seen = _HIDDEN.sub(partial(_seen, right_to_left=right_to_left, instead=" "), text)
    return _ISOLATES.sub(" ", seen).encode("utf-8", "replace").decode()


def _seen(mark: re.Match[str], right_to_left: bool, instead: str = REPLACEMENT) -> str:
    """What is shown for a hidden character: itself where the script needs it."""
    if mark["flag"] or (mark["direction"] and right_to_left):
        return mark[0]
    if mark["joiner"] and mark.start():
        before = mark.string[mark.start() - 1]
        return mark[0] if unicodedata.category(before) in _JOINED else instead
    return instead


def _in_pairs(line: str) -> str:
    """``line`` without isolates that nothing ends, and without ends of nothing."""
    begun: list[int] = []
    left_out: set[int] = set()
    for mark in _ISOLATES.finditer(line):
        if mark[0] == _ISOLATE:
            begun.append(mark.start())
        elif begun:
            begun.pop()
        else:
            left_out.add(mark.start())
    left_out.update(begun)
    if not left_out:
        return line
    return "".join(letter for place, letter in enumerate(line) if place not in left_out)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class SafeTerminal:
    """A stream that a terminal shows, for data that programs read unchanged from a pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(lines(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def for_data(stream: TextIO) -> TextIO:
    """``stream``, or what is safe to read at the terminal if it is one."""
    return cast(TextIO, SafeTerminal(stream)) if stream.isatty() else stream


class LogFormatter(logging.Formatter):
    """Log lines that begin with their time and nothing else does: further lines of a message are
    indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = record.message.replace("\n", "\n    ")
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return lines(super().format(record))
