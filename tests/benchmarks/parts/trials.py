"""The settings of accuracy.py: what is annotated, and which photos judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from parts.datasets import Board
from parts.simulated import SimulatedLibrary
from safetensors.numpy import load_file

from lmpt_desktop.inference.queues import QueueKind, QueueRequest
from trainer.arrays import write_arrays
from trainer.dataset import split_images
from trainer.job import ABSENT, HELD_OUT, PRESENT, UNASSIGNED, UNKNOWN

FOLDS = 5
LIBRARY = 2000
"""Photos of the library whose user answers questions, as in queues.py."""
QUESTIONS = 50
"""Asked at a time, as in queues.py."""
FEW_PHOTOS = 60

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trial:
    """One problem for every method.

    library: (N,) rows of the board's photos that are in the library.
    targets: (N, K) int8, what is annotated of them: 1, 0, and -1 for unknown.
    judges: (M,) rows of the board's photos that judge.
    """

    library: Rows
    targets: NDArray[np.int8]
    judges: Rows

    @property
    def key(self) -> str:
        """Hash of everything in it."""
        digest = blake2b(digest_size=8)
        for array in (self.library, self.targets, self.judges):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def save(self, file: Path) -> None:
        write_arrays({name: np.ascontiguousarray(item) for name, item in vars(self).items()}, file)

    @classmethod
    def load(cls, file: Path) -> Trial:
        return cls(**load_file(file))


@dataclass(frozen=True)
class Setting:
    """board: of :data:`parts.datasets.BOARDS`.

    make: a trial from board, seed, fold (0 where there are none), and whether photos of the
    training part judge instead of those kept for the final table.
    folds: trials of one seed, which together judge every photo once.
    """

    board: str
    make: Callable[[Board, int, int, bool], Trial]
    folds: int = 1


def truth(board: Board, rows: Rows) -> NDArray[np.int8]:
    """(n, K) int8, complete."""
    return np.where(board.present[rows], PRESENT, ABSENT).astype(np.int8)


# ------------------------------------------------------------- which photos are annotated


def everything(targets: NDArray[np.int8], seed: int) -> NDArray[np.int8]:
    return targets


def tenth_of_images(targets: NDArray[np.int8], seed: int) -> NDArray[np.int8]:
    return some_images(targets, seed, count=len(targets) // 10)


def some_images(targets: NDArray[np.int8], seed: int, *, count: int) -> NDArray[np.int8]:
    """``count`` images completely, all others unknown."""
    kept = np.random.default_rng(seed).permutation(len(targets))[:count]
    known = np.full_like(targets, UNKNOWN)
    known[kept] = targets[kept]
    return known


def tenth_of_entries(targets: NDArray[np.int8], seed: int) -> NDArray[np.int8]:
    """A tenth of the single annotations."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(targets.shape) < 0.1, targets, UNKNOWN).astype(np.int8)


# ----------------------------------------------------------------------------- Corel5k


def corel_parts(board: Board, seed: int, validation: bool) -> tuple[Rows, Rows]:
    """Rows of library and judges: the published parts, or a fifth of the training part as judges
    (another fifth for each seed)."""
    train = np.flatnonzero(board.train)
    if not validation:
        return train, np.flatnonzero(~board.train)
    shuffled = np.random.default_rng([seed, 1]).permutation(train)
    fifth = len(train) // 5
    return np.sort(shuffled[fifth:]), np.sort(shuffled[:fifth])


def corel(
    board: Board,
    seed: int,
    fold: int,
    validation: bool,
    *,
    annotate: Callable[[NDArray[np.int8], int], NDArray[np.int8]],
) -> Trial:
    library, judges = corel_parts(board, seed, validation)
    return Trial(library, annotate(truth(board, library), seed), judges)


def answers(board: Board, seed: int, fold: int, validation: bool, *, count: int) -> Trial:
    """``count`` single answers of a user who works down the tail-first queue of a library of
    :data:`LIBRARY` images (others for each seed), predicted zero-shot throughout.
    """
    rest, judges = corel_parts(board, seed, validation)
    rows = np.sort(np.random.default_rng([seed, 2]).permutation(rest)[:LIBRARY])
    library = SimulatedLibrary(
        board.names,
        board.features[rows],
        board.present[rows],
        board.zero_shot,
        SimpleNamespace(scale=board.scale, frequency_bias=board.bias, name_frequency=None),
        options={},
        seed=seed,
    )
    while library.verdicts < count:
        request = QueueRequest(QueueKind.TAIL_FIRST, length=min(QUESTIONS, count))
        asked = [library.question(item) for item in library.queue(request).items]
        if not library.answer(asked[: count - library.verdicts]):
            raise RuntimeError("the queue has nothing left to ask")
    return Trial(rows, library.snapshot.annotations.astype(np.int8), judges)


# -------------------------------------------------------------------------------- COCO


def folds(present: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """(N,) fold of every photo, 0 to :data:`FOLDS` - 1, stratified by :func:`split_images`: each
    fold is split off what the folds before it left.  A class with fewer photos than folds is in
    as many as it can be.
    """
    targets = np.where(present, PRESENT, ABSENT).astype(np.int8)
    made = np.full(len(present), FOLDS - 1)
    left = np.arange(len(present))
    for fold in range(FOLDS - 1):
        unassigned = np.full(len(left), UNASSIGNED, np.int8)
        split = split_images(
            targets[left], unassigned, fraction=1 / (FOLDS - fold), seed=seed * FOLDS + fold
        )
        made[left[split == HELD_OUT]] = fold
        left = left[split != HELD_OUT]
    return made


def coco(
    board: Board,
    seed: int,
    fold: int,
    validation: bool,
    *,
    annotate: Callable[[NDArray[np.int8], int], NDArray[np.int8]],
) -> Trial:
    """One fold judges.  For validation a fifth of the other folds' photos does, and the fold itself
    is left out; every photo is then in some other trial's training part, as there are only 204.
    """
    own = folds(board.present, seed) == fold
    library, judges = np.flatnonzero(~own), np.flatnonzero(own)
    if validation:
        targets = truth(board, library)
        unassigned = np.full(len(library), UNASSIGNED, np.int8)
        split = split_images(targets, unassigned, fraction=0.2, seed=1000 + seed * FOLDS + fold)
        library, judges = library[split != HELD_OUT], library[split == HELD_OUT]
    known = annotate(truth(board, library), seed * FOLDS + fold)
    return Trial(library, known, judges)


SETTINGS: dict[str, Setting] = {
    "full": Setting("corel", partial(corel, annotate=everything)),
    "tenth": Setting("corel", partial(corel, annotate=tenth_of_images)),
    "tenth-entries": Setting("corel", partial(corel, annotate=tenth_of_entries)),
    "answers-100": Setting("corel", partial(answers, count=100)),
    "answers-300": Setting("corel", partial(answers, count=300)),
    "answers-1000": Setting("corel", partial(answers, count=1000)),
    "coco": Setting("coco", partial(coco, annotate=everything), FOLDS),
    "coco-60": Setting(
        "coco", partial(coco, annotate=partial(some_images, count=FEW_PHOTOS)), FOLDS
    ),
}
"""By the name that ``--settings`` takes.  To add one, write a function and add a row."""
