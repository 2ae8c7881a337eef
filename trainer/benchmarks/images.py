"""Where the photos of a list are, and which are not there (no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.benchmarks.benchmark import BenchmarkKind


@dataclass(frozen=True)
class PhotoFile:
    """A photo that is there; size and time tell whether it is still the one that was encoded.

    size: bytes; modified: nanoseconds since the epoch.
    """

    path: Path
    size: int
    modified: int


@dataclass(frozen=True)
class Located:
    """The photos of a list, in its order: None where there is no file."""

    listed: tuple[str, ...]
    files: tuple[PhotoFile | None, ...]

    @property
    def missing(self) -> list[str]:
        """Listed paths without a file."""
        return [path for path, file in zip(self.listed, self.files, strict=True) if file is None]


def locate(listed: Sequence[str], folder: Path, kind: BenchmarkKind) -> Located:
    """Find the photos ``listed`` below ``folder``, laid out in any way ``kind`` allows."""
    return Located(tuple(listed), tuple(_find(path, folder, kind) for path in listed))


def _find(listed: str, folder: Path, kind: BenchmarkKind) -> PhotoFile | None:
    for prefix, instead in kind.image_prefixes:
        if not listed.startswith(prefix):
            continue
        path = folder / (instead + listed.removeprefix(prefix))
        try:
            facts = path.stat()
        except OSError:
            continue
        if path.is_file():
            return PhotoFile(path, facts.st_size, facts.st_mtime_ns)
    return None
