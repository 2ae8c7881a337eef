"""Locate the photos of a list (imports no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.benchmarks.benchmark import BenchmarkKind


@dataclass(frozen=True)
class PhotoFile:
    """An existing photo; size and time show whether it has changed since it was encoded.

    size: in bytes; modified: in nanoseconds since the epoch.
    """

    path: Path
    size: int
    modified: int


@dataclass(frozen=True)
class LocatedPhotos:
    """The photos of a list, in its order; None if there is no file."""

    listed: tuple[str, ...]
    files: tuple[PhotoFile | None, ...]

    @property
    def missing(self) -> list[str]:
        """Listed paths without a file."""
        return [path for path, file in zip(self.listed, self.files, strict=True) if file is None]


def locate(listed: Sequence[str], folder: Path, kind: BenchmarkKind) -> LocatedPhotos:
    """Find the photos ``listed`` below ``folder``, in any layout that ``kind`` allows."""
    return LocatedPhotos(tuple(listed), tuple(_find(path, folder, kind) for path in listed))


def _find(listed: str, folder: Path, kind: BenchmarkKind) -> PhotoFile | None:
    for prefix, replacement in kind.image_prefixes:
        if not listed.startswith(prefix):
            continue
        path = folder / (replacement + listed.removeprefix(prefix))
        try:
            status = path.stat()
        except OSError:
            continue
        if path.is_file():
            return PhotoFile(path, status.st_size, status.st_mtime_ns)
    return None
