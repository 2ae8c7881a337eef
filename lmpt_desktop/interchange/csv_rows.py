"""The one way to write CSV for spreadsheets: every text goes through :func:`.cells.to_cell`.

Numbers are plain (no thousands separators; empty if unknown).  Formats that another program reads
cell by cell write their own lines (:mod:`.formats`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import TextIO

from lmpt_desktop.interchange.cells import quoted, to_cell

_DIGITS = 6


class CsvRows:
    """Writes rows of text, int and float; ``count`` says how many."""

    def __init__(self, file: TextIO, titles: Iterable[object], *, line_end: str = "\n") -> None:
        self._file = file
        self._line_end = line_end
        self.count = -1  # the titles are no row
        self.write(*titles)

    def write(self, *values: object) -> None:
        """Write a row."""
        # Not csv.writer, which leaves a carriage return without quotes, and so begins a row.
        self._file.write((",".join(map(_cell, values)) or '""') + self._line_end)
        self.count += 1


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.{_DIGITS}g}"
    return str(value) if isinstance(value, int) else _text(str(value))


@lru_cache(maxsize=1024)
def _text(value: str) -> str:
    # The same few names come in every row, and a path in several on end.
    return quoted(to_cell(value))
