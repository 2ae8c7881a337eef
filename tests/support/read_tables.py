"""Reading tables, whose options have names such as ``path`` and ``class``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import BadRow, FileFacts, ImageRecord


def read_table(
    format_: Format, path: Path, options: Mapping[str, str] | None = None
) -> tuple[FileFacts, list[ImageRecord], list[BadRow]]:
    """All that a file says: facts, records and bad rows."""
    assert format_.read is not None
    reading = format_.read(SourceFile(path, options or {}))
    items = list(reading.items)
    return (
        reading.facts,
        [item for item in items if isinstance(item, ImageRecord)],
        [item for item in items if isinstance(item, BadRow)],
    )
