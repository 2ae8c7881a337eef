"""A library whose images exist only in its catalogue, for tests of what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.engine.session import LibrarySession


@dataclass(frozen=True)
class PaperPhoto:
    """A photo as ingest would describe it."""

    path: str
    size: int = 1000
    mtime_ns: int = 1_700_000_000_000_000_000
    sidecar_mtime_ns: int = 0
    fingerprint: str = ""
    width: int | None = 640
    height: int | None = 480
    taken: str | None = None
    caption: str = ""
    caption_source: str = ""
    reason: str = ""


def fill(catalogue: Catalogue, photos: Path, count: int, names: Sequence[str]) -> list[int]:
    """Add ``count`` images below ``photos`` and these classes; the images' ids."""
    folder = catalogue.folders.add(photos)
    files = [PaperPhoto(f"{i:06}.jpg", fingerprint=f"{i + 1:032x}") for i in range(count)]
    for name in names:
        catalogue.classes.add(name)
    return catalogue.images.upsert(folder.id, files)


def open_session(library: Path, count: int = 0, names: Sequence[str] = ()) -> LibrarySession:
    """A session on ``library`` that never looks for its photos; ``count`` are added first."""
    if count:
        with Catalogue.open(library) as catalogue:
            fill(catalogue, library / "photos", count, names)
    return LibrarySession.open(library, encode=False, folders=[])
