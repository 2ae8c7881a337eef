"""File systems as some people have them: inode numbers that say nothing, names in any case."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_INODE = 1
"""Where ``os.stat_result`` has it."""


def _with_inode(status: os.stat_result, number: int) -> os.stat_result:
    values = list(status)
    values[_INODE] = number
    extra = {
        name: getattr(status, name)
        for name in dir(status)
        if name.startswith("st_") and name not in _PLAIN
    }
    return os.stat_result(values, extra)


_PLAIN = {f"st_{name}" for name in ("mode", "ino", "dev", "nlink", "uid", "gid", "size")}


class _Entry:
    """An ``os.DirEntry`` with another inode number."""

    def __init__(self, entry: os.DirEntry[str], number: int) -> None:
        self._entry = entry
        self._number = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __fspath__(self) -> str:
        return self._entry.path

    def inode(self) -> int:
        return self._number

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return _with_inode(self._entry.stat(follow_symlinks=follow_symlinks), self._number)


class _Entries:
    def __init__(self, entries: Any, change: Callable[[Any], Any]) -> None:
        self._entries = entries
        self._change = change

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def close(self) -> None:
        self._entries.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._change(next(self._entries))


def give_every_inode(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file and folder has the same inode number from now on."""
    for name in ("stat", "lstat", "fstat"):
        real = getattr(os, name)

        def asked(*args: Any, real: Callable[..., os.stat_result] = real, **kw: Any) -> Any:
            return _with_inode(real(*args, **kw), number)

        monkeypatch.setattr(os, name, asked)
    real_scandir = os.scandir

    def scandir(*args: Any) -> Any:
        return _Entries(real_scandir(*args), lambda entry: _Entry(entry, number))

    monkeypatch.setattr(os, "scandir", scandir)


def fold_case(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below ``top`` any case of a name leads to the file, as on macOS and Windows."""
    listdir = os.listdir
    inside = os.fspath(top) + os.sep

    def real(path: Any) -> Any:
        if isinstance(path, int):
            return path
        text = os.fspath(path)
        if not isinstance(text, str) or not text.startswith(inside):
            return path
        found = os.fspath(top)
        for part in Path(text[len(inside) :]).parts:
            try:
                entries = listdir(found)
            except OSError:
                entries = []
            alike = [name for name in entries if name.lower() == part.lower()]
            found += os.sep + (part if part in alike or not alike else alike[0])
        return found

    def patched(call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda path=".", *args, **kw: call(real(path), *args, **kw)

    for name in ("stat", "lstat", "open", "scandir", "listdir", "access"):
        monkeypatch.setattr(os, name, patched(getattr(os, name)))
    opened = patched(builtins.open)
    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(io, "open", opened)
