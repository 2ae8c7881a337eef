"""Texts that are printed at a terminal or logged: names in them must not steer it (no torch).

Names of files and classes may come from other people.  An escape sequence among them would set the
window's title, move the cursor or colour what follows; a line break would forge a line; a
direction mark would show ``gpj.exe`` as ``exe.jpg``.
"""

from __future__ import annotations

import logging
from typing import TextIO, cast

REPLACEMENT = "\ufffd"
_BREAKS = (9, 10)
"""Tab and end of line."""
_OTHER_BREAKS = (0x2028, 0x2029)
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_STEERING = dict.fromkeys((*range(32), *range(127, 160), *_OTHER_BREAKS, *_DIRECTIONS), REPLACEMENT)
_STEERING_LINES = {code: mark for code, mark in _STEERING.items() if code not in _BREAKS}


def one_line(text: str) -> str:
    """A name or a sentence with names as one printable line; bytes of file names that are not UTF-8
    are shown as escapes."""
    return _encodable(text.translate(_STEERING))


def lines(text: str) -> str:
    """The same for a text of several lines, whose ends are kept."""
    return _encodable(text.translate(_STEERING_LINES))


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
