"""The table of review queues: one row per kind, read by everything that lists them.

A new kind is a module with a builder and a row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Self

from lmpt_desktop.inference.queues.measurable import measurable
from lmpt_desktop.inference.queues.merged import merged_conflicts
from lmpt_desktop.inference.queues.one_class import class_sweep, more_like
from lmpt_desktop.inference.queues.questions import Choice, QueueInputs
from lmpt_desktop.inference.queues.random_sample import random_sample
from lmpt_desktop.inference.queues.tail_first import tail_first
from lmpt_desktop.inference.queues.uncertainty import disagreements, uncertain
from lmpt_desktop.translation import N_


@dataclass(frozen=True)
class QueueRow:
    """What there is to know of a kind of queue.

    Attributes:
        key: its name in settings and widgets.
        label, tip: what the user reads; English, to be translated where shown.
        build: chooses the questions.
        follow_up: key of the kind to suggest when the queue is done.
        nothing_text: what the user reads where there is nothing to ask; "" for a general text.
        offered: suggested where another queue has nothing to ask.
        needs_class: the queue asks about one class, which the request must name.
        whole_photos: a question is about all classes of a photo.
        asks_held_out: it also asks about images held out from training.  An answer about a
            held-out image teaches the model nothing, and one that the model has chosen makes
            the image a biased judge of it.  A random sample is not chosen by the model, and a
            wrong annotation is to be found wherever it is.
        measures: photos that it asks about are held out once they are answered.
        one_of_a_stack: it asks about one photo of a stack only, until nothing else is left to ask.
            A kind that measures, or looks for mistakes, leaves nobody out.
        by_version: it goes by what the version in use predicts by itself: after instant learning
            predictions agree with the annotations that they were taught.
        between_libraries: it asks about conflicts with libraries that were merged into this one.
    """

    key: str
    label: str
    tip: str
    build: Callable[[QueueInputs], Choice]
    follow_up: str = "tail-first"
    nothing_text: str = ""
    offered: bool = False
    needs_class: bool = False
    whole_photos: bool = False
    asks_held_out: bool = False
    measures: bool = False
    one_of_a_stack: bool = False
    by_version: bool = False
    between_libraries: bool = False


class QueueKind(Enum):
    """How the questions of a queue are chosen; ``QueueKind("tail-first")`` finds one by key.

    V107 is vulture's: most rows are only ever listed, never named.
    """

    _value_: str
    row: QueueRow

    def __new__(cls, row: QueueRow) -> Self:
        member = object.__new__(cls)
        member._value_ = row.key
        member.row = row
        return member

    TAIL_FIRST = QueueRow(
        "tail-first",
        N_("Rare first"),
        N_("Asks where an answer helps rare classes most, without showing look-alikes in a row."),
        tail_first,
        one_of_a_stack=True,
        follow_up="uncertain",
        offered=True,
    )
    UNCERTAIN = QueueRow(  # noqa: V107
        "uncertain",
        N_("Uncertain"),
        N_("Asks where the model is least certain."),
        uncertain,
        one_of_a_stack=True,
        follow_up="disagreements",
        offered=True,
    )
    DISAGREEMENTS = QueueRow(  # noqa: V107
        "disagreements",
        N_("Disagreements"),
        N_("Shows annotations that the model firmly contradicts; many of them are mistakes."),
        disagreements,
        nothing_text=N_("The model firmly contradicts none of the annotations."),
        asks_held_out=True,
        by_version=True,
    )
    MORE_LIKE = QueueRow(  # noqa: V107
        "more-like-this",
        N_("More like its examples"),
        N_("Finds more of one class: unanswered photos that are most similar to its examples."),
        more_like,
        one_of_a_stack=True,
        follow_up="class-sweep",
        needs_class=True,
    )
    CLASS_SWEEP = QueueRow(  # noqa: V107
        "class-sweep",
        N_("Class sweep"),
        N_("Goes through one class, most likely photos first: yes or no."),
        class_sweep,
        one_of_a_stack=True,
        needs_class=True,
    )
    RANDOM = QueueRow(  # noqa: V107
        "random",
        N_("Random sample"),
        N_(
            "Photos drawn at random, to be answered completely: the unbiased way to measure the "
            "model."
        ),
        random_sample,
        offered=True,
        whole_photos=True,
        asks_held_out=True,
    )
    MEASURABLE = QueueRow(
        "measurable",
        N_("Make it measurable"),
        N_(
            "Asks for the few answers that are missing to measure further classes. These photos "
            "are kept for measuring: no retraining learns from them."
        ),
        measurable,
        nothing_text=N_(
            "A few answers would make no further class measurable. Annotate more photos, or go "
            "through one class with Class sweep."
        ),
        asks_held_out=True,
        measures=True,
        by_version=True,
    )
    CONFLICTS = QueueRow(
        "conflicts",
        N_("Conflicts"),
        N_("Shows where a library that was merged into this one says the opposite."),
        merged_conflicts,
        nothing_text=N_("No conflict with a merged library is left to decide."),
        asks_held_out=True,
        between_libraries=True,
    )

    @property
    def label(self) -> str:
        return self.row.label

    @property
    def tip(self) -> str:
        return self.row.tip

    @property
    def needs_class(self) -> bool:
        return self.row.needs_class

    @property
    def follow_up(self) -> QueueKind:
        return QueueKind(self.row.follow_up)
