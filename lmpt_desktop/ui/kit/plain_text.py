"""Names are shown as they are, whatever they look like.

Labels, tool tips and message boxes guess whether their text is HTML.  A class called
``<img src=...>`` would open a file, on Windows on a server that learns the user's name.
"""

from __future__ import annotations

import html
import re

from PySide6 import QtGui

_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that reverse the text after them; right-to-left names do not need them."""


class Html(str):
    """A text of ours with markup, in which every name is escaped."""

    __slots__ = ()


def in_order(text: str) -> str:
    """``text`` without characters by which a name would reorder the sentence it stands in."""
    return _OVERRIDES.sub("", text) if not text.isascii() else text


def escaped(text: str) -> Html:
    """``text`` as HTML that shows it as it is, line by line."""
    return Html(f"<span>{html.escape(in_order(text))}</span>".replace("\n", "<br>"))


def literal(text: str) -> str:
    """``text`` for a tool tip or a message box, which shows it as it is.

    A text that they would not take for HTML stays plain, and so does :class:`Html`.
    """
    if isinstance(text, Html):
        return text
    text = in_order(text)
    return escaped(text) if might_be_html(text) else text


def might_be_html(text: str) -> bool:
    """Whether Qt, left to guess, would take a text for HTML."""
    return QtGui.Qt.mightBeRichText(text)  # pyright: ignore[reportAttributeAccessIssue]
