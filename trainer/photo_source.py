"""Where ``encode-folder`` takes photos from: a folder, a list, archives or an address (no torch).

Whatever it is, photos are decoded from files on this computer.  What lies elsewhere is fetched into
a folder of the run, under names of our own: names in archives and addresses are data, and nothing
is ever written where they say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from trainer import object_storage
from trainer.archives import is_archive_pattern
from trainer.photo_list import SourceError, base_of, photo_paths
from trainer.regular_file import open_regular
from trainer.stored_photos import LocalFiles, StoredPhotos

IsKnown = Callable[[int, int], bool]
"""Whether nothing has to be done for a photo of this size and version."""


class PhotoSource(Protocol):
    """Photos by their paths.  Every method but :meth:`paths` may be called from any thread."""

    @property
    def base(self) -> str:
        """To what paths are relative: a folder, or an address."""
        ...

    @property
    def is_listed_fast(self) -> bool:
        """Whether going through all paths costs little, so that they can be counted first."""
        ...

    def paths(self) -> Iterator[str]:
        """The paths of all photos, in the same order every time.

        Raises:
            SourceError: if there is no such source; at the first item.
        """
        ...

    def open(self, path: str, is_known: IsKnown) -> tuple[BinaryIO | None, int, int]:
        """A photo's content, its size in bytes, and what tells this version of it from others: of a
        file, the time in nanoseconds.  None for the content of one that is known.

        Raises:
            OSError: if it cannot be read.
            NotFetchedError: if it is refused, or its source cannot give it.
            SourceError: if the whole source is out of reach.
        """
        ...

    def file(self, path: str) -> Path:
        """Where the content of a photo that was opened lies, until it is forgotten."""
        ...

    def is_as_it_was(self, path: str, size: int, version: int) -> bool:
        """Whether :meth:`file` is still what was opened."""
        ...

    def forget(self, path: str) -> None:
        """The file is no longer needed."""
        ...


class LocalPhotos:
    """The photos of a folder, or of a list file."""

    is_listed_fast = True

    def __init__(self, source: Path) -> None:
        self._source = source
        self._folder = base_of(source)
        self.base = str(self._folder.absolute())

    def paths(self) -> Iterator[str]:
        return photo_paths(self._source)

    def open(self, path: str, is_known: IsKnown) -> tuple[BinaryIO | None, int, int]:
        file = open_regular(self._folder / path)
        try:
            status = os.fstat(file.fileno())
            size, version = status.st_size, status.st_mtime_ns
            if not is_known(size, version):
                return file, size, version
        except BaseException:
            file.close()
            raise
        file.close()
        return None, size, version

    def file(self, path: str) -> Path:
        return self._folder / path

    def is_as_it_was(self, path: str, size: int, version: int) -> bool:
        try:
            status = (self._folder / path).stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (size, version)

    def forget(self, path: str) -> None:
        pass


def open_source(source: str | Path, fetched: Callable[[], Path], indexes: Path) -> PhotoSource:
    """The source that was named.

    Args:
        source: a folder, a list file, archives (``photos.tar``, ``photos-{0000..0099}.tar``,
            ``folder/*.tar``) or an address as fsspec takes it (``s3://bucket/photos``).
        fetched: makes the folder for what is fetched; called only if something is to be.
        indexes: folder for the contents of archives elsewhere, so that these are not fetched again
            to be listed.

    Raises:
        SourceError: if there is no such source, or nothing that could reach it.
    """
    text = str(source)
    if object_storage.is_address(text):
        files = object_storage.Objects(text)
        return StoredPhotos(files, fetched(), indexes)
    if is_archive_pattern(text):
        return StoredPhotos(LocalFiles(text), fetched(), None)
    if not Path(source).exists():
        raise SourceError(f"There is no {source}.")
    return LocalPhotos(Path(source))
