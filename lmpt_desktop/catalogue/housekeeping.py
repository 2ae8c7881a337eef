"""What is put in order when a library is opened: its permissions, and leftovers."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from lmpt_desktop.private_files import make_private
from trainer import temporary_files

JOBS, PROMPT_SETS = "jobs", "prompt_sets"
"""Names of folders within a library's: of trainings, and of what they made."""
_FOLDERS = ("backups", "encode", JOBS, PROMPT_SETS, "side files before")
_FILE = re.compile(
    r"(catalogue\b.*\.sqlite|catalogue\.sqlite|thumbnails\.sqlite)(-wal|-shm|-journal)?(\.\d+\.old)?"
    r"|catalogue\.(lock|sound)|opening\.lock|(features|images)\.cache"
)
_UNSIGNED = re.compile(
    # Of checks of the disk, copies and imports by earlier versions; of versions of the model.
    r"\.(disk|lock)-check-[a-z0-9_]{8}|[a-z]+-\d{8}T\d{12}\.part|\.import-[a-z0-9_]{8}"
    r"|\.\d+(-[0-9a-f]{8})?-part"
    r"|\.(\d+|(started|imported)-[0-9a-f]{12})(-[0-9a-f]{8})?-[a-z0-9_]{8}"
)


def is_ours(name: str) -> bool:
    """Whether a file or folder of this name, in a library's folder, is the app's."""
    return (
        name in _FOLDERS
        or _FILE.fullmatch(name) is not None
        or name.endswith(temporary_files.SUFFIX)
    )


def tighten(library: Path) -> None:
    """Take everyone else's rights to the library's files and folders away.

    The library's own folder keeps its rights where it holds more than the library: it is then a
    folder of the user's.
    """
    try:
        with os.scandir(library) as entries:
            found = [Path(entry.path) for entry in entries]
    except OSError:
        return
    ours = [path for path in found if is_ours(path.name)]
    for path in ours:
        make_private(path)
    for path in (library / "backups").glob("*.sqlite"):
        make_private(path)
    if len(ours) == len(found):
        make_private(library)


def sweep_library(library: Path, *, alone: bool) -> int:
    """Remove what ended processes have left in a library; returns how many files and folders.

    ``alone``: no other window has it, so that leftovers whose names do not tell whose they are
    can be removed as well.
    """
    jobs = (library / JOBS).glob("*/")
    places = (library, *(library / name for name in _FOLDERS), *jobs)
    removed = temporary_files.sweep(*places)
    if alone:
        for folder in (library, library / "backups", library / PROMPT_SETS):
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for path in [Path(entry.path) for entry in entries]:
                    if _UNSIGNED.fullmatch(path.name) and temporary_files.remove(path):
                        removed += 1
    return removed
