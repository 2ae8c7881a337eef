"""What a snapshot knows of one image, read from the image's row (Qt-free).

Nothing here reads whole arrays: with 100,000 images that would take longer than a verdict may.
What only the catalogue knows is in :class:`~lmpt_desktop.engine.views.ImageDetails`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.raw_pairs import kind_text
from lmpt_desktop.domain.records import NO_DATE, ImageState, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from trainer.bands import Band


@dataclass(frozen=True)
class ImageFacts:
    """One image.

    Attributes:
        image_id: its id.
        name: its path inside its folder, with "/" between parts.
        version: changes with the content of its file.
        state: whether the file can be read.
        reviewed: whether it is marked as reviewed.
        size: (width, height) in pixels, None if unknown.
        date: seconds since the epoch, when it was taken, else when its file last changed.
        edited: whether the picture was edited after it was annotated, and not looked at since.
        damaged: whether the end of the file is missing.
        raw: the kind of raw file that is part of the photo, such as "CR3"; "".
    """

    image_id: int
    name: str
    version: str
    state: ImageState
    reviewed: bool
    size: tuple[int, int] | None
    date: float
    edited: bool = False
    damaged: bool = False
    raw: str = ""

    @property
    def file_name(self) -> str:
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class ClassFacts:
    """One class of one image, predicted with a score of at least ``threshold``; ``score`` and
    ``band`` are None if unknown."""

    class_id: int
    name: str
    score: float | None
    predicted: bool
    verdict: Verdict
    band: Band | None
    threshold: float


def file_version(snapshot: Snapshot, image_id: int) -> str:
    """What changes with the content of the image's file; "" if the image is not there."""
    row = snapshot.row_of.get(image_id, -1)
    return snapshot.images.fingerprints[row] if row >= 0 else ""


def image_facts(snapshot: Snapshot, image_id: int) -> ImageFacts | None:
    """The facts of an image; None if it is no longer in the library."""
    row = snapshot.row_of.get(image_id, -1)
    if row < 0:
        return None
    images = snapshot.images
    width, height = int(images.widths[row]), int(images.heights[row])
    taken = int(images.taken[row])
    return ImageFacts(
        image_id=image_id,
        name=images.names[row],
        version=images.fingerprints[row],
        state=ImageState(int(images.states[row])),
        reviewed=bool(snapshot.reviewed[row]),
        size=(width, height) if width and height else None,
        date=float(taken) if taken != NO_DATE else float(images.mtime[row]) / 1e9,
        edited=bool(images.edited[row]),
        damaged=bool(images.damaged[row]),
        raw=kind_text(images.raw_suffix(row)),
    )


def class_facts(snapshot: Snapshot, row: int, column: int, bands: ClassBands | None) -> ClassFacts:
    """The facts of a class for the image in ``row``; ``bands`` may be of an earlier snapshot."""
    score = float(snapshot.scores[row, column])
    threshold = float(snapshot.thresholds[column])
    known = not np.isnan(score)
    band = bands.bands[column] if bands is not None and column < len(bands.bands) else None
    return ClassFacts(
        class_id=snapshot.classes[column].id,
        name=snapshot.classes[column].name,
        score=score if known else None,
        predicted=known and score >= threshold,
        verdict=Verdict(int(snapshot.annotations[row, column])),
        band=band,
        threshold=threshold,
    )
