"""What is remembered of very many files, packed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from lmpt_desktop.domain.records import KnownFile

_MOST_TOGETHER = 4096
_MOST_NEAR = 8
"""Folders whose files are unpacked at a time."""

_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(list[tuple[bytes, KnownFile]])
_ERRORS = "surrogatepass"
"""Names may hold bytes that are no text, which Python keeps as surrogates."""


class KnownFiles(Mapping[str, KnownFile]):
    """Files by their relative path, in the order in which they were given.

    A scan asks for those of one folder after the other.  They are kept packed, folder by folder,
    and unpacked when one of the folder is asked for: a million take 200 MB instead of 1.3 GB.
    """

    def __init__(self, files: Iterable[tuple[str, KnownFile]]) -> None:
        self._packed: dict[str, list[bytes]] = {}
        self._count = 0
        self._near: dict[str, dict[str, KnownFile]] = {}
        together: list[tuple[bytes, KnownFile]] = []
        last = ""
        for path, file in files:
            folder = _folder(path)
            if folder != last or len(together) >= _MOST_TOGETHER:
                self._pack(last, together)
                together, last = [], folder
            together.append((path.encode(errors=_ERRORS), file))
        self._pack(last, together)

    def __getitem__(self, path: str) -> KnownFile:
        return self._files(_folder(path))[path]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        for folder in self._packed:
            yield from self._files(folder)

    def _pack(self, folder: str, files: list[tuple[bytes, KnownFile]]) -> None:
        if files:
            self._packed.setdefault(folder, []).append(_PACK.encode(files))
            self._count += len(files)

    def _files(self, folder: str) -> dict[str, KnownFile]:
        # Readers ask on several threads: each step is one of a dictionary.
        found = self._near.get(folder)
        if found is None:
            found = {}
            for part in self._packed.get(folder, ()):
                found.update(
                    (path.decode(errors=_ERRORS), file) for path, file in _UNPACK.decode(part)
                )
            if len(self._near) >= _MOST_NEAR:
                self._near = {}
            self._near[folder] = found
        return found


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
