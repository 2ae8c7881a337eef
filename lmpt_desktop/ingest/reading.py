"""Read a photo file once, and know everything that the catalogue keeps of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lmpt_desktop.ingest.metadata import Metadata, read_metadata
from lmpt_desktop.ingest.sampled_fingerprint import sampled_fingerprint
from trainer.file_ends import is_cut_short
from trainer.identity import Identity, in_memory, read_identity
from trainer.photo import UnreadablePhoto
from trainer.regular_file import open_regular

_ATTEMPTS = 2
"""To read a file that changes meanwhile."""


@dataclass(frozen=True)
class FileReading:
    """What is in a file.

    Attributes:
        status: of the file before its content was read.
        identity: of file and picture; also of a file that is no photo.
        metadata: None if the photo cannot be opened.
        reason: why it cannot, a sentence; "" if it can.
        sample: see :func:`.sampled_fingerprint`; "" if not asked for.
        damaged: whether it is a photo whose end is missing.
    """

    status: os.stat_result
    identity: Identity
    metadata: Metadata | None
    reason: str
    sample: str
    damaged: bool = False


def read_file(
    path: Path, *, with_sample: bool = False, sidecars: Sequence[str] | None = None
) -> FileReading:
    """Read a file, once more if it changes meanwhile; and the sidecars beside it, of these names
    (None: the usual ones).

    If it changes then, too, what was read is returned with the status before: it is not the
    status that the file has now, so that the next scan reads it again.

    Raises:
        OSError: if it cannot be read, or is no regular file.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            reading = _read(path, file, status, with_sample, sidecars)
            if attempt == _ATTEMPTS or _same(status, os.fstat(file.fileno())):
                return reading
    raise AssertionError("unreachable")


def fingerprint(path: Path) -> str:
    """Of the picture as it is shown: names its thumbnail and its feature.

    The same after a change of a date or a caption; another after a change of the picture, its
    orientation or its colour profile.

    Returns:
        32 hexadecimal digits; "" for an empty file.

    Raises:
        OSError: if the file cannot be read.
    """
    return read_file(path).identity.fingerprint


def _read(
    path: Path,
    file: BinaryIO,
    status: os.stat_result,
    with_sample: bool,
    sidecars: Sequence[str] | None,
) -> FileReading:
    size = status.st_size
    content = in_memory(file, size)
    metadata, reason = None, ""
    try:
        metadata = read_metadata(path, content, sidecars)
    except UnreadablePhoto as error:
        reason = error.reason
    turned = (metadata.orientation, metadata.icc_profile) if metadata else (1, b"")
    identity = read_identity(content, size, *turned)
    sample = sampled_fingerprint(content, size) if with_sample else ""
    damaged = metadata is not None and is_cut_short(content)
    return FileReading(status, identity, metadata, reason, sample, damaged)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
