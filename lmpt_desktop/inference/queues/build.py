"""From a request to a queue."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np

from lmpt_desktop.inference.queues.contract import (
    Queue,
    QueueArrays,
    QueueItem,
    QueueKind,
    QueueRequest,
)
from lmpt_desktop.inference.queues.doubt import disagreements, uncertain
from lmpt_desktop.inference.queues.entries import readable_rows
from lmpt_desktop.inference.queues.features import Features
from lmpt_desktop.inference.queues.one_class import class_sweep, more_like
from lmpt_desktop.inference.queues.sample import random_sample
from lmpt_desktop.inference.queues.tail import tail_first
from lmpt_desktop.translation import _

WITH_HELD_OUT = frozenset({QueueKind.RANDOM, QueueKind.DISAGREEMENTS})
"""Kinds that also ask about images held out from training.

An answer about a held-out image teaches the model nothing, and one that was chosen by the model
makes the image a biased judge of it.  A random sample is no choice of the model, and a slip is to
be found wherever it is.
"""


def build_queue(
    arrays: QueueArrays,
    request: QueueRequest,
    features: Features | None = None,
    held_out: AbstractSet[int] = frozenset(),
) -> Queue:
    """Choose the questions.

    Args:
        arrays: the library.
        request: what to ask about.
        features: of the library's images; without them there is no variety, and nothing is
            like anything else.
        held_out: ids of images that no training learns from.
    """
    features = Features.none() if features is None else features
    kind = request.kind
    without = None
    if kind not in WITH_HELD_OUT:
        without = np.fromiter(held_out, np.int64, len(held_out))
    rows = readable_rows(arrays, request, without)
    note = ""
    items: list[QueueItem]
    match kind:
        case QueueKind.TAIL_FIRST:
            items, possible = tail_first(arrays, request, rows, features)
        case QueueKind.UNCERTAIN:
            items, possible = uncertain(arrays, request, rows)
        case QueueKind.DISAGREEMENTS:
            items, possible = disagreements(arrays, request, rows)
        case QueueKind.MORE_LIKE:
            items, possible, note = more_like(arrays, request, rows, features)
        case QueueKind.CLASS_SWEEP:
            items, possible = class_sweep(arrays, request, rows)
        case QueueKind.RANDOM:
            items, possible = random_sample(arrays, request, rows)
    if not possible and not note:
        note = _nothing_to_ask(arrays, request)
    return Queue(request, tuple(items), possible, note)


def _nothing_to_ask(arrays: QueueArrays, request: QueueRequest) -> str:
    if not len(arrays.classes):
        return _("The vocabulary is empty. Add classes first.")
    if request.class_id is not None and all(item.id != request.class_id for item in arrays.classes):
        return _("This class is no longer in the vocabulary.")
    if request.kind is QueueKind.DISAGREEMENTS:
        return _("The model firmly contradicts none of the annotations.")
    if np.isnan(arrays.scores).all():
        return _("The model has not looked at these photos yet. Wait a moment.")
    return _("Everything that could be asked here is answered.")
