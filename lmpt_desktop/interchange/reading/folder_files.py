"""The files of a format that is a folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from lmpt_desktop.interchange.errors import FileTooLarge
from lmpt_desktop.interchange.reading.source_files import MAX_SMALL_FILE_BYTES, SourceFile
from lmpt_desktop.interchange.reading.walk import walk
from lmpt_desktop.translation import _

MAX_FILES = 2_000_000


def files_below(source: SourceFile, folder: Path, suffixes: tuple[str, ...] = ()) -> list[str]:
    """Relative paths, sorted, "/" between parts; [] if there is no such folder.

    Links to folders are not followed.

    Args:
        suffixes: lower case; () for all files.

    Raises:
        FileTooLarge: if there are too many.
        Cancelled: if the user cancelled.
    """
    found: list[str] = []
    for place, folders, files in walk(folder):
        source.check()
        folders.sort()
        inside = Path(place).relative_to(folder).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        found += [
            prefix + name for name in files if not suffixes or name.lower().endswith(suffixes)
        ]
        if len(found) > MAX_FILES:
            raise FileTooLarge(_("{path} has too many files.").format(path=folder))
    return sorted(found)


def text_lines(source: SourceFile, path: Path) -> list[str]:
    """The lines of a small text file, without their ends; bytes that are not UTF-8 as surrogate
    escapes.  Raises as :meth:`SourceFile.open`."""
    data = source.read_bytes(path, limit=MAX_SMALL_FILE_BYTES)
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if not lines[-1] else lines


def stem_of(path: str) -> str:
    """The path without the suffix of its last part."""
    suffix = PurePosixPath(path).suffix
    return path[: -len(suffix)] if suffix else path


def unique_key(path: str, taken: set[str]) -> str:
    """The path without its suffix, as other tools name photos; with it if that is taken, and
    numbered if that is taken too."""
    key = stem_of(path)
    if key in taken:
        key = path
    count = 1
    while key in taken:
        count += 1
        key = f"{path}-{count}"
    taken.add(key)
    return key


def is_inside(path: str) -> bool:
    """Whether a relative path that a file names stays in its folder, whatever the system, and can
    be one."""
    # Windows takes both separators, "C:x" for a place on a drive, and two of them for a share.
    place = PureWindowsPath(path)
    return not ("\0" in path or place.drive or place.root or ".." in place.parts)


def is_file(path: Path) -> bool:
    """As ``Path.is_file``, also for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
