"""What no output may take the place of, whatever was asked for."""

from __future__ import annotations

from pathlib import Path

from trainer.photo import PHOTO_SUFFIXES

_SUFFIXES = frozenset({*PHOTO_SUFFIXES, ".xmp"})


def is_photo_or_side_file(path: Path) -> bool:
    """Whether a file of that name is a photo, or what programs keep beside one."""
    return path.suffix.lower() in _SUFFIXES


def is_inside(path: Path, folder: Path) -> bool:
    """Whether ``path`` is ``folder`` or lies in it, links to folders followed."""
    place = path.absolute()
    return (place.parent.resolve() / place.name).is_relative_to(folder.resolve())
