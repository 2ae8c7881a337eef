"""Photos that are not files of this computer: in archives, or at an address (imports no torch).

They are fetched into a folder of the run, each under a number, and forgotten when they are encoded.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

import xxhash

from trainer.archives import SUFFIX, ArchiveIndex, expanded, is_archive, is_compressed, read_index
from trainer.photo import CUT_SHORT, TOO_LONG, may_pass, system_reason
from trainer.photo_list import SourceError
from trainer.regular_file import open_regular

MOST_BYTES = 2 << 30
"""Of a photo: longer ones are not fetched."""
SPARE_BYTES = 1 << 30
"""Of the disk that are left free."""
MOST_FAILURES = 200
"""One after the other: then it is not the photos that fail."""
_ARCHIVES = 3
"""Whose contents are known at a time, and which are kept if they were fetched."""
_BLOCK = 1 << 20
_INSIDE = ".tar/"
NO_SPACE = "The file could not be read: there is no space on the disk to fetch it."
NOT_THERE = "The file is no longer there."


class NotFetchedError(Exception):
    """A photo that could not be fetched, or is not to be; ``reason`` is a sentence."""

    def __init__(self, reason: str, size: int = 0, version: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.size, self.version = reason, size, version


class Files(Protocol):
    """Files that may be on another computer."""

    @property
    def base(self) -> str: ...
    @property
    def is_remote(self) -> bool: ...

    def names(self) -> Iterator[str]:
        """Of all files that may be photos or archives, in the same order every time.

        Raises:
            SourceError: if there are none, or they cannot be listed.
        """
        ...

    def version(self, name: str) -> tuple[int, int]:
        """Size in bytes, and what tells this version from others.

        Raises:
            NotFetchedError: if it cannot be looked at.
        """
        ...

    def fetch(self, name: str, target: Path) -> Path:
        """Where the file is on this computer; ``target``, if it has to be fetched.

        Raises:
            NotFetchedError: if it cannot be.
        """
        ...


class LocalFiles:
    """Archives on this computer, by a path, with ``{000..099}``, ``*`` and ``?``."""

    is_remote = False

    def __init__(self, pattern: str) -> None:
        if is_compressed(pattern):
            raise SourceError(
                f"{pattern} is compressed. Photos in it would not get smaller; make it a .tar."
            )
        self._pattern = os.path.abspath(pattern)  # noqa: PTH100 (links stay as they were given)
        self.base = os.path.dirname(self._pattern)  # noqa: PTH120
        if glob.has_magic(self.base) or "{" in self.base:
            raise SourceError(f"{pattern} has a pattern in the name of a folder; name one folder.")

    def names(self) -> Iterator[str]:
        try:
            patterns = expanded(os.path.basename(self._pattern))  # noqa: PTH119
        except ValueError as error:
            raise SourceError(f"{error}.") from error
        found = 0
        for pattern in patterns:
            names = sorted(glob.glob(pattern, root_dir=self.base))  # noqa: PTH207
            found += len(names)
            if not names and len(patterns) > 1 and not glob.has_magic(pattern):
                yield pattern  # it is missing, which is said
            yield from names
        if not found:
            raise SourceError(f"There is no {self._pattern}.")

    def version(self, name: str) -> tuple[int, int]:
        try:
            status = Path(self.base, name).stat()
        except OSError as error:
            raise NotFetchedError(NOT_THERE) from error
        return status.st_size, status.st_mtime_ns

    def fetch(self, name: str, target: Path) -> Path:
        return Path(self.base, name)


@dataclass(frozen=True)
class _Archive:
    """What is known of an archive: of which version, and where the bytes of that are; None where
    they have not been fetched."""

    index: ArchiveIndex
    size: int
    version: int
    path: Path | None


class StoredPhotos:
    """Photos among files, and those in archives among them: ``0001.tar/cat.jpg``.

    An archive that lacks its end, or cannot be read, is listed itself and refused.
    """

    def __init__(self, files: Files, folder: Path, indexes: Path | None) -> None:
        """``folder``: for what is fetched; ``indexes``: for the contents of remote archives."""
        self._files, self._folder, self._indexes = files, folder, indexes
        self._numbers = itertools.count()
        self._fetched: dict[str, Path] = {}
        self._archives: OrderedDict[str, _Archive] = OrderedDict()
        self._lock = threading.RLock()
        self._failures = 0
        self.base = files.base
        self.is_listed_fast = not files.is_remote

    def paths(self) -> Iterator[str]:
        for name in self._files.names():
            if not is_archive(name):
                yield name
                continue
            try:
                index = self._archive(name).index
            except NotFetchedError:
                yield name  # opening it says why
                continue
            yield from (f"{name}/{member}" for member in index.members)
            if index.damage:
                yield name

    def open(
        self, path: str, is_known: Callable[[int, int], bool]
    ) -> tuple[BinaryIO | None, int, int]:
        archive, inside, member = path.partition(_INSIDE)
        try:
            if inside:
                found = self._open_member(path, archive + SUFFIX, member, is_known)
            elif is_archive(path):
                found = self._refuse(path, is_known)
            else:
                found = self._open_file(path, is_known)
        except NotFetchedError as error:
            self._count_failure(error)
            raise
        self._failures = 0
        return found

    def file(self, path: str) -> Path:
        return self._fetched[path]

    def is_as_it_was(self, path: str, size: int, version: int) -> bool:
        return path in self._fetched  # nobody else knows of it

    def forget(self, path: str) -> None:
        fetched = self._fetched.pop(path, None)
        if fetched is not None:
            _remove(fetched)

    # -------------------------------------------------------------------------- files

    def _open_file(
        self, path: str, is_known: Callable[[int, int], bool]
    ) -> tuple[BinaryIO | None, int, int]:
        size, version = self._files.version(path)
        if is_known(size, version):
            return None, size, version
        if size > MOST_BYTES:
            raise NotFetchedError(TOO_LONG, size, version)
        target = self._new_file(size)
        try:
            self._files.fetch(path, target)
            file = open_regular(target)
        except OSError as error:
            _remove(target)
            raise NotFetchedError(system_reason(error)) from error
        except NotFetchedError:
            _remove(target)
            raise
        self._fetched[path] = target
        # What came counts: the file may have changed meanwhile, and the next run looks again.
        return file, os.fstat(file.fileno()).st_size, version

    def _new_file(self, size: int) -> Path:
        if shutil.disk_usage(self._folder).free < size + SPARE_BYTES:
            raise NotFetchedError(NO_SPACE)
        return self._folder / f"{next(self._numbers):09d}"

    def _count_failure(self, error: NotFetchedError) -> None:
        if not may_pass(error.reason):
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            raise SourceError(
                f"{MOST_FAILURES} photos of {self.base} in a row could not be fetched. The last "
                f"reason: {error.reason} Run the command again to go on."
            ) from error

    # ----------------------------------------------------------------------- archives

    def _open_member(
        self, path: str, name: str, member: str, is_known: Callable[[int, int], bool]
    ) -> tuple[BinaryIO | None, int, int]:
        with self._lock:
            archive = self._archive(name)
            place = archive.index.members.get(member)
            if place is None:
                raise NotFetchedError(NOT_THERE)
            if is_known(place.size, archive.version):
                return None, place.size, archive.version
            if place.size > MOST_BYTES:
                raise NotFetchedError(TOO_LONG, place.size, archive.version)
            source = self._opened(name, archive)
        target = self._new_file(place.size)
        try:
            with source, target.open("wb") as copy:
                source.seek(place.offset)
                left = place.size
                while block := source.read(min(_BLOCK, left)):
                    copy.write(block)
                    left -= len(block)
            if left:
                raise NotFetchedError(CUT_SHORT, place.size, archive.version)
            file = open_regular(target)
        except OSError as error:
            _remove(target)
            raise NotFetchedError(system_reason(error)) from error
        except NotFetchedError:
            _remove(target)
            raise
        self._fetched[path] = target
        return file, place.size, archive.version

    def _refuse(
        self, name: str, is_known: Callable[[int, int], bool]
    ) -> tuple[BinaryIO | None, int, int]:
        archive = self._archive(name)
        if is_known(archive.size, archive.version):
            return None, archive.size, archive.version
        raise NotFetchedError(archive.index.damage or NOT_THERE, archive.size, archive.version)

    def _archive(self, name: str) -> _Archive:
        """What is in an archive; it is fetched only if that was not kept."""
        with self._lock:
            if name in self._archives:
                self._archives.move_to_end(name)
                return self._archives[name]
            size, version = self._files.version(name)
            kept = self._kept(name, size, version)
            index = ArchiveIndex.read(kept) if kept is not None else None
            found = _Archive(index or ArchiveIndex({}), size, version, None)
            if index is None:
                with self._opened(name, found) as file:
                    index = read_index(file)
                found = replace(self._archives.pop(name), index=index)
                if kept is not None:
                    index.write(kept)
            self._keep(name, found)
            return found

    def _opened(self, name: str, archive: _Archive) -> BinaryIO:
        """The bytes of an archive, which are fetched if need be."""
        path = archive.path
        if path is None:
            target = self._new_file(archive.size) if self._files.is_remote else self._folder
            try:
                path = self._files.fetch(name, target)
            except NotFetchedError:
                if self._files.is_remote:
                    _remove(target)
                raise
            self._keep(name, replace(archive, path=path))
        try:
            return open_regular(path)
        except OSError as error:
            raise NotFetchedError(system_reason(error)) from error

    def _keep(self, name: str, archive: _Archive) -> None:
        self._archives[name] = archive
        self._archives.move_to_end(name)
        while len(self._archives) > _ARCHIVES:
            _name, oldest = self._archives.popitem(last=False)
            if self._files.is_remote and oldest.path is not None:
                _remove(oldest.path)

    def _kept(self, name: str, size: int, version: int) -> Path | None:
        """Where the contents of a remote archive are kept."""
        if self._indexes is None:
            return None
        self._indexes.mkdir(exist_ok=True)
        digest = xxhash.xxh3_128_hexdigest(
            f"{self.base} {name} {size} {version}".encode("utf-8", "surrogatepass")
        )
        return self._indexes / f"{digest}.json"


def _remove(path: Path) -> None:
    # Windows does not remove what a decoder still has open; the folder goes at the end.
    with contextlib.suppress(OSError):
        path.unlink()
