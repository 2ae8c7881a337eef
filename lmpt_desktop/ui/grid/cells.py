"""The content of one grid cell, read from a snapshot's arrays (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmpt_desktop.domain.predictions import has_scores
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from trainer.bands import Band

MAX_CHIPS = 3


@dataclass(frozen=True)
class Chip:
    """A class shown under a thumbnail: predicted, or marked present."""

    class_id: int
    name: str
    band: Band
    score: float
    """NaN where the image has no feature yet (the class is then marked present)."""
    confirmed: bool


@dataclass(frozen=True)
class Cell:
    """Everything painted for one image apart from its pixels.

    ``focus`` is the verdict on the class in focus, None if no class is in focus.
    ``pending`` means there is no prediction yet; ``edited``, that the picture was edited after it
    was annotated.
    """

    image_id: int
    name: str
    state: ImageState
    chips: tuple[Chip, ...]
    more: int
    estimated: bool
    reviewed: bool
    pending: bool
    corrected: bool
    edited: bool
    focus: Verdict | None


def cell(snapshot: Snapshot, row: int, focus_class: int | None) -> Cell:
    """The cell of ``row``; only that row of the arrays is read."""
    annotated = snapshot.annotations[row]
    scores = snapshot.scores[row]
    bands = snapshot.bands
    shown = (snapshot.predicted[row] & (annotated != 0)) | (annotated == 1)
    columns = np.flatnonzero(shown)
    # Tail classes first, as they matter most to the user; then annotated ones; then by score.
    columns = sorted(
        columns.tolist(),
        key=lambda column: (
            bands.bands[column] is not Band.TAIL,
            annotated[column] != 1,
            -float(np.nan_to_num(scores[column], nan=2.0)),
        ),
    )
    focus_column = None if focus_class is None else snapshot.column_of.get(focus_class)
    return Cell(
        image_id=int(snapshot.image_ids[row]),
        name=snapshot.images.names[row].rpartition("/")[2],
        state=ImageState(int(snapshot.images.states[row])),
        chips=tuple(
            Chip(
                snapshot.classes[column].id,
                snapshot.classes[column].name,
                bands.bands[column],
                float(scores[column]),
                bool(annotated[column] == 1),
            )
            for column in columns[:MAX_CHIPS]
        ),
        more=max(0, len(columns) - MAX_CHIPS),
        estimated=bands.estimated,
        reviewed=bool(snapshot.reviewed[row]),
        pending=bool(scores.size) and not has_scores(scores[None])[0],
        corrected=bool(snapshot.corrected[row].any()),
        edited=bool(snapshot.images.edited[row]),
        focus=None if focus_column is None else Verdict(int(annotated[focus_column])),
    )
