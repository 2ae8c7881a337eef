"""Real files of other programs, and reading a file as the importer does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.reading.source_files import SourceFile, sample_of
from lmpt_desktop.interchange.record import BadRow, ClassRecord, FileFacts, ImageRecord

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("LMPT_SHARED", ROOT / "shared")) / "interchange"


def shared_file(name: str) -> Path:
    """A real file; skips the test where it is not at hand."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def read_all(
    format_: Format, path: Path, *photos: Path, **options: str
) -> tuple[FileFacts, list[ImageRecord], list[BadRow]]:
    """All that a file says: facts, records and bad rows."""
    assert format_.read is not None
    reading = format_.read(SourceFile(path, options, photos=photos))
    records: list[ImageRecord] = []
    bad: list[BadRow] = []
    for item in reading.items:
        if isinstance(item, BadRow):
            bad.append(item)
        else:
            records.append(item)
    return reading.facts, records, bad


def classes_by_path(records: list[ImageRecord]) -> dict[str, list[ClassRecord]]:
    return {record.path: list(record.classes) for record in records}


def read_or_fail(format_: Format, path: Path, *photos: Path, **options: str) -> None:
    """For fuzzing: a file is read to its end, or a sentence says why not; nothing else.  What it
    says must be fit to be stored."""
    try:
        sample = sample_of(path)
        if format_.sniff is not None:
            assert isinstance(format_.sniff(sample), str)
        format_.options(path)
        facts, records, bad_rows = read_all(format_, path, *photos, **options)
    except InterchangeError as error:
        assert str(error).endswith(".")
        return
    for spec in facts.classes:
        assert spec.name
        "".join((spec.name, spec.description, spec.colour, *spec.aliases)).encode()
    for record in records:
        _check(record)
    for row in bad_rows:
        assert row.reason.endswith(".")
        assert len(row.text) <= 200
        (row.reason + row.text).encode()


def _check(record: ImageRecord) -> None:
    """All of the right type, and fit for a database."""
    assert isinstance(record.path, str) and record.path
    record.path.encode("utf-8", "surrogateescape")
    record.folder.encode("utf-8", "surrogateescape")
    for text in (record.fingerprint, record.file_hash, record.picture_hash, record.state):
        text.encode()
    (record.split + record.caption).encode()
    assert record.reviewed is None or isinstance(record.reviewed, bool)
    assert isinstance(record.width, int) and isinstance(record.height, int)
    for item in record.classes:
        assert isinstance(item, ClassRecord) and item.name
        (item.name + item.value + item.annotator).encode()
        assert item.score is None or 0 <= item.score <= 1
