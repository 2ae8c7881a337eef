"""From a request to a queue."""

from __future__ import annotations

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.conflicts import StoredConflicts
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.queues.features import Features
from lmpt_desktop.inference.queues.kinds import QueueKind, QueueRow
from lmpt_desktop.inference.queues.questions import Choice, QueueInputs, QueueItem
from lmpt_desktop.inference.queues.spacing import one_of_each, spaced
from lmpt_desktop.translation import _

DEFAULT_LENGTH = 200
"""Questions in a queue: some minutes of work, after which a retraining makes better ones."""
ROUNDS = 4
"""How often others are chosen in the place of photos whose stack is asked about already."""


@dataclass(frozen=True)
class QueueRequest:
    """What to ask about.

    Attributes:
        kind: how questions are chosen.
        class_id: ask about this class only; required by kinds that need a class, ignored by a
            random sample.
        image_ids: only among these images; None for all.
        length: questions at most.
        seed: of the random choices.

    Raises:
        ValueError: if a class is needed and none is given, or the length is negative.
    """

    kind: QueueKind
    class_id: int | None = None
    image_ids: tuple[int, ...] | None = None
    length: int = DEFAULT_LENGTH
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind.needs_class and self.class_id is None:
            raise ValueError(f"a queue of the kind {self.kind.value} needs a class")
        if self.length < 0:
            raise ValueError(f"a queue cannot have {self.length} questions")


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


def build_queue(
    snapshot: Snapshot,
    request: QueueRequest,
    features: Features | None = None,
    held_out: AbstractSet[int] = frozenset(),
    *,
    learned: AbstractSet[int] = frozenset(),
    rival_scores: NDArray[np.float32] | None = None,
    stacks: NDArray[np.int64] | None = None,
    conflicts: StoredConflicts | None = None,
) -> Queue:
    """Choose the questions.

    Photos of one stack never follow each other while there is another question.

    Args:
        snapshot: the library.
        request: what to ask about.
        features: of the library's images; without them the questions are not varied by look,
            and nothing is like anything else.
        held_out: ids of images that no training learns from.
        learned, rival_scores: for kinds that measure: ids of images that some version was
            trained on, and the (N, C) scores of one that waits to be compared.
        stacks: (N,) int64, the number of each image's stack, -1 for none; None for no stacks.
        conflicts: with merged libraries, for kinds that ask about them.
    """
    row = request.kind.row
    inputs = QueueInputs(
        snapshot,
        _readable_rows(snapshot, request, frozenset() if row.asks_held_out else held_out),
        _columns(snapshot, request),
        request.length,
        request.seed,
        Features.none() if features is None else features,
        _rows_of(snapshot, held_out) if row.measures else _rows_of(snapshot, ()),
        _rows_of(snapshot, learned),
        rival_scores,
        StoredConflicts.none() if conflicts is None else conflicts,
    )
    choice = _without_siblings(inputs, row, stacks)
    if not choice.possible and not choice.note:
        choice = replace(choice, note=_nothing_to_ask(snapshot, request))
    return Queue(request, choice.items, choice.possible, choice.note)


def _without_siblings(
    inputs: QueueInputs, row: QueueRow, stacks: NDArray[np.int64] | None
) -> Choice:
    """What the kind chooses, without photos whose stack is asked about already as far as there are
    others, and the rest of them apart."""
    choice = row.build(inputs)
    if stacks is None or not (stacks >= 0).any():
        return choice
    row_of = inputs.snapshot.row_of

    def stack_of(image_id: int) -> int:
        return int(stacks[row_of[image_id]])

    items = choice.items
    if row.one_of_a_stack:
        items = _one_of_each_stack(inputs, row, stacks, items, stack_of)
    return replace(choice, items=tuple(spaced(items, _photo_of, stack_of)))


def _one_of_each_stack(
    inputs: QueueInputs,
    row: QueueRow,
    stacks: NDArray[np.int64],
    items: tuple[QueueItem, ...],
    stack_of: Callable[[int], int],
) -> tuple[QueueItem, ...]:
    """The questions without further photos of a stack, others in their place; where there are too
    few others, these follow."""
    first, rows = items, inputs.rows
    for _round in range(ROUNDS):
        kept = one_of_each(items, _photo_of, stack_of)
        if len(kept) == len(items):
            break
        asked = inputs.snapshot.rows([item.image_id for item in kept])
        siblings = np.isin(stacks[rows], stacks[asked][stacks[asked] >= 0])
        rows = rows[~siblings | np.isin(rows, asked)]
        items = row.build(replace(inputs, rows=rows)).items
    kept = one_of_each(items, _photo_of, stack_of)
    known = {(item.image_id, item.class_id) for item in kept}
    more = [item for item in first if (item.image_id, item.class_id) not in known]
    return (*kept, *more)[: inputs.length]


def _photo_of(item: QueueItem) -> int:
    return item.image_id


def _readable_rows(
    snapshot: Snapshot, request: QueueRequest, excluded: AbstractSet[int]
) -> NDArray[np.int64]:
    """Rows of the images of the request whose file can be read, without those ``excluded``."""
    requested = snapshot.states == ImageState.OK
    if request.image_ids is not None:
        requested &= np.isin(snapshot.image_ids, np.array(request.image_ids, np.int64))
    if excluded:
        requested &= ~np.isin(snapshot.image_ids, np.fromiter(excluded, np.int64, len(excluded)))
    return np.flatnonzero(requested)


def _rows_of(snapshot: Snapshot, image_ids: Collection[int]) -> NDArray[np.int64]:
    """Rows of those of the images that are shown."""
    rows = snapshot.rows(np.fromiter(image_ids, np.int64, len(image_ids)))
    return rows[rows >= 0]


def _columns(snapshot: Snapshot, request: QueueRequest) -> NDArray[np.int64]:
    """Columns of the classes of the request; none if its class is not in the vocabulary."""
    if request.class_id is None:
        return np.arange(len(snapshot.classes), dtype=np.int64)
    return np.flatnonzero(snapshot.class_ids == request.class_id)


def _nothing_to_ask(snapshot: Snapshot, request: QueueRequest) -> str:
    if not len(snapshot.classes):
        return _("The vocabulary is empty. Add classes first.")
    if request.class_id is not None and request.class_id not in snapshot.column_of:
        return _("This class is no longer in the vocabulary.")
    if request.kind.row.nothing_text:
        return _(request.kind.row.nothing_text)
    if not snapshot.scored.any():
        return _("These photos have not been encoded yet. Wait a moment.")
    return _("All questions here are answered.")
