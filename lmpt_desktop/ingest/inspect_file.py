"""Read everything about a photo file that the catalogue keeps."""

from __future__ import annotations

import os
from pathlib import Path

from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.ingest.fingerprint import fingerprint
from lmpt_desktop.ingest.metadata import read_metadata
from lmpt_desktop.ingest.scan import FoundFile
from trainer.photo import ONLINE_ONLY, UnreadablePhoto


def inspect_file(folder: Path, found: FoundFile) -> ScannedFile | None:
    """Read a file's content; None if the file is gone.

    A placeholder of a file that is kept online is not opened, which would fetch it.  Never raises
    for a bad file: that is a :class:`ScannedFile` with a reason.
    """
    path = folder / found.path
    if found.placeholder:
        known = (found.path, found.size, found.mtime_ns, found.sidecar_mtime_ns)
        return ScannedFile(*known, reason=ONLINE_ONLY)
    try:
        name = fingerprint(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        name = ""  # read_metadata says why
    common = (found.path, found.size, found.mtime_ns, found.sidecar_mtime_ns, name)
    try:
        data = read_metadata(path)
    except UnreadablePhoto as error:
        return ScannedFile(*common, reason=error.reason) if os.path.lexists(path) else None
    return ScannedFile(
        *common,
        width=data.width,
        height=data.height,
        taken=data.taken,
        caption=data.caption,
        caption_source=data.caption_source,
    )
