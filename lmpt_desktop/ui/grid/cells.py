"""The content of one grid cell, read from a snapshot's arrays (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

from lmpt_desktop.domain.class_order import card_columns
from lmpt_desktop.domain.predictions import has_scores
from lmpt_desktop.domain.raw_pairs import kind_text
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.ui.grid.marks import Mark, marks
from lmpt_desktop.ui.grid.stack_layout import StackPart
from trainer.bands import Band

MAX_CHIPS = 12
"""More classes than fit on a card; further ones are only counted."""


@dataclass(frozen=True)
class Chip:
    """A class shown under a thumbnail: marked present, asked for or predicted.

    ``confirmed`` means marked present, whoever did and however; ``asked``, filtered or searched.
    """

    class_id: int
    name: str
    band: Band
    score: float
    """NaN where the image has no feature yet."""
    confirmed: bool
    asked: bool = False


@dataclass(frozen=True)
class Cell:
    """Everything painted for one image: its picture by ``fingerprint``.

    ``chips`` are in the order of :func:`~lmpt_desktop.domain.class_order.shown_order`, ``more``
    counts the classes after them.  ``focus`` is the verdict on the class in focus, None if no
    class is in focus.  ``pending`` means there is no prediction yet.  ``stack`` is None unless the
    card is of a stack.
    """

    image_id: int
    name: str
    state: ImageState
    chips: tuple[Chip, ...]
    more: int
    marks: tuple[Mark, ...]
    pending: bool
    corrected: bool
    focus: Verdict | None
    stack: StackPart | None = None
    raw: str = ""
    """The kind of raw file that is part of the photo, such as "CR3"."""
    fingerprint: str = ""
    """Key of the thumbnail store; "" if unknown."""


def cell(
    snapshot: Snapshot,
    row: int,
    focus_class: int | None,
    *,
    asked: tuple[int, ...] = (),
    held_out: bool = False,
    stack: StackPart | None = None,
) -> Cell:
    """The cell of ``row``; only that row of the arrays is read.

    Args:
        snapshot: the library.
        row: a row of it.
        focus_class: id of the class that the verdict keys apply to.
        asked: ids of the classes that are filtered or searched; unknown ones are ignored.
        held_out: whether no training learns from the image.
        stack: what the card says of its stack, if it is of one.
    """
    annotated, scores = snapshot.annotations[row], snapshot.scores[row]
    column_of, bands = snapshot.column_of, snapshot.bands.bands
    asked_columns = [column_of[class_id] for class_id in asked if class_id in column_of]
    columns = card_columns(annotated, scores, snapshot.predicted_at(row), asked_columns).tolist()
    focus_column = None if focus_class is None else column_of.get(focus_class)
    state = ImageState(int(snapshot.images.states[row]))
    pending = bool(scores.size) and not has_scores(scores[None])[0]
    return Cell(
        image_id=int(snapshot.image_ids[row]),
        name=snapshot.images.names[row].rpartition("/")[2],
        state=state,
        chips=tuple(
            Chip(
                snapshot.classes[column].id,
                snapshot.classes[column].name,
                bands[column],
                float(scores[column]),
                bool(annotated[column] == 1),
                column in asked_columns,
            )
            for column in columns[:MAX_CHIPS]
        ),
        more=max(0, len(columns) - MAX_CHIPS),
        marks=marks(
            state,
            reviewed=bool(snapshot.reviewed[row]),
            held_out=held_out,
            edited=bool(snapshot.images.edited[row]),
            damaged=bool(snapshot.images.damaged[row]),
            waiting=pending,
        ),
        pending=pending,
        corrected=bool(snapshot.corrected_at(row).any()),
        focus=None if focus_column is None else Verdict(int(annotated[focus_column])),
        stack=stack,
        raw=kind_text(snapshot.images.raw_suffix(row)),
        fingerprint=snapshot.images.fingerprints[row],
    )
