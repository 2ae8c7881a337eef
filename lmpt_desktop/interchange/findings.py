"""What verifying a library has found, as CSV: ``path,finding,detail,photos``, with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

from lmpt_desktop.ingest.finding_texts import detail
from lmpt_desktop.ingest.verify import Finding

COLUMNS = ("path", "finding", "detail", "photos")


def write_findings(findings: Iterable[Finding], file: TextIO) -> int:
    """Write findings as they come, one row each; returns how many there were.

    ``finding`` is a value of :class:`lmpt_desktop.ingest.verify.FindingKind`, the same in every
    language; ``detail`` a sentence; ``photos`` is 1, or for a folder how many it has.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for count, item in enumerate(findings, 1):  # noqa: B007 (the count is the answer)
        # File names that are not valid Unicode hold lone surrogates, which no UTF-8 file can.
        path = str(item.full_path).encode("utf-8", "surrogateescape")
        writer.writerow(
            (path.decode("utf-8", "backslashreplace"), item.kind.value, detail(item), item.photos)
        )
    return count
