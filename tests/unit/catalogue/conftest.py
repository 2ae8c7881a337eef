"""A library with a folder of images that exist only in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue


@dataclass(frozen=True)
class FakeFile:
    """A photo on disk as ingest would describe it."""

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


@pytest.fixture
def make_file() -> type[FakeFile]:
    return FakeFile


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def catalogue(library: Path) -> Iterator[Catalogue]:
    with Catalogue.open(library) as opened:
        yield opened


@pytest.fixture
def add_images(catalogue: Catalogue, tmp_path: Path) -> Callable[[int], list[int]]:
    """Add this many images to a folder "photos" and return their ids."""

    def add(count: int) -> list[int]:
        folder = catalogue.folders.add(tmp_path / "photos")
        files = [FakeFile(f"{i:05d}.jpg", fingerprint=f"{i + 1:032x}") for i in range(count)]
        return catalogue.images.upsert(folder.id, files)

    return add
