"""The states of a photo that its card marks, in their fixed order (Qt-free)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.translation import N_


class Mark(StrEnum):
    """A state of a photo, from the corner of its card inwards."""

    REVIEWED = "reviewed"
    HELD_OUT = "held out"
    EDITED = "edited"
    DAMAGED = "damaged"
    WAITING = "waiting"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class MarkText:
    """How a mark looks, what it is called, and what it means.

    ``icon`` is a file of ``resources/icons``, ``colour`` one of the theme's.
    """

    icon: str
    colour: str
    name: str
    meaning: str


MARK_TEXTS: Mapping[Mark, MarkText] = {
    Mark.REVIEWED: MarkText(
        "reviewed", "accent", N_("Reviewed"), N_("You have said of every class whether it is there")
    ),
    Mark.HELD_OUT: MarkText(
        "held-out",
        "muted",
        N_("Held out"),
        N_("No training learns from it, so that it can measure the result"),
    ),
    Mark.EDITED: MarkText(
        "edited",
        "warning",
        N_("Changed since annotated"),
        N_("The picture was edited after you annotated it: look at it again"),
    ),
    Mark.DAMAGED: MarkText(
        "image-broken",
        "warning",
        N_("Damaged"),
        N_("The end of the file is missing: what is there is shown"),
    ),
    Mark.WAITING: MarkText(
        "waiting", "muted", N_("Not encoded yet"), N_("The model has not looked at it yet")
    ),
    Mark.MISSING: MarkText(
        "image-missing", "warning", N_("Missing"), N_("The file is not where it was")
    ),
    Mark.UNREADABLE: MarkText(
        "image-broken", "error", N_("Cannot be read"), N_("The file is damaged, or not a photo")
    ),
}


def marks(
    state: ImageState,
    *,
    reviewed: bool,
    held_out: bool,
    edited: bool,
    damaged: bool,
    waiting: bool,
) -> tuple[Mark, ...]:
    """The marks of one photo, in order."""
    shown = {
        Mark.REVIEWED: reviewed,
        Mark.HELD_OUT: held_out,
        Mark.EDITED: edited,
        Mark.DAMAGED: damaged and state is ImageState.OK,
        # What cannot be opened is not waiting for anything; five do not fit on a small card.
        Mark.WAITING: waiting and state is ImageState.OK and not damaged,
        Mark.MISSING: state is ImageState.MISSING,
        Mark.UNREADABLE: state is ImageState.UNREADABLE,
    }
    return tuple(mark for mark in Mark if shown[mark])


def counts(snapshot: Snapshot, held_out: NDArray[np.int64]) -> dict[Mark, int]:
    """How many photos have each mark.

    Args:
        snapshot: of the whole library.
        held_out: (m,) int64 image ids; those not in the snapshot do not count.
    """
    readable = snapshot.states == ImageState.OK
    return {
        Mark.REVIEWED: int(np.count_nonzero(snapshot.reviewed)),
        Mark.HELD_OUT: int(np.count_nonzero(snapshot.rows(held_out) >= 0)),
        Mark.EDITED: int(np.count_nonzero(snapshot.images.edited)),
        Mark.DAMAGED: int(np.count_nonzero(readable & snapshot.images.damaged)),
        Mark.WAITING: int(np.count_nonzero(readable & ~snapshot.scored)),
        Mark.MISSING: int(np.count_nonzero(snapshot.states == ImageState.MISSING)),
        Mark.UNREADABLE: int(np.count_nonzero(snapshot.states == ImageState.UNREADABLE)),
    }
