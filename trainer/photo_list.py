"""The photos that a command is given: those of a folder, or of a list file (imports no torch).

Paths are yielded as they are kept: relative to the folder, or to the folder that the list is in,
where they are below it; otherwise absolute.  Neither a list nor what it names is trusted.
"""

from __future__ import annotations

import codecs
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import xxhash

from trainer.file_formats import HEAD_BYTES, PHOTO_SUFFIXES, is_odd_name, is_photo_head, suffix_of
from trainer.regular_file import NotAFileError, open_regular

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 16_384
"""Longer than any path that a system takes."""
_SHOWN = 200
"""Characters kept of a line that is too long: enough to find it."""
_LOOKED_AT = 65_536
_LEFT_OUT = frozenset({"@eadir", "#recycle", "$recycle.bin", "system volume information"})
"""Folders in which NAS and Windows keep thumbnails and what was deleted."""
_LEAST_BYTES = 64


class SourceError(Exception):
    """What was named is neither a folder nor a list; the message is a sentence."""


def base_of(source: Path) -> Path:
    """The folder to which relative paths of ``source`` belong."""
    return source if source.is_dir() else source.parent


def photo_paths(source: Path) -> Iterator[str]:
    """The paths of the photos of ``source``, in the same order every time.

    A folder is searched with everything below it: files that are named as photos, or of whose name
    nothing can be said and that begin as a photo does.  Hidden files and folders are left out.
    Links are followed; a folder to which several paths lead is visited once.  A list has a path in
    each line, in UTF-8 or in bytes as the system names files; empty lines and repeated ones say
    nothing, and what the others name is yielded whether it exists or not.

    Raises:
        SourceError: if there is neither a folder nor a list; at the first item.
    """
    if source.is_dir():
        yield from _photos_below(source)
    else:
        yield from _listed(source)


# ------------------------------------------------------------------------------ folders


def _photos_below(top: Path) -> Iterator[str]:
    visited: set[str] = set()
    waiting = [""]
    while waiting:
        inner = waiting.pop()
        folder = os.path.join(top, inner)  # noqa: PTH118 (of "" it is the top)
        real = os.path.realpath(folder)
        if real in visited:
            continue
        visited.add(real)
        folders: list[str] = []
        for entry in _entries(folder):
            path = f"{inner}/{entry.name}" if inner else entry.name
            try:
                if entry.is_dir():
                    if entry.name.casefold() not in _LEFT_OUT:
                        folders.append(path)
                elif _is_photo(entry):
                    yield path
            except (OSError, ValueError) as error:
                log.warning("left out %r: %s", path, error)
        waiting.extend(reversed(folders))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        log.warning("a folder cannot be listed: %s", error)
        return []
    return sorted(found, key=lambda entry: entry.name)


def _is_photo(entry: os.DirEntry[str]) -> bool:
    if suffix_of(entry.name) in PHOTO_SUFFIXES:
        return True
    if not is_odd_name(entry.name) or entry.stat().st_size < _LEAST_BYTES:
        return False
    try:
        with open_regular(Path(entry.path)) as file:
            return is_photo_head(file.read(HEAD_BYTES))
    except NotAFileError:
        return False


# -------------------------------------------------------------------------------- lists


def _listed(source: Path) -> Iterator[str]:
    try:
        file = open_regular(source)
    except OSError as error:
        raise SourceError(
            f"{source} cannot be read: it is neither a folder nor a list of photos."
        ) from error
    base = os.path.abspath(source.parent)  # noqa: PTH100 (links stay as they were given)
    with file:
        head = file.read(_LOOKED_AT)
        if b"\0" in head:
            raise SourceError(
                f"{source} is no list of photos: it is not text in UTF-8 with a path in each line."
            )
        file.seek(len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0)
        whole = True
        seen: set[int] = set()
        while line := file.readline(MAX_LINE_BYTES + 2):
            begins, whole = whole, line.endswith(b"\n")
            if not begins:
                continue  # the rest of a line that is too long
            text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
            if len(line) > MAX_LINE_BYTES:
                yield f"{text[:_SHOWN]}…"
            elif text:
                path = _relative(text, base)
                digest = xxhash.xxh3_64_intdigest(path.encode("utf-8", "surrogateescape"))
                if digest not in seen:
                    seen.add(digest)
                    yield path


def _relative(path: str, base: str) -> str:
    if not Path(path).is_absolute() or "\0" in path:
        return path.replace(os.sep, "/")
    inside = os.path.join(base, "")  # noqa: PTH118 (keeps the slash)
    return path[len(inside) :].replace(os.sep, "/") if path.startswith(inside) else path
