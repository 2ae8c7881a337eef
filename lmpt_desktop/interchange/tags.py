"""Predicted classes of photos as CSV or JSON, written row by row.

CSV has the columns ``path,class,score,band``, with a header.  JSON is one array of objects
with the same four keys; ``score`` is a number.  A photo without a score (it could not be
read) has no row.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

COLUMNS = ("path", "class", "score", "band")
SCORE_DIGITS = 4


class TagFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True)
class TagRow:
    """One class of one photo; ``score`` in [0, 1]; ``band`` is head, medium or tail."""

    path: str
    class_name: str
    score: float
    band: str


def format_of(destination: str) -> TagFormat:
    """JSON for a name that ends in ``.json``, else CSV (also for standard output)."""
    return TagFormat.JSON if destination.lower().endswith(".json") else TagFormat.CSV


def write_tags(rows: Iterable[TagRow], file: TextIO, tag_format: TagFormat) -> int:
    """Write ``rows`` as they come; returns how many there were."""
    return _write_json(rows, file) if tag_format is TagFormat.JSON else _write_csv(rows, file)


def _write_csv(rows: Iterable[TagRow], file: TextIO) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 (the count is the answer)
        writer.writerow(
            (_text(row.path), row.class_name, f"{row.score:.{SCORE_DIGITS}f}", row.band)
        )
    return count


def _write_json(rows: Iterable[TagRow], file: TextIO) -> int:
    count = 0
    file.write("[")
    for count, row in enumerate(rows, 1):
        body = {
            "path": _text(row.path),
            "class": row.class_name,
            "score": round(row.score, SCORE_DIGITS),
            "band": row.band,
        }
        file.write(("\n" if count == 1 else ",\n") + json.dumps(body, ensure_ascii=False))
    file.write("\n]\n" if count else "]\n")
    return count


def _text(path: str) -> str:
    """File names that are not valid Unicode hold lone surrogates, which no UTF-8 file can."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears at ``path`` whole, or (on an exception) not at all.

    Raises:
        OSError: if the place cannot be written.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
