"""Folders as streams: tar with nothing in it but a few files of known names (imports no torch).

A stream is read as it comes and nobody vouches for it.  Every header is checked before the tar
reader acts on it: plain files only (no links, folders, devices, sparse files, nor the extended
headers, whose length is the sender's choice), names from a list, sizes within limits.
"""

from __future__ import annotations

import errno
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol, Self

from trainer import job, prompt_set
from trainer.regular_file import open_regular

ARRAYS_BYTES = 64 * 1024**3
JOB_FILES: Mapping[str, int] = {job.ARRAYS_NAME: ARRAYS_BYTES, job.JSON_NAME: job.LIMITS.bytes}
"""What a job is, by name, and the most bytes of each."""
RESULT_FILES: Mapping[str, int] = {
    prompt_set.ARRAYS_NAME: 2 * 1024**3,
    prompt_set.JSON_NAME: prompt_set.LIMITS.bytes,
}
"""What a result is."""
SPARE_BYTES = 64 * 1024**2
"""Left free on the disk."""
_BLOCK = 1 << 18


class StreamError(Exception):
    """What came is no such folder; the message says why."""


class TruncatedError(StreamError):
    """The stream ended too early."""


class Source(Protocol):
    def read(self, size: int, /) -> bytes:
        """As of a file."""
        ...


class Sink(Protocol):
    def write(self, data: bytes, /) -> object:
        """As of a file: all of it."""
        ...


def pack(folder: Path, files: Mapping[str, int], stream: Sink) -> None:
    """Write the files of ``folder`` that are named in ``files`` to ``stream``.

    Raises:
        OSError: if one cannot be read, or ``stream`` not be written.
    """
    with tarfile.open(
        fileobj=_as_file(stream), mode="w|", format=tarfile.GNU_FORMAT, bufsize=_BLOCK
    ) as archive:
        for name in files:
            with open_regular(folder / name) as file:
                member = tarfile.TarInfo(name)
                member.size = os.fstat(file.fileno()).st_size
                member.mode = 0o600
                archive.addfile(member, file)


def unpack(stream: Source, folder: Path, files: Mapping[str, int]) -> None:
    """Write what ``stream`` holds into ``folder``: every file named in ``files``, of at most so
    many bytes, each once, and nothing else.

    Raises:
        TruncatedError: if the stream ends before they are complete.
        StreamError: if it holds anything else.
        OSError: if the disk is full, or a file is there already.
    """
    left = dict(files)

    class Member(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            member = super().frombuf(buf, encoding, errors)
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                raise StreamError(f"it has something else than a file (type {member.type!r})")
            most = left.pop(member.name, None)
            if most is None:
                raise StreamError(f"it has a file that is not wanted: {member.name[:80]!r}")
            if not 0 <= member.size <= most:
                raise StreamError(f"{member.name} is too large ({member.size:,} bytes)")
            return member

    try:
        with tarfile.open(
            fileobj=_as_file(stream), mode="r|", tarinfo=Member, bufsize=_BLOCK
        ) as archive:
            for member in archive:
                _write(archive, member, folder)
    except tarfile.ReadError as error:
        raise TruncatedError(str(error)) from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise StreamError(str(error)) from error
    if left:
        raise TruncatedError(f"it ends without {', '.join(left)}")


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    if member.size > shutil.disk_usage(folder).free - SPARE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / member.name))
    source = archive.extractfile(member)
    assert source is not None  # a regular file
    left = member.size
    with (folder / member.name).open("xb") as file:
        while left:
            block = source.read(min(left, _BLOCK))
            if not block:
                raise TruncatedError(f"{member.name} is cut off")
            file.write(block)
            left -= len(block)
        file.flush()
        os.fsync(file.fileno())


def _as_file(stream: Source | Sink) -> IO[Any]:
    """tarfile only reads, or only writes."""
    return stream  # pyright: ignore[reportReturnType]
