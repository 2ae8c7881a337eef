"""Printing to a terminal with rich, without markup in names (no torch)."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trainer.printable import lines, one_line


def say(console: Console, text: str, style: str = "") -> None:
    """Print a text of one or more lines as it is: no markup, nothing highlighted or cut."""
    console.print(Text(lines(text), style), soft_wrap=True, highlight=False)


def cell(text: str) -> Text:
    """A cell of a table, or a part of a progress bar."""
    return Text(one_line(text))
