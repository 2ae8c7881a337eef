"""Walk folders that other programs wrote, without what systems and NAS leave there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lmpt_desktop.domain import ignore_list


def walk(top: Path | str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As :func:`os.walk`, from the top; links to folders are not followed.

    Left out is what the usual ignore list names: a thumbnail in ``@eaDir`` or ``._photo.xml`` looks
    like a file of annotations and is none.  The library's own list does not count here: it says
    which photos are shown.
    """
    for place, folders, files in os.walk(top):
        inside = os.path.relpath(place, top).replace(os.sep, "/")
        prefix = "" if inside == "." else f"{inside}/"
        folders[:] = [name for name in folders if not _is_left_out(prefix + name, folder=True)]
        yield (
            place,
            folders,
            [name for name in files if not _is_left_out(prefix + name, folder=False)],
        )


def _is_left_out(path: str, *, folder: bool) -> bool:
    return ignore_list.DEFAULT.matches(path, folder=folder)
