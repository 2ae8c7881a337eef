"""What a review queue is asked for and what it answers (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.bands import ClassBands
from lmpt_desktop.translation import N_

DEFAULT_LENGTH = 200
"""Questions in a queue: some minutes of work, after which a retraining makes better ones."""


class QueueKind(StrEnum):
    """How the questions of a queue are chosen."""

    TAIL_FIRST = "tail-first"
    UNCERTAIN = "uncertain"
    DISAGREEMENTS = "disagreements"
    MORE_LIKE = "more-like-this"
    CLASS_SWEEP = "class-sweep"
    RANDOM = "random"


NEEDS_CLASS = frozenset({QueueKind.MORE_LIKE, QueueKind.CLASS_SWEEP})
"""Kinds that ask about one class, which the request must name."""

TITLES: dict[QueueKind, str] = {
    QueueKind.TAIL_FIRST: N_("Tail first"),
    QueueKind.UNCERTAIN: N_("Uncertain"),
    QueueKind.DISAGREEMENTS: N_("Disagreements"),
    QueueKind.MORE_LIKE: N_("More like this positive"),
    QueueKind.CLASS_SWEEP: N_("Class sweep"),
    QueueKind.RANDOM: N_("Random sample"),
}

EXPLANATIONS: dict[QueueKind, str] = {
    QueueKind.TAIL_FIRST: N_(
        "Asks where an answer helps rare classes most, and does not show look-alikes in a row."
    ),
    QueueKind.UNCERTAIN: N_("Asks where the model is closest to changing its mind."),
    QueueKind.DISAGREEMENTS: N_(
        "Shows annotations that the model firmly contradicts: often they are slips."
    ),
    QueueKind.MORE_LIKE: N_(
        "Looks for more of one class: unanswered photos that look most like its examples."
    ),
    QueueKind.CLASS_SWEEP: N_("Goes through one class, most likely photos first: yes or no."),
    QueueKind.RANDOM: N_(
        "Photos drawn by chance, to be answered completely: the honest way to measure the model."
    ),
}


@dataclass(frozen=True)
class QueueRequest:
    """What to ask about.

    Attributes:
        kind: how questions are chosen.
        class_id: ask about this class only; needed by the kinds in ``NEEDS_CLASS``, and of no
            consequence for a random sample.
        image_ids: only among these images; None for all.
        length: questions at most.
        seed: of whatever is left to chance.

    Raises:
        ValueError: where a class is needed and none is given, or the length is negative.
    """

    kind: QueueKind
    class_id: int | None = None
    image_ids: tuple[int, ...] | None = None
    length: int = DEFAULT_LENGTH
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind in NEEDS_CLASS and self.class_id is None:
            raise ValueError(f"a queue of the kind {self.kind} needs a class")
        if self.length < 0:
            raise ValueError(f"a queue cannot have {self.length} questions")


@dataclass(frozen=True)
class QueueItem:
    """One question.

    Attributes:
        image_id: the image to show.
        class_id: the class to ask about; None for all classes of the image.
        value: what it was chosen by, higher is more urgent; comparable within a queue only.
        reason: why it is asked, a short sentence in the user's language.
    """

    image_id: int
    class_id: int | None
    value: float
    reason: str


@dataclass(frozen=True, eq=False)
class Queue:
    """Questions in the order to ask them; no question twice.

    Attributes:
        request: what it answers.
        items: at most ``request.length`` questions.
        possible: how many questions there were to choose from.
        note: why there is nothing to ask, a sentence in the user's language; "" otherwise.
    """

    request: QueueRequest
    items: tuple[QueueItem, ...]
    possible: int
    note: str = ""


class NamedClass(Protocol):
    """A class of the vocabulary."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


class QueueArrays(Protocol):
    """What queues look at: N images, C classes (see ``engine.views.Snapshot``)."""

    @property
    def image_ids(self) -> NDArray[np.int64]:
        """(N,) rising."""
        ...

    @property
    def classes(self) -> Sequence[NamedClass]: ...
    @property
    def states(self) -> NDArray[np.int8]:
        """(N,) 0 where the file can be read."""
        ...

    @property
    def scores(self) -> NDArray[np.float32]:
        """(N, C) in [0, 1], NaN where there is none."""
        ...

    @property
    def thresholds(self) -> NDArray[np.float32]: ...
    @property
    def annotations(self) -> NDArray[np.int8]:
        """(N, C) 1 present, 0 absent, -1 unknown."""
        ...

    @property
    def reviewed(self) -> NDArray[np.bool_]: ...
    @property
    def bands(self) -> ClassBands: ...
