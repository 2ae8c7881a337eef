"""Where the library of a photo folder is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from lmpt_desktop import paths
from lmpt_desktop.real_paths import canonical


def library_for(folder: Path) -> Path:
    """The library of a photo folder: ``libraries/<name>-<hash of the path>``.

    The same folder always has the same library, however it is spelled; folders with equal names
    have different ones.  Reads the disk.
    """
    library = _library_called_after(canonical(folder.expanduser()))
    spelled = _library_called_after(folder.expanduser().resolve())
    # Earlier versions told upper from lower case on disks that do not: such a library stays.
    stays = not is_library(library) and is_library(spelled)
    return spelled if stays else library


def _library_called_after(folder: Path) -> Path:
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return paths.library_dir(f"{folder.name[:60] or 'photos'}-{digest}")


def library_with(folder: Path, known: Iterable[tuple[Path, Sequence[Path]]]) -> Path | None:
    """The library that a photo folder belongs to, itself or as a part of another folder.

    Reads the disk.

    Args:
        folder: of photos.
        known: libraries with their photo folders, the most likely first.

    Returns:
        None if it belongs to none.
    """
    real = canonical(folder.expanduser())
    for library, folders in known:
        inside = (canonical(other) for other in folders)
        if any(real == other or other in real.parents for other in inside) and is_library(library):
            return library
    own = library_for(folder)
    return own if is_library(own) else None


def is_library(folder: Path) -> bool:
    """Whether a library is there.  Reads the disk."""
    return (folder / "catalogue.sqlite").is_file()
