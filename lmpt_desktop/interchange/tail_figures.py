"""The long tail as CSV, for spreadsheets: figures per class, and co-occurrence.

Figures are plain numbers (no thousands separators; empty if unknown).  A class name that a
spreadsheet would take for a formula gets an apostrophe in front, since names may come from
untrusted lists.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from typing import TextIO

from lmpt_desktop.inference.co_occurrence import CoOccurrence
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.interchange.cells import to_cell

_DIGITS = 6


def write_table(titles: Sequence[str], rows: Iterable[Sequence[object]], file: TextIO) -> int:
    """Write a table whose cells are text, int or float; returns the number of rows.

    Titles are written as they are; a float that is NaN becomes an empty cell.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(titles)
    count = 0
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        count += 1
    return count


def write_co_occurrence(tail: LongTail, found: CoOccurrence, file: TextIO) -> int:
    """A square table of image counts, names on both sides; returns its rows."""
    names = [tail.names[column] for column in found.columns.tolist()]
    rows = ([name, *counts] for name, counts in zip(names, found.counts.tolist(), strict=True))
    return write_table(["class", *map(to_cell, names)], rows, file)


def _cell(value: object) -> object:
    if isinstance(value, str):
        return to_cell(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.{_DIGITS}g}"
    return value
