"""Which class the verdict keys apply to in the grid (Qt-free)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.predictions import predicted_classes
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot

MOST_ROWS = 500
"""Of larger selections this number of images is looked at, spread evenly."""


def top_prediction(snapshot: Snapshot, image_ids: NDArray[np.int64]) -> int | None:
    """The class that a verdict on these images, (n,) ids, is most likely about: the one predicted
    in most of them, else the one with the highest mean score, among cells the user has not
    annotated.

    Where everything is annotated, annotated cells count too.  Ids that are not in the snapshot are
    ignored.  None if there is no score.
    """
    if len(image_ids) > MOST_ROWS:
        image_ids = image_ids[np.linspace(0, len(image_ids) - 1, MOST_ROWS).astype(np.int64)]
    rows = np.sort(snapshot.rows(image_ids))  # the mean depends on the order by a rounding error
    rows = rows[rows >= 0]
    if not len(rows) or not len(snapshot.classes) or snapshot.unscored:
        return None
    scores = snapshot.scores[rows]
    scored = ~np.isnan(scores)
    unknown = scored & (snapshot.annotations[rows] == Verdict.UNKNOWN)
    counted = unknown if unknown.any() else scored
    if not counted.any():
        return None
    predicted = (predicted_classes(scores, snapshot.thresholds) & counted).sum(axis=0)
    totals = np.where(counted, scores, np.float32(0)).sum(axis=0)
    numbers = counted.sum(axis=0)
    means = np.where(numbers > 0, totals / np.maximum(numbers, 1), -1.0)
    best = max(range(len(means)), key=lambda column: (predicted[column], means[column]))
    return snapshot.classes[best].id


class ClassInFocus:
    """The class that Present, Absent and Unknown apply to.

    It follows the selection's top prediction, unless the user goes to another class, which counts
    until other images are selected, or pins one, which counts until it is unpinned.  A filter by
    one class pins it while it is set.
    """

    def __init__(self) -> None:
        self._top: int | None = None
        self._chosen: int | None = None
        self._pin: int | None = None
        self._pinned_by_filter = False

    @property
    def class_id(self) -> int | None:
        """The class; None if nothing is predicted, pinned or chosen."""
        if self._chosen is not None:
            return self._chosen
        return self._top if self._pin is None else self._pin

    @property
    def pinned(self) -> bool:
        """Whether the class stays in focus when other images are selected."""
        return self._pin is not None and self._pin == self.class_id

    def select(self, snapshot: Snapshot, image_ids: NDArray[np.int64]) -> None:
        """Other images are selected."""
        self._chosen = None
        self._top = None if self._pin is not None else top_prediction(snapshot, image_ids)

    def update(self, snapshot: Snapshot, image_ids: NDArray[np.int64]) -> None:
        """The library has changed.  The class stays, so that the next key does what the last one
        did, unless it has left the vocabulary or there was none."""
        known = snapshot.column_of
        if self._pin is not None and self._pin not in known:
            self._pin = None
        if self._chosen is not None and self._chosen not in known:
            self._chosen = None
        if self._top is not None and self._top not in known:
            self._top = None
        if self.class_id is None:
            self._top = top_prediction(snapshot, image_ids)

    def choose(self, class_id: int | None) -> None:
        """The user went to a class; None: to none."""
        self._chosen = class_id

    def pin(self, class_id: int) -> None:
        """Keep this class in focus, whatever is selected."""
        self._pin, self._chosen, self._pinned_by_filter = class_id, None, False

    def unpin(self) -> None:
        """Follow the selection again, from the next one on."""
        if self._pin is not None:
            self._top, self._pin, self._pinned_by_filter = self._pin, None, False

    def filter_by(self, class_id: int | None) -> None:
        """The images shown are filtered by this one class; None: by none, or by several."""
        if class_id is not None:
            self.pin(class_id)
            self._pinned_by_filter = True
        elif self._pinned_by_filter:
            # Not kept until other images are selected: the class may be out of sight by now.
            self._pin, self._chosen, self._top = None, None, None
            self._pinned_by_filter = False
