"""Folders that hold the photos of a file of annotations (Qt-free)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lmpt_desktop.domain import ignore_list
from lmpt_desktop.domain.ignore_list import IgnoreList
from lmpt_desktop.interchange.importing.survey import ImageReference
from lmpt_desktop.real_paths import canonical
from trainer.photo import PHOTO_SUFFIXES

MAX_CHECKED = 1000
"""Photos of a file that are looked for."""
MAX_TRIED = 20
"""Photos that are looked for in every folder beside the file, to choose where to look for all."""
MAX_FOLDERS_BESIDE = 100
MAX_SINGLE_FOLDERS = 10
"""Folders without a common one near them that are offered each."""
SHALLOWEST = 3
"""Parts of the path of a folder that is offered for photos from several (``/home/me``)."""


@dataclass(frozen=True)
class AddableFolder:
    """A folder outside the library.

    ``photos``: how many of the photos that were looked for are in it.
    """

    path: Path
    photos: int


def find_addable(
    references: Sequence[ImageReference],
    source: Path,
    folders: Iterable[Path],
    ignore: IgnoreList = ignore_list.DEFAULT,
) -> list[AddableFolder]:
    """See :meth:`.imports.Imports.addable_folders`.

    Args:
        references: images of the file without a photo.
        source: the file, or the folder that was imported.
        folders: those of the library.
        ignore: what a scan would leave out.
    """
    step = -(-len(references) // MAX_CHECKED) or 1
    places = [_Place.of(item) for item in references[::step]]
    relative = [place.relative for place in places if place.relative]
    found = [path for place in places for path in place.absolute if _is_photo(path)]
    groups = [_Group(None, found)]
    for base in _bases(source.absolute(), relative[:MAX_TRIED]):
        there = [path for name in relative if _is_photo(path := base / name)]
        groups.append(_Group(base, there))
    library = {item for folder in folders for item in (folder, canonical(folder))}
    counts: dict[Path, set[Path]] = {}
    for group in groups:
        for folder, photos in group.folders():
            real = canonical(folder)
            if not any(
                place.is_relative_to(known) for place in (folder, real) for known in library
            ):
                inside = (photo.relative_to(folder) for photo in photos)
                scanned = {real / path for path in inside if not ignore.covers(path.as_posix())}
                if scanned:
                    counts.setdefault(real, set()).update(scanned)
    outermost = {
        folder: photos
        for folder, photos in counts.items()
        if not any(folder != other and folder.is_relative_to(other) for other in counts)
    }
    result = [AddableFolder(folder, len(photos)) for folder, photos in outermost.items()]
    return sorted(result, key=lambda item: (-item.photos, item.path))


@dataclass(frozen=True)
class _Place:
    """Where a file says that an image is; ``relative`` is "" if it says so absolutely only."""

    absolute: tuple[Path, ...]
    relative: str

    @classmethod
    def of(cls, reference: ImageReference) -> _Place:
        path, folder = reference.path, reference.folder
        # A path that begins with two slashes would make Windows log in at another computer.
        if "\0" in path + folder or "://" in path or _is_on_network(path) or _is_on_network(folder):
            return cls((), "")
        if Path(path).is_absolute():
            return cls((Path(path),), "")
        unified = PurePosixPath(path.replace("\\", "/"))
        if ".." in unified.parts or ":" in "".join(unified.parts[:1]) or unified.is_absolute():
            return cls((), "")
        named = (Path(folder) / unified,) if folder and Path(folder).is_absolute() else ()
        return cls(named, str(unified) if unified.parts else "")


@dataclass(frozen=True)
class _Group:
    """Photos that were found below ``base``; None: anywhere."""

    base: Path | None
    found: Sequence[Path]

    def folders(self) -> list[tuple[Path, set[Path]]]:
        """The innermost folder around them; their own folders if that is nearly everything."""
        by_parent: dict[Path, set[Path]] = {}
        for path in self.found:
            by_parent.setdefault(path.parent, set()).add(path)
        if not by_parent:
            return []
        try:
            common = Path(os.path.commonpath(by_parent))
        except ValueError:  # several disks
            common = Path()
        if len(by_parent) == 1 or len(common.parts) >= SHALLOWEST or common == self.base:
            return [(common, set(self.found))]
        single = sorted(by_parent.items(), key=lambda item: (-len(item[1]), item[0]))
        return single[:MAX_SINGLE_FOLDERS]


def _bases(source: Path, tried: Sequence[str]) -> list[Path]:
    """Folders in which relative paths may begin: beside the file, and beside its folder."""
    if not tried:
        return []
    nearest = source if source.is_dir() else source.parent
    bases = [nearest, nearest.parent]
    beside = [folder for base in bases for folder in _folders_in(base)]
    return [
        base
        for base in dict.fromkeys((*bases, *beside))
        if any(_is_photo(base / name) for name in tried)
    ]


def _folders_in(folder: Path) -> list[Path]:
    result: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir() and not entry.name.startswith("."):
                    result.append(Path(entry.path))
                if len(result) == MAX_FOLDERS_BESIDE:
                    break
    except OSError:
        pass
    return sorted(result)


def _is_on_network(path: str) -> bool:
    return path.replace("\\", "/").startswith("//")


def _is_photo(path: Path) -> bool:
    try:
        return path.suffix.lower() in PHOTO_SUFFIXES and path.is_file()
    except (OSError, ValueError):  # too long, or characters that no path has
        return False
