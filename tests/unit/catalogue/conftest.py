"""A library with a folder of images that exist only in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paper_library import photo_file

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ScannedFile


@pytest.fixture
def make_file() -> Callable[..., ScannedFile]:
    return photo_file


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
        files = [photo_file(f"{i:05d}.jpg", fingerprint=f"{i + 1:032x}") for i in range(count)]
        return catalogue.images.upsert(folder.id, files)

    return add
