"""Which classes two photos have in common, and which one of them alone (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmpt_desktop.domain.class_order import shown_order
from lmpt_desktop.domain.predictions import assigned_classes
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.translation import decimal
from trainer.printable import isolated


@dataclass(frozen=True)
class DifferingClasses:
    """Names of assigned classes, in the order of cards; predictions have their score.

    ``alone`` are those of the first and those of the second photo only.
    """

    alone: tuple[tuple[str, ...], tuple[str, ...]]
    shared: tuple[str, ...]


def differing_classes(snapshot: Snapshot, rows: tuple[int, int]) -> DifferingClasses:
    """Compare the images in two ``rows`` of the snapshot; reads nothing but these.

    Raises:
        IndexError: if there is no such row.
    """
    at = np.array(rows)
    annotations, scores = snapshot.annotations[at], snapshot.scores[at]
    predicted = scores >= snapshot.thresholds
    assigned = assigned_classes(annotations, predicted)

    def names(image: int, chosen: np.ndarray, *, scored: bool) -> tuple[str, ...]:
        order = shown_order(annotations[image], scores[image], predicted[image])
        return tuple(
            snapshot.classes[column].name
            if not scored or annotations[image, column] == 1
            else f"{isolated(snapshot.classes[column].name)}\u00a0"
            f"{decimal(float(scores[image, column]), 2)}"
            for column in order[chosen[order]].tolist()
        )

    both = assigned[0] & assigned[1]
    return DifferingClasses(
        (
            names(0, assigned[0] & ~both, scored=True),
            names(1, assigned[1] & ~both, scored=True),
        ),
        names(0, both, scored=False),
    )
