"""The long tail as CSV, for spreadsheets: figures per class, and co-occurrence.

Figures are plain numbers (no thousands separators; empty if unknown).  A class name that a
spreadsheet would take for a formula gets an apostrophe in front, since names may come from
untrusted lists.
"""

from __future__ import annotations

import csv
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.co_occurrence import CoOccurrence
from lmpt_desktop.inference.long_tail import LongTail

CLASS_COLUMNS = (
    "class", "band", "present", "absent", "predicted", "not_judged", "average_precision",
    "embedding_weight", "embedding_margin", "mean_balance_weight",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_DIGITS = 6


def text_cell(text: str) -> str:
    """``text`` as a cell that no spreadsheet evaluates as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def write_class_figures(tail: LongTail, order: NDArray[np.int64], file: TextIO) -> int:
    """One row per class of ``order`` (k,) under ``CLASS_COLUMNS``; returns k."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CLASS_COLUMNS)
    losses = tail.losses
    for column in order.tolist():
        writer.writerow(
            (
                text_cell(tail.names[column]),
                tail.bands.bands[column].value,
                int(tail.present[column]),
                int(tail.absent[column]),
                int(tail.predicted[column]),
                int(tail.unjudged[column]),
                _number(tail.average_precision[column]),
                _number(losses.weights[column]),
                _number(losses.margins[column]),
                _number(losses.balance[column]),
            )
        )
    return len(order)


def write_together(tail: LongTail, found: CoOccurrence, file: TextIO) -> int:
    """A square table of image counts, names on both sides; returns its rows."""
    writer = csv.writer(file, lineterminator="\n")
    names = [text_cell(tail.names[column]) for column in found.columns.tolist()]
    writer.writerow(("class", *names))
    for name, counts in zip(names, found.counts.tolist(), strict=True):
        writer.writerow((name, *counts))
    return len(names)


def _number(value: np.float64 | NDArray[np.float64]) -> str:
    return "" if np.isnan(value) else f"{float(value):.{_DIGITS}g}"
