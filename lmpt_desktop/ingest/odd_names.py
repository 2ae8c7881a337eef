"""Files whose names do not say what is in them: ``photo``, ``a.jpg_large``, ``b.jpg!d``.

A scan reads no more than the first bytes of such a file, and of no other.
"""

from __future__ import annotations

import logging
import os
import stat
from functools import lru_cache
from pathlib import Path

from lmpt_desktop.ingest.placeholders import is_placeholder
from trainer.file_formats import HEAD_BYTES, is_odd_name, is_photo_head
from trainer.regular_file import open_regular

log = logging.getLogger(__name__)

_LEAST_BYTES = 64
"""Of a photo; smaller files are marks and locks of other programs."""


def is_oddly_named_photo(path: str, name: str, status: os.stat_result) -> bool:
    """Whether a file with an odd name begins as a photo does.

    Neither pipes nor placeholders are opened, and a file that cannot be read is none.  What was
    read is remembered until the file changes.

    Args:
        path: absolute.
        name: its last part.
        status: of the file, with links followed.
    """
    if not is_odd_name(name) or status.st_size < _LEAST_BYTES:
        return False
    if not stat.S_ISREG(status.st_mode) or is_placeholder(status):
        return False
    return _begins_as_photo(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=1 << 14)
def _begins_as_photo(path: str, size: int, modified: int, altered: int) -> bool:
    del size, modified, altered  # another file needs another look
    try:
        with open_regular(Path(path)) as file:
            return is_photo_head(file.read(HEAD_BYTES))
    except (OSError, ValueError) as error:
        log.debug("not looked into %r: %s", path, error)
        return False
