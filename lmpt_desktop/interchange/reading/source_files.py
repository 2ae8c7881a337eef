"""Opening what is imported: bounded, with progress, and cancellable at every read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.interchange.errors import Cancelled, FileTooLarge, InterchangeError
from lmpt_desktop.interchange.reading.walk import walk
from lmpt_desktop.translation import _
from trainer.regular_file import open_regular

if TYPE_CHECKING:
    from typing_extensions import Buffer

HEAD_BYTES = 64 * 1024
"""What is read of a file to recognise its format."""
MAX_SAMPLE_NAMES = 2000
BUFFER_BYTES = 256 * 1024
MAX_DOCUMENT_BYTES = 1024 * 1024 * 1024
"""Of a file that has to be held in memory as a whole (JSON, XML)."""
MAX_SMALL_FILE_BYTES = 16 * 1024 * 1024
"""Of one of many files: a side file, the labels of one photo."""


def no_progress(_done: int, _total: int) -> None:
    """Ignores progress."""


@dataclass(frozen=True)
class Sample:
    """The beginning of a file, or the names in a folder, to recognise a format by.

    Attributes:
        path: the file or folder.
        head: the first ``HEAD_BYTES`` bytes; b"" for a folder.
        names: of a folder: up to ``MAX_SAMPLE_NAMES`` relative paths of files in it, "/" between
            parts; else ().
    """

    path: Path
    head: bytes = b""
    names: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        return bool(self.names) or (not self.head and self.path.is_dir())

    @property
    def suffix(self) -> str:
        """The lower-case suffix, with its dot."""
        return self.path.suffix.lower()


@dataclass(frozen=True)
class SourceFile:
    """What a reader reads.

    Attributes:
        path: a file or a folder.
        options: values of the format's options, by name; missing ones have their default.
        progress: called with bytes done and bytes in all, as they are read.
        cancelled: asked at every read; if true, :class:`Cancelled` is raised.
        photos: absolute paths of the library's photos, for formats that are stored beside photos
            (XMP, text files); may be empty.
        left: by side file, what the library itself wrote there (by list of keywords) for a photo
            that is not beside it any more: it says nothing of the picture that is.
        companions: files that are one photo with one of ``photos``: the raw file of a JPEG.
    """

    path: Path
    options: Mapping[str, str] = field(default_factory=dict)
    progress: Callable[[int, int], None] = no_progress
    cancelled: Callable[[], bool] = lambda: False
    photos: tuple[Path, ...] = ()
    left: Mapping[Path, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    companions: Mapping[Path, Sequence[Path]] = field(default_factory=dict)

    def check(self) -> None:
        """Raises :class:`Cancelled` if the user cancelled; for loops that read no file."""
        if self.cancelled():
            raise Cancelled(_("The import was cancelled."))

    def open(self, path: Path | None = None, *, limit: int | None = None) -> BinaryIO:
        """A regular file, buffered; ``path`` defaults to the source itself.

        Reading reports progress (of the source itself only).  It raises InterchangeError if the
        disk or share fails meanwhile, and :class:`Cancelled`.

        Args:
            path: another file that belongs to the source, such as one in its folder.
            limit: the most bytes it may have.

        Raises:
            FileTooLarge: if it has more.
            InterchangeError: with a sentence, if it cannot be opened or is no regular file.
        """
        place = path or self.path
        try:
            file = open_regular(place)
            size = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise _unreadable(place, error) from error
        if limit is not None and size > limit:
            file.close()
            raise FileTooLarge(
                _("{path} is too large: {size} MB, and at most {limit} MB are read.").format(
                    path=place, size=-(-size // 1_000_000), limit=limit // 1_000_000
                )
            )
        progress = self.progress if path is None else no_progress
        return io.BufferedReader(_Watched(file, place, size, progress, self.check), BUFFER_BYTES)

    def read_bytes(self, path: Path | None = None, *, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """All of a file.  Raises as :meth:`open`."""
        with self.open(path, limit=limit) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise FileTooLarge(_("{path} is too large.").format(path=path or self.path))
        return data


def _unreadable(path: Path, error: OSError) -> InterchangeError:
    return InterchangeError(
        _("{path} cannot be read: {reason}.").format(path=path, reason=reason_of(error))
    )


class _Watched(io.RawIOBase):
    """A file that reports how far it was read."""

    def __init__(
        self,
        file: BinaryIO,
        path: Path,
        size: int,
        progress: Callable[[int, int], None],
        check: Callable[[], None],
    ) -> None:
        self._file = file
        self._path = path
        self._size = size
        self._progress = progress
        self._check = check
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        self._check()
        view = memoryview(buffer)
        try:
            data = self._file.read(len(view))
        except OSError as error:
            raise _unreadable(self._path, error) from error
        count = len(data)
        view[:count] = data
        self._done += count
        self._progress(self._done, self._size)
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def sample_of(path: Path) -> Sample:
    """What formats are recognised by.

    Raises:
        InterchangeError: with a sentence, if there is nothing, or it cannot be read.
    """
    if path.is_dir():
        return Sample(path, names=tuple(_names(path)))
    with SourceFile(path).open() as file:
        return Sample(path, file.read(HEAD_BYTES))


def _names(folder: Path) -> Iterator[str]:
    """Relative paths of the first files in a folder and below."""
    count = 0
    for place, folders, files in walk(folder):
        folders.sort()
        inside = Path(place).relative_to(folder)
        for name in sorted(files):
            yield (inside / name).as_posix()
            count += 1
            if count == MAX_SAMPLE_NAMES:
                return
