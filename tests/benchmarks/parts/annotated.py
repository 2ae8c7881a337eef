"""A library of photos that exist in the catalogue only, with a few classes each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.photo_details import NO_DETAILS
from lmpt_desktop.domain.records import ScannedFile, Verdict
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin

CLASSES = 80
PER_IMAGE = 3


def path_of(number: int) -> str:
    """The relative path of a photo."""
    return f"{number // 1000:04d}/photo {number:06d}.jpg"


def make_library(library: Path, images: int, classes: int) -> None:
    """Photos, and classes of which nothing is known."""
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(library.parent / "photos")
        files = [
            ScannedFile(
                path_of(number),
                size=1_000_000,
                mtime_ns=1_700_000_000_000_000_000,
                fingerprint=f"{number + 1:032x}",
                width=4000,
                height=3000,
                file_hash=f"{number + 1:032x}",
                picture_hash=f"{number + 1:032x}",
                details=NO_DETAILS,
            )
            for number in range(images)
        ]
        catalogue.images.upsert(folder.id, files)
        for number in range(classes):
            catalogue.classes.add(f"class {number}")


def annotate(library: Path, *, reviewed: bool) -> None:
    """Make ``PER_IMAGE`` classes of each photo present, and the others absent if ``reviewed``."""
    random = np.random.default_rng(0)
    with Catalogue.open(library) as catalogue:
        ids = catalogue.images.table().ids
        classes = np.array([entry.id for entry in catalogue.classes.all()])
        columns = np.argsort(random.random((len(ids), len(classes))), axis=1)[:, :PER_IMAGE]
        count = columns.size
        catalogue.annotations.apply_arrays(
            np.repeat(ids, PER_IMAGE), classes[columns].ravel(), np.ones(count, np.int8)
        )
        if reviewed:
            catalogue.annotations.set_reviewed(ids, reviewed=True)


def records(images: int, classes: int) -> Iterator[ImageRecord]:
    """What a file could say about these photos: ``PER_IMAGE`` present classes each."""
    cells = [
        ClassRecord(f"class {number}", Verdict.PRESENT, "1", Origin.HUMAN, source="user")
        for number in range(classes)
    ]
    for i in range(images):
        chosen = tuple(cells[(i * 7 + k * 3) % classes] for k in range(PER_IMAGE))
        yield ImageRecord(path_of(i), chosen, i + 1)
