"""Read everything about a photo file that the catalogue keeps."""

from __future__ import annotations

import os
from pathlib import Path

from lmpt_desktop.domain.records import KnownFile, ScannedFile
from lmpt_desktop.ingest.file_times import clamped
from lmpt_desktop.ingest.metadata import read_metadata
from lmpt_desktop.ingest.reading import read_file
from lmpt_desktop.ingest.scan import FoundFile
from trainer.file_ends import is_cut_short
from trainer.photo import NO_MEMORY, ONLINE_ONLY, UnreadablePhoto, system_reason
from trainer.regular_file import BadNameError, open_regular


def inspect_file(folder: Path, found: FoundFile, *, sample: bool = False) -> ScannedFile | None:
    """Read a file's content, once; None if the file is gone.

    A placeholder of a file that is kept online is not opened, which would fetch it.  Never raises
    for a bad file: that is a :class:`ScannedFile` with a reason, and with the hashes if its bytes
    could be read.  Size and time of change are those that the scan found, so that the next scan
    sees what has changed since.

    Args:
        folder: the top of the scan.
        found: a file below it.
        sample: whether to fill ``ScannedFile.sample``.
    """
    path = folder / found.path
    times = (clamped(found.mtime_ns), clamped(found.sidecar_mtime_ns))
    known = (found.path, found.size, *times)
    if found.placeholder:
        return ScannedFile(*known, reason=ONLINE_ONLY)
    try:
        reading = read_file(path, with_sample=sample, sidecars=found.sidecars)
    except FileNotFoundError:
        return None
    except OSError as error:
        here = isinstance(error, BadNameError) or os.path.lexists(path)
        return ScannedFile(*known, reason=system_reason(error)) if here else None
    except MemoryError:
        return ScannedFile(*known, reason=NO_MEMORY)
    data, identity = reading.metadata, reading.identity
    return ScannedFile(
        *known,
        fingerprint=identity.fingerprint,
        width=data.width if data else None,
        height=data.height if data else None,
        taken=data.taken if data else None,
        caption=data.caption if data else "",
        caption_source=data.caption_source if data else "",
        reason=reading.reason,
        ctime_ns=found.ctime_ns,
        file_hash=identity.file_hash,
        picture_hash=identity.picture_hash,
        sample=reading.sample,
        damaged=reading.damaged,
        details=data.details if data else None,
    )


def inspect_again(folder: Path, found: FoundFile, known: KnownFile) -> ScannedFile | None:
    """As :func:`inspect_file`, of a file that is as it was while its sidecars are not: only what
    says something of the photo is read, and its hashes stay."""
    if not (known.picture_hash and known.was_readable):
        return inspect_file(folder, found, sample=True)
    path = folder / found.path
    try:
        with open_regular(path) as file:
            data = read_metadata(path, file, found.sidecars)
            damaged = is_cut_short(file)
    except (OSError, UnreadablePhoto, MemoryError):
        return inspect_file(folder, found, sample=True)
    return ScannedFile(
        found.path,
        found.size,
        clamped(found.mtime_ns),
        clamped(found.sidecar_mtime_ns),
        fingerprint=known.fingerprint,
        width=data.width,
        height=data.height,
        taken=data.taken,
        caption=data.caption,
        caption_source=data.caption_source,
        ctime_ns=found.ctime_ns,
        file_hash=known.file_hash,
        picture_hash=known.picture_hash,
        damaged=damaged,
        details=data.details,
    )
