"""The image under review: its facts, and the class the verdict keys apply to (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.predictions import has_scores, predicted_classes
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.ui.inspector.image_facts import (
    ClassFacts,
    ImageFacts,
    class_facts,
    image_facts,
)
from lmpt_desktop.ui.review.question_list import Question

NUMBERED = 9
"""Classes with a number key."""
MOST_LISTED = 30


class CurrentImage:
    """While an image is shown its classes keep their places, and so their number keys."""

    def __init__(self) -> None:
        self.image: ImageFacts | None = None
        self.asked: ClassFacts | None = None
        """The class the question is about, which is not among :attr:`classes`."""
        self.classes: tuple[ClassFacts, ...] = ()
        """The classes listed, in their order."""
        self.marked: int | None = None
        """The class the verdict keys apply to instead of the question's."""
        self.to_confirm: int | None = None
        """How many classes a confirmation makes present; None if the image is not encoded yet."""
        self._predicted: frozenset[int] = frozenset()
        self._question: Question | None = None
        self._order: tuple[int, ...] = ()

    def show(self, snapshot: Snapshot, question: Question, bands: ClassBands | None) -> bool:
        """Take the facts of another question; False if its image has left the library.

        ``bands`` may be of an earlier snapshot: computing them reads the whole library.
        """
        if not self._read(snapshot, question, bands, keep=()):
            return False
        self._question = question
        self._order = tuple(item.class_id for item in self.classes)
        self.marked = self._first_unknown() if question.class_id is None else None
        return True

    def refresh(self, snapshot: Snapshot, bands: ClassBands | None) -> None:
        """Take the present verdicts and scores of the same image and classes."""
        if self._question is None:
            return
        self._read(snapshot, self._question, bands, keep=self._order)
        if self.marked is not None and self.marked not in snapshot.column_of:
            self.marked = self._first_unknown() if self._question.class_id is None else None

    def predicts_as(self, snapshot: Snapshot) -> bool:
        """Whether the same classes are predicted in the image as when it was looked at last."""
        row = snapshot.row_of.get(self.image.image_id) if self.image is not None else None
        return row is not None and _predicted_in(snapshot, row) == self._predicted

    @property
    def subject(self) -> int | None:
        """The class that P, A and U apply to."""
        if self.marked is not None or self._question is None:
            return self.marked
        return self._question.class_id

    def facts_of(self, class_id: int) -> ClassFacts | None:
        """The facts of a class that is shown."""
        shown = (*self.classes, self.asked)
        return next((item for item in shown if item and item.class_id == class_id), None)

    def add(self, class_id: int) -> None:
        """List a class that was found by its name, from the next refresh on."""
        if class_id not in self._order:
            self._order = (*self._order, class_id)

    def mark_next(self, class_id: int) -> None:
        """After a verdict on ``class_id``, mark the next predicted class that is unknown."""
        ids = [item.class_id for item in self.classes]
        following = self.classes[ids.index(class_id) + 1 :] if class_id in ids else ()
        for item in following:
            if item.predicted and item.verdict is Verdict.UNKNOWN:
                self.marked = item.class_id
                return

    def _first_unknown(self) -> int | None:
        """The first class that is still unknown, else the first."""
        for item in self.classes:
            if item.verdict is Verdict.UNKNOWN:
                return item.class_id
        return self.classes[0].class_id if self.classes else None

    def _read(
        self,
        snapshot: Snapshot,
        question: Question,
        bands: ClassBands | None,
        keep: Sequence[int],
    ) -> bool:
        image = image_facts(snapshot, question.image_id)
        if image is None:
            return False
        row = snapshot.row_of[question.image_id]
        asked = -1
        if question.class_id is not None:
            asked = snapshot.column_of.get(question.class_id, -1)
        columns = _listed_columns(snapshot, row, asked, keep)
        self.image = image
        scores = snapshot.scores[row : row + 1]
        self.to_confirm = None
        if has_scores(scores)[0]:
            predicted = predicted_classes(scores[0], snapshot.thresholds)
            unknown = snapshot.annotations[row] == Verdict.UNKNOWN
            self.to_confirm = int(np.count_nonzero(predicted & unknown))
        self._predicted = _predicted_in(snapshot, row)
        self.asked = class_facts(snapshot, row, asked, bands) if asked >= 0 else None
        self.classes = tuple(class_facts(snapshot, row, column, bands) for column in columns)
        return True


def _predicted_in(snapshot: Snapshot, row: int) -> frozenset[int]:
    """The ids of the classes predicted in an image."""
    predicted = predicted_classes(snapshot.scores[row], snapshot.thresholds)
    return frozenset(snapshot.class_ids[predicted].tolist())


def _listed_columns(snapshot: Snapshot, row: int, asked: int, keep: Sequence[int]) -> list[int]:
    """The columns to list in addition to ``asked``.

    Those of the classes in ``keep`` stay in their order; without any, the best ones come first.
    Present classes follow.
    """
    if keep:
        columns = [snapshot.column_of[id_] for id_ in keep if id_ in snapshot.column_of]
    else:
        columns = _best_columns(snapshot, row)
    columns = [column for column in columns if column != asked]
    if not keep:
        columns = columns[:NUMBERED]
    listed = {*columns, asked}
    present = np.flatnonzero(snapshot.annotations[row] == Verdict.PRESENT)
    columns += [int(column) for column in present if int(column) not in listed]
    return columns[:MOST_LISTED]


def _best_columns(snapshot: Snapshot, row: int) -> list[int]:
    """The columns of what is predicted, by score, and then of other classes, by score: as many as
    there are number keys and one more, as one of them may be what is asked about.

    As each class has its own threshold, a class that is not predicted can have the higher score;
    what a confirmation would make present comes before it.
    """
    scores = np.nan_to_num(snapshot.scores[row], nan=-1.0)
    requested = min(NUMBERED + 1, len(scores))
    if not requested:
        return []
    ranks = scores + 2 * predicted_classes(snapshot.scores[row], snapshot.thresholds)
    best = np.argpartition(-ranks, requested - 1)[:requested]
    return best[np.argsort(-ranks[best], kind="stable")].tolist()
