"""Where a path really leads: links resolved, spelled as on disk (imports no Qt).

Two spellings of one folder must be one folder: through a link, and on disks that do not tell
upper from lower case or the Unicode forms of a letter.  Inode numbers would say so too, but some
file systems give every file the same number, or 0.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Collection
from pathlib import Path


def names_in(folder: str) -> frozenset[str]:
    """The names in a folder.

    Raises:
        OSError: if it cannot be listed.
    """
    with os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries)


def canonical(
    path: Path,
    *,
    listing: Callable[[str], Collection[str]] = names_in,
    exists: Callable[[str], bool] = os.path.lexists,
) -> Path:
    """The one absolute path of what ``path`` leads to.

    Reads the disk, so that it may be slow.  What does not exist, or lies in a folder that cannot
    be listed, stays as it is spelled.  A folder mounted at two places has two paths.

    Args:
        path: may be relative; never need exist.
        listing: the names in a folder; raises OSError if it cannot tell.
        exists: whether the disk finds something under a spelling.
    """
    real = Path(os.path.realpath(path))
    spelled = real.anchor
    for name in real.parts[1:]:
        spelled = os.path.join(spelled, _as_on_disk(spelled, name, listing, exists))  # noqa: PTH118
    return Path(spelled)


def canonical_place(path: Path, *, listing: Callable[[str], Collection[str]] = names_in) -> Path:
    """The canonical path of the entry ``path`` itself, which is not followed if it is a link."""
    parent = canonical(path.parent, listing=listing)
    return parent / _as_on_disk(os.fspath(parent), path.name, listing, os.path.lexists)


def _as_on_disk(
    folder: str,
    name: str,
    listing: Callable[[str], Collection[str]],
    exists: Callable[[str], bool],
) -> str:
    try:
        names = listing(folder)
        # Where case matters, another spelling does not exist and is another folder.
        if name in names or not exists(os.path.join(folder, name)):  # noqa: PTH118
            return name
    except (OSError, ValueError):
        return name
    wanted = _folded(name)
    alike = [other for other in names if _folded(other) == wanted]
    return alike[0] if len(alike) == 1 else name


def _folded(name: str) -> str:
    """Equal for names that a disk without case or Unicode forms takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
