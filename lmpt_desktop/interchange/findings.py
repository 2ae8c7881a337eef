"""What verifying a library has found, as CSV: ``path,finding,detail,photos``, with a header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from lmpt_desktop.ingest.finding_texts import detail
from lmpt_desktop.ingest.verify import Finding
from lmpt_desktop.interchange.csv_rows import CsvRows

COLUMNS = ("path", "finding", "detail", "photos")


def write_findings(findings: Iterable[Finding], file: TextIO) -> int:
    """Write findings as they come, one row each; returns how many there were.

    ``finding`` is a value of :class:`lmpt_desktop.ingest.verify.FindingKind`, the same in every
    language; ``detail`` a sentence; ``photos`` is 1, or for a folder how many it has.
    """
    rows = CsvRows(file, COLUMNS)
    for item in findings:
        rows.write(str(item.full_path), item.kind.value, detail(item), item.photos)
    return rows.count
