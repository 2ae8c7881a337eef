"""Photos in tar archives, as WebDataset keeps them (imports no torch).

Archives are not trusted: of a member its name, its place and its length are taken, and nothing is
unpacked.  Links, sparse files and what else is no plain file are left out.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from trainer import checked_json
from trainer.checked_json import Count, Limits
from trainer.file_formats import HEAD_BYTES, PHOTO_SUFFIXES, is_odd_name, is_photo_head, suffix_of

SUFFIX = ".tar"
_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_MOST_READ = 1 << 20
"""Bytes of headers at once: one may announce any length for a name."""
_MOST_MEMBERS = 10_000_000
_MOST_NAME = 4096
_MOST_ARCHIVES = 1_000_000
_RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")
_LIMITS = Limits(bytes=1 << 30, values=50_000_000, unicode=False)
CUT_SHORT = "The archive is cut short or damaged: photos behind {} are missing."
UNREADABLE = "The file is no tar archive without compression."


@dataclass(frozen=True)
class Member:
    """A photo in an archive: its bytes are ``size`` from ``offset`` on."""

    offset: Count
    size: Count


@dataclass(frozen=True)
class ArchiveIndex:
    """The photos of an archive by name, and why there may be others ("" if there are none)."""

    members: dict[str, Member]
    damage: str = ""

    def write(self, path: Path) -> None:
        """Keep it.

        Raises:
            OSError: if it cannot be written.
        """
        path.write_text(json.dumps(asdict(self), separators=(",", ":")), encoding="ascii")

    @classmethod
    def read(cls, path: Path) -> ArchiveIndex | None:
        """What was kept; None if nothing sound was."""
        with contextlib.suppress(OSError, checked_json.JsonError):
            return checked_json.to_type(checked_json.read(path, _LIMITS), cls)
        return None


def is_archive(name: str) -> bool:
    return name.lower().endswith(SUFFIX)


def is_archive_pattern(text: str) -> bool:
    """Whether archives are meant, also compressed ones, which are refused."""
    return text.lower().endswith((SUFFIX, *_COMPRESSED))


def is_compressed(text: str) -> bool:
    return text.lower().endswith(_COMPRESSED)


def expanded(pattern: str) -> list[str]:
    """``photos-{000..099}.tar`` as names, with the digits of the first number.

    Raises:
        ValueError: if there would be too many.
    """
    ranges = list(_RANGE.finditer(pattern))
    choices: list[list[str]] = []
    total, end = 1, 0
    for found in ranges:
        first, last = found[1], found[2]
        total *= max(0, int(last) - int(first) + 1)
        if total > _MOST_ARCHIVES:
            raise ValueError(f"{pattern} names more than {_MOST_ARCHIVES:,} archives")
        numbers = range(int(first), int(last) + 1)
        choices += [[pattern[end : found.start()]], [f"{item:0{len(first)}}" for item in numbers]]
        end = found.end()
    return ["".join(parts) for parts in itertools.product(*choices, [pattern[end:]])]


def read_index(file: BinaryIO) -> ArchiveIndex:
    """Find the photos of an archive.

    Raises:
        OSError: if it cannot be read.
    """
    size = file.seek(0, 2)
    file.seek(0)
    members: dict[str, Member] = {}
    last = "its beginning"
    try:
        with tarfile.open(fileobj=cast(Any, _Headers(file)), mode="r:") as archive:
            end = 0
            for count, item in enumerate(_plain(archive)):
                offset = item.offset_data
                # Anything else would be a part of another photo.
                if count >= _MOST_MEMBERS or offset < end or offset + item.size > size:
                    return ArchiveIndex(members, CUT_SHORT.format(last))
                end = offset + item.size
                name = item.name
                if len(name) <= _MOST_NAME and _is_photo(name, file, offset, item.size):
                    members[_unused(name, members)] = Member(offset, item.size)
                last = name[:_MOST_NAME]
            damage = "" if _has_end(file, archive) else CUT_SHORT.format(last)
    except tarfile.ReadError:
        if not members:
            return ArchiveIndex({}, UNREADABLE)
        return ArchiveIndex(members, CUT_SHORT.format(last))
    except (tarfile.TarError, ValueError, OverflowError, RecursionError):
        return ArchiveIndex(members, CUT_SHORT.format(last))
    return ArchiveIndex(members, damage)


class _Headers:
    """The file as ``tarfile`` reads it: headers only, and none of any length."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= _MOST_READ:
            raise tarfile.ReadError("a header is too long")
        return self._file.read(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _plain(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (item := archive.next()) is not None:
        # It would keep all of them.
        cast(Any, archive).members.clear()
        if item.isreg() and not item.issparse():
            yield item


def _has_end(file: BinaryIO, archive: tarfile.TarFile) -> bool:
    """Whether the empty block is there with which an archive ends."""
    file.seek(archive.offset)
    return file.read(tarfile.BLOCKSIZE) == b"\0" * tarfile.BLOCKSIZE


def _is_photo(name: str, file: BinaryIO, offset: int, size: int) -> bool:
    bare = PurePosixPath(name).name
    if bare.startswith("."):
        return False
    if suffix_of(bare) in PHOTO_SUFFIXES:
        return True
    if not is_odd_name(bare) or size < HEAD_BYTES:
        return False
    place = file.tell()
    file.seek(offset)
    head = file.read(HEAD_BYTES)
    file.seek(place)
    return is_photo_head(head)


def _unused(name: str, members: dict[str, Member]) -> str:
    """An archive may have a name twice."""
    number, made = 1, name
    while made in members:
        number += 1
        made = f"{name} ({number})"
    return made
