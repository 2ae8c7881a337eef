"""What is known of one image, read off one row of a snapshot (Qt-free).

Nothing here looks at the whole of a snapshot's arrays: with 100,000 images that would take longer
than a verdict may.  Bands are handed in; whoever built the queue has computed them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from trainer.bands import Band

NUMBERED = 9
"""Classes with a number key."""
MOST_LISTED = 30


@dataclass(frozen=True)
class ClassFacts:
    """One class of one image.  ``score`` and ``band`` are None where not known."""

    class_id: int
    name: str
    score: float | None
    predicted: bool
    verdict: Verdict
    band: Band | None


@dataclass(frozen=True)
class ImageFacts:
    """One image; ``classes`` in the order in which they are listed."""

    image_id: int
    name: str
    version: str
    state: ImageState
    reviewed: bool
    subject: ClassFacts | None
    classes: tuple[ClassFacts, ...]


def version_of(snapshot: Snapshot, image_id: int) -> str:
    """What changes with the content of the image's file."""
    row = snapshot.row_of.get(image_id, -1)
    return snapshot.images.fingerprints[row] if row >= 0 else ""


def image_facts(
    snapshot: Snapshot,
    image_id: int,
    subject: int | None,
    bands: ClassBands | None,
    keep: Sequence[int] = (),
) -> ImageFacts | None:
    """What to show of an image; None if it is not in the library any more.

    Args:
        snapshot: the library now.
        image_id: the image.
        subject: the class that is asked about; it is not listed with the others.
        bands: of the snapshot's classes, or of an earlier one's.
        keep: class ids listed before: they stay where they are, so that number keys keep
            their meaning while one looks at an image.
    """
    row = snapshot.row_of.get(image_id, -1)
    if row < 0:
        return None
    columns = [snapshot.column_of[class_id] for class_id in keep if class_id in snapshot.column_of]
    if not keep:
        columns = _best(snapshot, row)
    listed = set(columns)
    present = np.flatnonzero(snapshot.annotations[row] == Verdict.PRESENT)
    asked = snapshot.column_of.get(subject, -1) if subject is not None else -1
    others = [column for column in columns if column != asked]
    if not keep:
        others = others[:NUMBERED]
        listed = set(others)
    others += [int(at) for at in present if int(at) not in listed and int(at) != asked]
    others = others[:MOST_LISTED]
    return ImageFacts(
        image_id=image_id,
        name=snapshot.names[row],
        version=snapshot.images.fingerprints[row],
        state=ImageState(int(snapshot.states[row])),
        reviewed=bool(snapshot.reviewed[row]),
        subject=_class_facts(snapshot, row, asked, bands) if asked >= 0 else None,
        classes=tuple(_class_facts(snapshot, row, column, bands) for column in others),
    )


def _best(snapshot: Snapshot, row: int) -> list[int]:
    """Columns with the highest scores, as many as there are number keys and one more, in case
    one of them is what is asked about."""
    scores = np.nan_to_num(snapshot.scores[row], nan=-1.0)
    wanted = min(NUMBERED + 1, len(scores))
    if not wanted:
        return []
    best = np.argpartition(-scores, wanted - 1)[:wanted]
    return best[np.argsort(-scores[best], kind="stable")].tolist()


def _class_facts(snapshot: Snapshot, row: int, column: int, bands: ClassBands | None) -> ClassFacts:
    score = float(snapshot.scores[row, column])
    known = not np.isnan(score)
    band = bands.bands[column] if bands is not None and column < len(bands.bands) else None
    return ClassFacts(
        class_id=snapshot.classes[column].id,
        name=snapshot.classes[column].name,
        score=score if known else None,
        predicted=known and score >= float(snapshot.thresholds[column]),
        verdict=Verdict(int(snapshot.annotations[row, column])),
        band=band,
    )
