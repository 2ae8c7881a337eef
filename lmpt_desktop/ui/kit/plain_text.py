"""Names are shown as they are, whatever they look like.

Labels, tool tips and message boxes guess whether their text is HTML.  A class called
``<img src=...>`` would open a file, on Windows on a server that learns the user's name.
"""

from __future__ import annotations

import html

from PySide6 import QtGui

from trainer.printable import shown


class Html(str):
    """A text of ours with markup, in which every name is escaped; or another widget's tool tip,
    which was made :func:`literal` there."""

    __slots__ = ()


def escaped(text: str) -> Html:
    """``text`` as HTML that shows it as it is, line by line."""
    return Html(f"<span>{html.escape(shown(text))}</span>".replace("\n", "<br>"))


def literal(text: str) -> str:
    """``text`` for a tool tip or a message box, which shows it as it is.

    A text that they would not take for HTML stays plain, and so does :class:`Html`.
    """
    if isinstance(text, Html):
        return Html(shown(text))
    return escaped(text) if might_be_html(text) else shown(text)


def might_be_html(text: str) -> bool:
    """Whether Qt, left to guess, would take a text for HTML."""
    return QtGui.Qt.mightBeRichText(text)  # pyright: ignore[reportAttributeAccessIssue]
