"""How far two libraries agree, as CSV: a row per class, with a header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from lmpt_desktop.inference.agreement import ClassAgreement
from lmpt_desktop.interchange.csv_rows import CsvRows

COLUMNS = ("class", "both", "equal", "agreement", "kappa", "new", "conflicts")


def write_agreement(rows: Iterable[ClassAgreement], file: TextIO) -> int:
    """Write a table; returns the number of rows.

    ``both`` and ``equal`` are photos; ``agreement`` is their share in [0, 1], ``kappa`` Cohen's;
    both are empty where they are not defined.
    """
    table = CsvRows(file, COLUMNS)
    for row in rows:
        share = "" if row.share is None else round(row.share, 6)
        kappa = "" if row.kappa is None else round(row.kappa, 6)
        table.write(row.name, row.both, row.equal, share, kappa, row.new, row.conflicts)
    return table.count
