"""A library whose images exist only in its catalogue, for tests of annotations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.engine.session import LibrarySession


def photo_file(path: str, **values: Any) -> ScannedFile:
    """A photo of 640 x 480 pixels as a scan would describe it; ``values`` replace its fields."""
    given: dict[str, Any] = {"size": 1000, "mtime_ns": 1_700_000_000_000_000_000}
    return ScannedFile(path, **{**given, "width": 640, "height": 480, **values})


def fill(catalogue: Catalogue, photos: Path, count: int, names: Sequence[str]) -> list[int]:
    """Add ``count`` images below ``photos`` and these classes; the images' ids."""
    folder = catalogue.folders.add(photos)
    files = [photo_file(f"{i:06}.jpg", fingerprint=f"{i + 1:032x}") for i in range(count)]
    for name in names:
        catalogue.classes.add(name)
    return catalogue.images.upsert(folder.id, files)


def open_session(library: Path, count: int = 0, names: Sequence[str] = ()) -> LibrarySession:
    """A session on ``library`` that never looks for its photos; ``count`` are added first."""
    if count:
        with Catalogue.open(library) as catalogue:
            fill(catalogue, library / "photos", count, names)
    return LibrarySession.open(library, encode=False, folders=[])
