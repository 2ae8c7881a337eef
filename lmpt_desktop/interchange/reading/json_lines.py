"""JSON lines: one document a line, each on its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lmpt_desktop.interchange.reading.foreign_text import EXCERPT_CHARACTERS, excerpt
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import BadRow
from lmpt_desktop.translation import _

MAX_LINE_BYTES = 16 * 1024 * 1024
"""The first line of ours with 50,000 classes has about 10 MB."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def json_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | BadRow]]:
    """Lines that are not empty, with their numbers; one that is far too long as a bad row.

    ``file`` is closed at the end.
    """
    with file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if number == 1:
                line = line.removeprefix(_BYTE_ORDER_MARK)
            if len(line) > MAX_LINE_BYTES:
                text = _beginning(line)
                while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
                    pass
                yield number, BadRow(number, _("The line is too long."), text)
            elif line := line.strip():
                yield number, line


def object_lines(
    source: SourceFile, path: Path | None = None
) -> Iterator[tuple[int, dict[str, Any]] | BadRow]:
    """The objects of a file with their line numbers; lines that are none as bad rows.

    Raises:
        InterchangeError: as of :meth:`SourceFile.open`.
    """
    for number, line in json_lines(source.open(path)):
        if isinstance(line, BadRow):
            yield line
            continue
        value = _parsed(line)
        if isinstance(value, dict):
            yield number, value
        else:
            yield BadRow(number, _("This line is no JSON object."), _beginning(line))


def _beginning(line: bytes) -> str:
    return excerpt(line[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace").strip())


def first_object(sample: Sample) -> dict[str, Any]:
    """The object on the first line of a file, {} if there is none."""
    value = _parsed(sample.head.removeprefix(_BYTE_ORDER_MARK).lstrip().partition(b"\n")[0])
    return value if isinstance(value, dict) else {}


def _parsed(line: bytes) -> Any:
    try:
        # Bytes that are not UTF-8 may be part of a file name.
        return json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
