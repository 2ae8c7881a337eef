"""Files at an address, through fsspec: object storage, web servers (imports no torch).

Nothing here goes online unless an address was given.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import xxhash

from trainer.archives import expanded, is_archive, is_compressed
from trainer.file_formats import PHOTO_SUFFIXES, suffix_of
from trainer.photo_list import SourceError
from trainer.stored_photos import MOST_BYTES, NO_SPACE, NOT_THERE, NotFetchedError

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_VERSIONS = ("ETag", "etag", "md5Hash", "content_hash", "generation", "LastModified",
             "last_modified", "updated", "mtime", "created")  # fmt: skip
"""What file systems call what changes with a file; the first that one has counts."""
_NOT_READ = "The file could not be read: {}."
_MOST_WORDS = 300
_WILD = ("*", "?", "[")


def is_address(text: str) -> bool:
    """Whether a source is an address, as ``s3://bucket/photos``, and not a path."""
    return _ADDRESS.match(text) is not None


class Objects:
    """The files at an address: those below it, or those that a pattern names."""

    is_remote = True

    def __init__(self, address: str) -> None:
        """Find the file system; nothing is asked of it yet.

        Raises:
            SourceError: if what is needed to reach it is not installed, or it is no address.
        """
        if "::" in address:
            raise SourceError(f"{without_secrets(address)} is a chain of addresses; give one.")
        if is_compressed(address):
            raise SourceError(
                f"{without_secrets(address)} is compressed. Photos in it would not get smaller; "
                "make it a .tar."
            )
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415 (an extra)

            self._files, self._path = url_to_fs(address)
        except ImportError as error:
            raise SourceError(
                f"{without_secrets(address)} cannot be reached without the extra “cloud”: "
                f"pip install 'lmpt-desktop[cloud]' ({_words(error)})"
            ) from error
        except Exception as error:  # of the file system, which may be any
            raise SourceError(
                f"{without_secrets(address)} is no address that can be used: {_words(error)}."
            ) from error
        self.base = without_secrets(address)
        self._top = self._path
        if self._is_pattern:
            head = min(self._path.find(mark) for mark in (*_WILD, "{") if mark in self._path)
            self._top = self._path[:head].rpartition("/")[0]
        elif is_archive(self._path):
            self._top = self._path.rpartition("/")[0]

    @property
    def _is_pattern(self) -> bool:
        return any(mark in self._path for mark in (*_WILD, "{"))

    def names(self) -> Iterator[str]:
        found = False
        try:
            for path in self._paths():
                name = self._name(path)
                if name is not None:
                    found = True
                    yield name
        except SourceError:
            raise
        except FileNotFoundError:
            pass
        except Exception as error:
            raise SourceError(f"{self.base} cannot be listed: {_words(error)}.") from error
        if not found:
            raise SourceError(f"There are no photos at {self.base}.")

    def _paths(self) -> Iterator[str]:
        if self._is_pattern:
            try:
                patterns = expanded(self._path)
            except ValueError as error:
                raise SourceError(f"{error}.") from error
            for pattern in patterns:
                if any(mark in pattern for mark in _WILD):
                    yield from sorted(map(str, self._files.glob(pattern)))
                else:
                    yield pattern
        elif is_archive(self._path):
            yield self._path
        else:
            # Folder by folder: a list of all would not fit into memory everywhere.
            for folder, _folders, names in self._files.walk(self._path, on_error="raise"):
                for name in sorted(names):
                    if name:
                        yield f"{str(folder).rstrip('/')}/{name}"

    def _name(self, path: str) -> str | None:
        """Relative to the top; None if it is neither named as a photo nor an archive."""
        inside = self._top.rstrip("/") + "/"
        name = path.removeprefix(inside) if self._top else path.lstrip("/")
        bare = name.rpartition("/")[2]
        suffix = suffix_of(bare)
        if bare.startswith(".") or ".tar/" in name:
            return None
        return name if suffix in PHOTO_SUFFIXES or is_archive(name) or not suffix else None

    def _full(self, name: str) -> str:
        return f"{self._top.rstrip('/')}/{name}" if self._top else name

    def version(self, name: str) -> tuple[int, int]:
        try:
            found: dict[str, Any] = self._files.info(self._full(name))
            size = int(found.get("size") or 0)
        except FileNotFoundError as error:
            raise NotFetchedError(NOT_THERE) from error
        except Exception as error:
            raise NotFetchedError(_NOT_READ.format(_words(error))) from error
        said = next((found[key] for key in _VERSIONS if found.get(key)), "")
        return size, xxhash.xxh3_64_intdigest(str(said).encode()) >> 1

    def fetch(self, name: str, target: Path) -> Path:
        most = None if is_archive(name) else MOST_BYTES
        try:
            with self._files.open(self._full(name), "rb") as source, target.open("wb") as copy:
                done = 0
                while block := source.read(1 << 20):
                    done += len(block)
                    # A server may send more than it said.
                    if most is not None and done > most:
                        raise NotFetchedError(_NOT_READ.format("it is longer than was said"))
                    copy.write(block)
        except NotFetchedError:
            raise
        except FileNotFoundError as error:
            raise NotFetchedError(NOT_THERE) from error
        except Exception as error:
            full = isinstance(error, OSError) and error.errno == 28
            reason = NO_SPACE if full else _NOT_READ.format(_words(error))
            raise NotFetchedError(reason) from error
        return target


def without_secrets(address: str) -> str:
    """An address as it may be written down: without user, password and signature."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    return _ADDRESS.findall(address)[0] + "…"


def _words(error: Exception) -> str:
    """What an exception says, in one line; addresses in it may have signatures."""
    text = " ".join((str(error) or type(error).__name__).split())
    text = re.sub(r"[a-z][a-z0-9+.-]+://\S+", lambda found: without_secrets(found[0]), text)
    return text[:_MOST_WORDS].rstrip(". ")
