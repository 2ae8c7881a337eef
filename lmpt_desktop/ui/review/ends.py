"""What to say, and what to offer, when there is no photo to ask about."""

from __future__ import annotations

import numpy as np

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.queues import Queue, QueueKind, QueueRequest
from lmpt_desktop.translation import _
from lmpt_desktop.ui.review.ending import tally_text
from lmpt_desktop.ui.review.line import Tally

Ending = tuple[str, str, list[tuple[str, str]], str]
"""Heading, sentence, choices by name and text, icon."""

ROWS_AT_ONCE = 1000


def choosing() -> Ending:
    return ("", _("Choosing questions..."), [], "search")


def ended(kind: QueueKind | None, tally: Tally, tail_gained: int) -> Ending:
    """The last question is done; ``kind`` None where these were photos of the grid."""
    whole = kind is None or kind is QueueKind.RANDOM
    done = tally.answered or tally.reviewed or tally.present or tally.absent
    sentence = (
        tally_text(tally, tail_gained, whole=whole)
        if done
        else _("Nothing was answered this time.")
    )
    choices: list[tuple[str, str]] = []
    if kind is not None:
        following = kind.follow_up
        choices.append((following.value, _("Next: {queue}").format(queue=_(following.label))))
        choices.append((kind.value, _("More of the same")))
    else:
        choices.append((QueueKind.TAIL_FIRST.value, _(QueueKind.TAIL_FIRST.label)))
    if done:
        choices.append(("retrain", _("Retrain...")))
    choices.append(("grid", _("Back to the grid")))
    return (_("Done"), sentence, choices, "reviewed")


def tail_gained(tally: Tally, bands: ClassBands | None, snapshot: Snapshot) -> int:
    """How many tail classes have a new example."""
    if bands is None:
        return 0
    tail = bands.is_tail()
    columns = [snapshot.column_of.get(class_id, -1) for class_id in tally.gained]
    return sum(0 <= column < len(tail) and bool(tail[column]) for column in columns)


def nothing(queue: Queue, snapshot: Snapshot) -> Ending:
    """The queue is empty."""
    grid = ("grid", _("Back to the grid"))
    if not len(snapshot.classes):
        return (
            _("No classes yet"),
            _("There are no classes to ask about yet."),
            [("vocabulary", _("Choose a vocabulary...")), grid],
            "list",
        )
    if not len(snapshot.images):
        sentence = _("There are no photos in this library yet. Add a folder that holds some.")
        return (_("No photos yet"), sentence, [grid], "image")
    if not _is_any_scored(snapshot):
        sentence = _(
            "The model has not looked at any photo yet. Questions appear here by themselves as "
            "soon as it has."
        )
        return (_("Not yet"), sentence, [grid], "cpu")
    choices = [
        (kind.value, _(kind.label))
        for kind in (QueueKind.TAIL_FIRST, QueueKind.UNCERTAIN, QueueKind.RANDOM)
        if kind is not queue.request.kind
    ]
    sentence = queue.note or _("All questions here are answered.")
    return (_("Nothing left to ask"), sentence, [*choices, grid], "reviewed")


def _is_any_scored(snapshot: Snapshot) -> bool:
    """Whether the model has looked at any photo."""
    if snapshot.unscored:
        return False
    scores = snapshot.scores
    # In parts, because the first one nearly always answers it.
    return any(
        not np.isnan(scores[start : start + ROWS_AT_ONCE]).all()
        for start in range(0, len(scores), ROWS_AT_ONCE)
    )


def failed(error: Exception) -> Ending:
    sentence = _("The questions could not be chosen: {error}").format(error=error)
    return (_("That did not work"), sentence, [("grid", _("Back to the grid"))], "warning")


def class_for(kind: QueueKind, request: QueueRequest | None) -> int | None:
    """The class the next queue is about, if it is about one."""
    return request.class_id if kind.needs_class and request is not None else None
