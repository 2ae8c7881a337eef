"""The long tail as CSV, for spreadsheets: figures per class, and co-occurrence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from lmpt_desktop.inference.co_occurrence import CoOccurrence
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.interchange.csv_rows import CsvRows


def write_table(titles: Sequence[str], rows: Iterable[Sequence[object]], file: TextIO) -> int:
    """Write a table whose cells are text, int or float; returns the number of rows.

    A float that is NaN becomes an empty cell.
    """
    table = CsvRows(file, titles)
    for row in rows:
        table.write(*row)
    return table.count


def write_co_occurrence(tail: LongTail, found: CoOccurrence, file: TextIO) -> int:
    """A square table of image counts, names on both sides; returns its rows."""
    names = [tail.names[column] for column in found.columns.tolist()]
    rows = ([name, *counts] for name, counts in zip(names, found.counts.tolist(), strict=True))
    return write_table(["class", *names], rows, file)
