"""Which folders and files below a library's folders are left out: the library's ignore list.

A pattern is the name of a folder or file, or the last parts of a path with "/" between them; ``*``
stands for any characters but "/", ``?`` for one.  A slash at its end means folders only.  Case and
the way accents are written make no difference.  Unlike in gitignore, a ``#`` is no comment (a NAS
calls its trash ``#recycle``), brackets stand for themselves, and nothing can be taken in again.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

NOMEDIA = ".nomedia"
"""A file of this name asks programs to leave out its folder (Android's convention)."""

DEFAULT_PATTERNS = (
    # Synology, QNAP
    "@eaDir",
    "#recycle",
    "#snapshot",
    "@Recycle",
    "@Recently-Snapshot",
    ".@__thumb",
    # Windows
    "$RECYCLE.BIN",
    "System Volume Information",
    "Thumbs.db",
    "ehthumbs*.db",
    # Linux and other Unix systems
    "lost+found",
    ".Trash",
    ".Trash-*",
    ".thumbnails",
    # macOS
    "._*",
    ".Trashes",
    "*.photoslibrary/resources/derivatives",
    "*.photoslibrary/resources/renders",
    "*.photoslibrary/resources/caches",
    "*.photolibrary/Thumbnails",
    "*.aplibrary/Thumbnails",
    "*.aplibrary/Previews",
    # digiKam
    ".dtrash",
)

MAX_PATTERNS = 500
MAX_PATTERN = 200
"""Characters of a pattern."""


def clean_patterns(lines: Iterable[str]) -> tuple[str, ...]:
    """The patterns that are written in these lines: without repetitions, empty and overlong ones,
    and with "/" between parts."""
    found: dict[str, None] = {}
    for line in lines:
        if pattern := _pattern_of(line):
            found[pattern] = None
        if len(found) == MAX_PATTERNS:
            break
    return tuple(found)


def unused_lines(lines: Iterable[str]) -> int:
    """How many of these lines :func:`clean_patterns` drops, but for empty ones and repetitions."""
    written = [line for line in lines if line.strip()]
    patterns = set(clean_patterns(written))
    return sum(_pattern_of(line) not in patterns for line in written)


def _pattern_of(line: str) -> str:
    """The pattern that is written in a line; "" if it cannot be used."""
    pattern = re.sub("/+", "/", line.strip().replace("\\", "/")).removeprefix("/")
    # Stars and slashes alone would leave out everything.
    return pattern if len(pattern) <= MAX_PATTERN and pattern.strip("*/? ") else ""


@dataclass(frozen=True)
class IgnoreList:
    """Patterns, as :func:`clean_patterns` gives them, and whether ``.nomedia`` counts.

    Paths are relative to a folder of the library, with "/" between parts.  What :data:`NOMEDIA`
    leaves out is for those to find who read the disk.
    """

    patterns: tuple[str, ...] = DEFAULT_PATTERNS
    nomedia: bool = True
    _compiled: _Compiled = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_compiled", _Compiled(self.patterns))

    def matches(self, path: str, *, folder: bool) -> bool:
        """Whether a pattern names the last part of ``path``; what is above it is not looked at."""
        return self._compiled.matches(path, folder)

    def covers(self, path: str) -> bool:
        """Whether the file at ``path``, or a folder that it is in, matches a pattern."""
        return self._compiled.matches(path, folder=False) or self.covers_folder(
            path.rpartition("/")[0]
        )

    def covers_folder(self, path: str) -> bool:
        """Whether the folder at ``path`` ("" for the top) or one around it matches a pattern."""
        return self._compiled.covers_folder(path)


class _Compiled:
    """Patterns, ready to be compared with many paths."""

    def __init__(self, patterns: Sequence[str]) -> None:
        names: list[str] = []
        folder_names: list[str] = []
        self._ends: list[tuple[tuple[_Names, ...], bool]] = []
        for pattern in patterns:
            only_folders = pattern.endswith("/")
            parts = pattern.strip("/").split("/")
            if len(parts) > 1:
                self._ends.append((tuple(_Names([part]) for part in parts), only_folders))
            else:
                (folder_names if only_folders else names).append(parts[0])
        self._names = _Names(names)
        self._folder_names = _Names(folder_names)
        self._last_parts = _Names([pattern.strip("/").split("/")[-1] for pattern in patterns])
        self._folders: dict[str, bool] = {"": False}
        """What was found out of folders: photos have few of them in common."""

    def matches(self, path: str, folder: bool) -> bool:
        path = _folded(path)
        name = path[path.rfind("/") + 1 :]
        if name not in self._last_parts:
            return False
        if name in self._names or (folder and name in self._folder_names):
            return True
        parts = path.split("/")
        return any(
            (folder or not only_folders)
            and len(parts) >= len(end)
            and all(part in names for part, names in zip(parts[-len(end) :], end, strict=True))
            for end, only_folders in self._ends
        )

    def covers_folder(self, path: str) -> bool:
        waiting: list[str] = []
        while (found := self._folders.get(path)) is None:
            waiting.append(path)
            path = path.rpartition("/")[0]
        for inner in reversed(waiting):
            found = self._folders[inner] = found or self.matches(inner, folder=True)
        return found


class _Names:
    """Patterns of names.  Most are names themselves, which are quickly compared."""

    def __init__(self, patterns: Sequence[str]) -> None:
        folded = [_folded(pattern) for pattern in patterns]
        self._plain = frozenset(name for name in folded if not set("*?") & set(name))
        wild = [name.replace("[", "[[]") for name in folded if name not in self._plain]
        self._wild = re.compile("|".join(map(fnmatch.translate, wild))) if wild else None

    def __contains__(self, name: str) -> bool:
        return name in self._plain or (self._wild is not None and bool(self._wild.match(name)))


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).lower()


DEFAULT = IgnoreList()
"""The ignore list of a library whose user has not changed it."""
