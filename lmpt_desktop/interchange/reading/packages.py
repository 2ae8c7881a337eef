"""Packages of several files: a folder, or a zip of which nothing is extracted to the disk.

Only members that are asked for are read, each up to a limit, whatever the zip says of their size.
"""

from __future__ import annotations

import csv
import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO

from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.interchange.errors import FileMalformed, FileTooLarge, InterchangeError
from lmpt_desktop.interchange.reading.folder_files import is_inside
from lmpt_desktop.interchange.reading.foreign_text import clean_text, excerpt
from lmpt_desktop.interchange.reading.source_files import (
    MAX_DOCUMENT_BYTES,
    MAX_SAMPLE_NAMES,
    Sample,
    SourceFile,
)
from lmpt_desktop.interchange.record import BadRow
from lmpt_desktop.translation import _
from trainer.regular_file import open_regular

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_DIRECTORY_BYTES = 64 * 1024 * 1024
"""Of the list of members of a zip."""
MAX_LINE_CHARACTERS = 4 * 1024 * 1024
ZIP_START = b"PK\x03\x04"
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    RuntimeError,  # encrypted
    ValueError,
    EOFError,
    KeyError,
    OverflowError,
)
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")


@dataclass(frozen=True)
class Package:
    """Files that belong together.

    Attributes:
        source: what the user chose.
        place: the folder, or the zip.
        base: the folder within it in which the package is, with a final "/", or "".
    """

    source: SourceFile
    place: Path
    base: str = ""

    @property
    def is_zip(self) -> bool:
        return not self.place.is_dir()

    @contextmanager
    def open(self, name: str, *, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[BinaryIO]:
        """A file of the package, for reading once; ``name`` is relative, "/" between parts.

        Reading raises :class:`FileTooLarge` beyond the limit, and may raise :class:`Cancelled`.

        Raises:
            InterchangeError: with a sentence, if it cannot be opened, or is not in the package.
        """
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or not is_inside(name):
            raise FileMalformed(
                _("{path} names a file outside of it: {name}.").format(
                    path=self.place, name=clean_text(name[:200])
                )
            )
        inside = self.base + "/".join(parts)
        if not self.is_zip:
            with self.source.open(self.place / inside, limit=limit) as file:
                yield file
            return
        with _archive(self.place) as archive:
            try:
                member = archive.open(inside)
                size = archive.getinfo(inside).file_size
            except _ZIP_ERRORS as error:
                raise _unreadable(self.place, inside) from error
            with io.BufferedReader(_Member(member, self, inside, size, limit), 256 * 1024) as file:
                yield file

    def read_bytes(self, name: str, *, limit: int) -> bytes:
        """All of a file.  Raises as :meth:`open`."""
        with self.open(name, limit=limit) as file:
            return file.read()


def package_of(source: SourceFile, *markers: str) -> Package:
    """The package that has one of the files, the first of ``markers`` that it finds.

    The user may have chosen its folder, its zip, or a file of it.

    Raises:
        InterchangeError: with a sentence, if there is none.
    """
    path = source.path
    if path.is_dir():
        return _with_marker(source, path, _folder_names(path), markers)
    with source.open() as file:
        is_zip = file.read(len(ZIP_START)) == ZIP_START
    if not is_zip:
        return Package(source, path.parent)
    with _archive(path) as archive:
        return _with_marker(source, path, archive.namelist(), markers)


def package_sample(sample: Sample, *markers: str) -> tuple[str, bytes] | None:
    """The name and the beginning of the file that marks a package, if the sample is one."""
    if not sample.is_folder and not sample.head.startswith(ZIP_START):
        return (sample.path.name, sample.head) if sample.path.name in markers else None
    try:
        package = package_of(SourceFile(sample.path), *markers)
        for name in markers:
            try:
                with package.open(name) as file:
                    return name, file.read(64 * 1024)
            except InterchangeError:
                continue
    except InterchangeError:
        return None
    return None


def _folder_names(folder: Path) -> list[str]:
    """Names in a folder and the folders in it."""
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) < MAX_SAMPLE_NAMES and entry.is_dir(follow_symlinks=False):
                    with os.scandir(entry) as inner:
                        names += (
                            f"{entry.name}/{item.name}"
                            for item, _number in zip(inner, range(MAX_SAMPLE_NAMES), strict=False)
                        )
    except OSError as error:
        raise InterchangeError(
            _("{path} cannot be read: {reason}.").format(path=folder, reason=reason_of(error))
        ) from error
    return names


def _with_marker(
    source: SourceFile, place: Path, names: list[str], markers: tuple[str, ...]
) -> Package:
    for marker in markers:
        found = [name for name in names if name == marker or name.endswith(f"/{marker}")]
        if found:
            # The one that is highest up: others may be of something else.
            first = min(found, key=lambda name: (name.count("/"), name))
            return Package(source, place, first.removesuffix(marker))
    raise FileMalformed(_("{path} has no {name}.").format(path=place, name=_(" or ").join(markers)))


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with ExitStack() as opened:
        try:
            file = opened.enter_context(open_regular(path))
            _check_directory(file, path)
            archive = opened.enter_context(zipfile.ZipFile(file))
        except _ZIP_ERRORS as error:
            raise FileMalformed(
                _("{path} is not a zip that can be read.").format(path=path)
            ) from error
        yield archive


def _check_directory(file: BinaryIO, path: Path) -> None:
    """The list of members is read as a whole: it must not be larger than is sensible.

    Raises:
        FileTooLarge: if it is.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557 - _LOCATOR_64.size - _END_64.size))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or end + _END.size > len(tail):
        raise zipfile.BadZipFile
    directory = _END.unpack_from(tail, end)[5]
    locator = end - _LOCATOR_64.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        # Where it says, or just before: readers differ.
        file.seek(min(_LOCATOR_64.unpack_from(tail, locator)[2], size))
        for record in (file.read(_END_64.size), tail[max(0, locator - _END_64.size) : locator]):
            if record.startswith(b"PK\x06\x06") and len(record) == _END_64.size:
                directory = max(directory % 0xFFFFFFFF, _END_64.unpack(record)[8])
    if directory > MAX_DIRECTORY_BYTES:
        raise FileTooLarge(_("{path} has too many files in it.").format(path=path))
    file.seek(0)


def _unreadable(path: Path, name: str) -> FileMalformed:
    return FileMalformed(
        _("{name} cannot be read from {path}.").format(name=clean_text(name[:200]), path=path)
    )


class _Member(io.RawIOBase):
    """A member of a zip, up to a limit; ``size`` is what the zip says, which is not trusted."""

    def __init__(
        self, member: IO[bytes], package: Package, name: str, size: int, limit: int
    ) -> None:
        self._member = member
        self._package = package
        self._name = name
        self._size = size
        self._limit = limit
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        self._package.source.check()
        view = memoryview(buffer)
        try:
            data = self._member.read(len(view))
        except _ZIP_ERRORS as error:
            raise _unreadable(self._package.place, self._name) from error
        self._done += len(data)
        if self._done > self._limit:
            raise FileTooLarge(
                _("{name} in {path} is too large.").format(
                    name=clean_text(self._name[:200]), path=self._package.place
                )
            )
        view[: len(data)] = data
        self._package.source.progress(self._done, self._size)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._member.close()
        super().close()


def table_rows(
    file: BinaryIO,
    path: Path,
    *,
    delimiter: str = ",",
    quote: str = '"',
    encoding: str = "utf-8",
) -> Generator[tuple[int, list[str]] | BadRow, None, None]:
    """Rows of a table of a package, with the number of the line at which each ends.

    Empty lines are left out.  What is not in the encoding is a surrogate escape.

    Raises:
        FileMalformed: if a line is far too long.
    """
    text = io.TextIOWrapper(file, encoding, "surrogateescape", newline="")
    try:
        try:
            reader = csv.reader(
                _lines(text, path),
                delimiter=delimiter,
                quotechar=quote or None,
                quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            )
        except (TypeError, ValueError) as error:
            raise FileMalformed(
                _("{path} has no delimiter that can be read.").format(path=path)
            ) from error
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield BadRow(reader.line_num, _("This row is not valid CSV."))
                continue
            except UnicodeError as error:
                raise FileMalformed(
                    _("{path} is not in the encoding {encoding}.").format(
                        path=path, encoding=encoding
                    )
                ) from error
            if row:
                yield reader.line_num, row
    finally:
        # Else the wrapper would close the file, which is its opener's.
        text.detach()


def _lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    first = True
    while line := text.readline(MAX_LINE_CHARACTERS):
        if len(line) == MAX_LINE_CHARACTERS:
            raise FileMalformed(_("{path} has a line that is too long.").format(path=path))
        yield line.removeprefix("\ufeff") if first else line
        first = False


def short_row(row: list[str]) -> str:
    """The beginning of a row, for a list of bad ones."""
    return excerpt(", ".join(cell[:50] for cell in row[:20] if cell))
