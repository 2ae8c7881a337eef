"""The classes of the selected images, summed up as arrays (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.class_order import shown_order
from lmpt_desktop.domain.predictions import assigned_classes, corrected_classes, predicted_classes
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.confirmation import confirmation


class Show(StrEnum):
    """Which classes the list holds."""

    ALL = "all"
    PREDICTED_OR_PRESENT = "predicted-or-present"
    UNKNOWN = "unknown"
    ANNOTATED = "annotated"
    TAIL = "tail"


@dataclass(frozen=True, eq=False)
class Summary:
    """The classes of n selected images, in the vocabulary's order (C columns).

    Attributes:
        snapshot: what was summed up.
        images: n.
        scores: (C,) float32, mean over the images that have a score; NaN where none has.
        thresholds: (C,) float32.
        predicted, assigned, present, absent: (C,) int64, in how many of the n images.
        open: (C,) int64, in how many it is predicted and has no verdict.
        corrected: (C,) int64, in how many the annotation contradicts the prediction.
        bands: of the library.
        reviewed: how many of the images are reviewed.
        confirmed_present, confirmed_absent: how many verdicts confirming the images adds.
        without_predictions: how many of the images cannot be confirmed yet.
        not_ok: how many of the images are missing or unreadable.
    """

    snapshot: Snapshot
    images: int
    scores: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    predicted: NDArray[np.int64]
    assigned: NDArray[np.int64]
    present: NDArray[np.int64]
    absent: NDArray[np.int64]
    open: NDArray[np.int64]
    corrected: NDArray[np.int64]
    bands: ClassBands
    reviewed: int
    confirmed_present: int
    confirmed_absent: int
    without_predictions: int
    not_ok: int

    def verdict(self, column: int) -> Verdict | None:
        """The verdict on a class, or None where the images differ."""
        for count, verdict in (
            (int(self.present[column]), Verdict.PRESENT),
            (int(self.absent[column]), Verdict.ABSENT),
            (self.unknown(column), Verdict.UNKNOWN),
        ):
            if count == self.images:
                return verdict
        return None

    def unknown(self, column: int) -> int:
        """How many images have no verdict on the class."""
        return self.images - int(self.present[column]) - int(self.absent[column])

    @property
    def unknown_cells(self) -> int:
        """How many verdicts the images lack."""
        annotated = int(self.present.sum()) + int(self.absent.sum())
        return self.images * len(self.present) - annotated

    @property
    def predictable(self) -> bool:
        """Whether any of the images has predictions or will get some."""
        return self.scored or self.not_ok < self.images

    @property
    def scored(self) -> bool:
        """Whether any class has a score."""
        return not bool(np.isnan(self.scores).all())


def summarise(snapshot: Snapshot, image_ids: Sequence[int] | NDArray[np.int64]) -> Summary:
    """Sum up the rows of ``image_ids``; ids that the snapshot lacks are ignored."""
    rows = snapshot.rows(image_ids)
    rows = rows[rows >= 0]
    scores, annotations = snapshot.scores[rows], snapshot.annotations[rows]
    scored = ~np.isnan(scores)
    predicted = predicted_classes(scores, snapshot.thresholds)
    counts = scored.sum(axis=0)
    totals = np.where(scored, scores, np.float32(0)).sum(axis=0, dtype=np.float32)
    means = np.full(scores.shape[1], np.nan, dtype=np.float32)
    np.divide(totals, counts, out=means, where=counts > 0)
    present, absent = annotations == Verdict.PRESENT, annotations == Verdict.ABSENT
    corrected = corrected_classes(annotations, scores, snapshot.thresholds)
    confirmed = confirmation(snapshot, snapshot.image_ids[rows])
    return Summary(
        snapshot=snapshot,
        images=len(rows),
        scores=means,
        thresholds=snapshot.thresholds,
        predicted=predicted.sum(axis=0, dtype=np.int64),
        assigned=assigned_classes(annotations, predicted).sum(axis=0, dtype=np.int64),
        present=present.sum(axis=0, dtype=np.int64),
        absent=absent.sum(axis=0, dtype=np.int64),
        open=confirmed.present.sum(axis=0, dtype=np.int64),
        corrected=corrected.sum(axis=0, dtype=np.int64),
        bands=snapshot.bands,
        reviewed=int(snapshot.reviewed[rows].sum()),
        confirmed_present=int(np.count_nonzero(confirmed.present)),
        confirmed_absent=int(np.count_nonzero(confirmed.absent)),
        without_predictions=confirmed.without_predictions,
        not_ok=int(np.count_nonzero(snapshot.states[rows] != ImageState.OK)),
    )


def changed_columns(before: Summary, after: Summary) -> NDArray[np.bool_]:
    """(C,) which classes look different, of the same number of images and the same classes."""
    counted = ("thresholds", "predicted", "present", "absent", "open", "corrected")
    changed = np.array(before.bands.bands) != np.array(after.bands.bands)
    changed |= ~np.isclose(before.scores, after.scores, rtol=0, atol=0, equal_nan=True)
    for name in counted:
        changed |= getattr(before, name) != getattr(after, name)
    return changed


@dataclass(frozen=True)
class Sections:
    """The columns of each section, in the order shown.

    Attributes:
        present: annotated present in any of the images.
        absent: annotated absent in some, present in none, and nowhere suggested.
        suggested: not annotated present, and in any of the images predicted without a verdict, or
            asked for.
    """

    present: tuple[int, ...]
    absent: tuple[int, ...]
    suggested: tuple[int, ...]


def sections(summary: Summary, asked: Sequence[int] = ()) -> Sections:
    """What is shown above the list of all classes, in the order of the cards.

    Of several images a suggestion predicted in more of them comes first.

    Args:
        summary: of at least one image.
        asked: columns that come first, and are suggested even if they are not predicted.
    """
    annotations = np.full(len(summary.scores), -1, np.int8)
    predicted = summary.open > 0
    annotations[(summary.absent > 0) & ~predicted] = 0
    annotations[summary.present > 0] = 1
    scores = summary.scores
    if summary.images > 1:
        # The mean score only decides between classes predicted in equally many images.
        scores = summary.open + np.nan_to_num(scores, nan=0.0) / 2
    suggested = predicted.copy()
    suggested[list(asked)] = True
    suggested &= annotations < 0
    order = shown_order(annotations, scores.astype(np.float32), predicted, asked)

    def of(mask: NDArray[np.bool_]) -> tuple[int, ...]:
        return tuple(order[mask[order]].tolist())

    return Sections(of(annotations == 1), of(annotations == 0), of(suggested))


def ordered_columns(summary: Summary, show: Show = Show.ALL, find: str = "") -> NDArray[np.int64]:
    """Columns to list, highest score first: (m,) int64.

    Classes without a score follow in the vocabulary's order.  ``find`` keeps classes whose
    names or description hold every word of it, those whose name begins with it first.
    """
    by_score = np.where(np.isnan(summary.scores), -np.inf, summary.scores)
    order = np.argsort(-by_score, kind="stable").astype(np.int64)
    order = order[_shown(summary, show)[order]]
    requested = folded(find).split()
    if not requested:
        return order
    begins: list[int] = []
    holds: list[int] = []
    for column in order.tolist():
        entry = summary.snapshot.classes[column]
        text = folded(" ".join((entry.name, *entry.aliases, entry.description)))
        if all(word in text for word in requested):
            first = folded(entry.name).startswith(requested[0])
            (begins if first else holds).append(column)
    return np.array(begins + holds, dtype=np.int64)


def _shown(summary: Summary, show: Show) -> NDArray[np.bool_]:
    if show is Show.PREDICTED_OR_PRESENT:
        return summary.assigned > 0
    if show is Show.UNKNOWN:
        return summary.present + summary.absent < summary.images
    if show is Show.ANNOTATED:
        return summary.present + summary.absent > 0
    if show is Show.TAIL:
        return summary.bands.is_tail()
    return np.ones(len(summary.scores), dtype=np.bool_)
