"""The records of a library: what an export hands to a writer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.predictions import predicted_classes
from lmpt_desktop.domain.records import ImageState, Source, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.interchange.record import PREDICTION, ClassRecord, ImageRecord, Origin

BLOCK_ROWS = 4096
"""Images that are read from the catalogue together, at most."""
BLOCK_CELLS = 4_000_000
"""Scores that are looked at together, at most: 16 MB."""
SCORE_DIGITS = 4
OWN_THRESHOLDS: Final = "own"
"""Each class counts as predicted from its own threshold on."""

Predictions = float | Literal["own"] | None
"""The score from which predictions are exported, ``OWN_THRESHOLDS``, or None for no predictions."""


class PhotoFacts(NamedTuple):
    """What only the catalogue knows of an image; hashes as of
    :class:`~lmpt_desktop.domain.records.ScannedFile`."""

    fingerprint: str = ""
    file_hash: str = ""
    picture_hash: str = ""
    caption: str = ""
    raw_files: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ExportContent:
    """What of a library is exported.

    Attributes:
        snapshot: the library.
        folders: absolute paths of the library's folders, by id.
        rows: (n,) int64, the images; see :func:`ordered_rows`.
        columns: (k,) int64, the classes, ascending.
        predictions: which of them.
        absolute_paths: instead of paths that are relative to the folder.
        held_out: ids of images that no training learns from; empty if the library has none.
        facts_of: hashes, captions and raw files of images by id; reads the catalogue.
        sources_of: image ids and class ids -> (m, k) int8 as of :meth:`Annotations.sources`.
    """

    snapshot: Snapshot
    folders: Mapping[int, Path]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    predictions: Predictions
    absolute_paths: bool
    held_out: AbstractSet[int]
    facts_of: Callable[[NDArray[np.int64]], Mapping[int, PhotoFacts]]
    sources_of: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int8]]


def ordered_rows(
    snapshot: Snapshot, folders: Mapping[int, Path], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(n,) int64: ``rows`` by folder, then path; an image that is missing comes after the one that
    has taken its place."""
    texts = {folder_id: str(path) for folder_id, path in folders.items()}
    names, table = snapshot.names, snapshot.images
    folder_of = [texts.get(folder_id, "") for folder_id in table.folder_ids.tolist()]
    missing = (table.states == ImageState.MISSING).tolist()

    def key(row: int) -> tuple[str, str, bool, str]:
        return folder_of[row], names[row], missing[row], table.fingerprints[row]

    return np.array(sorted(rows.tolist(), key=key), np.int64)


def records_of(content: ExportContent) -> Iterator[ImageRecord]:
    """One record per image, read in blocks; classes in the order of the vocabulary.

    Annotations of a person have origin HUMAN, those that came from a machine MACHINE, and both
    their ``source``.  A prediction is present, MACHINE, with a score of ``SCORE_DIGITS`` decimal
    places and the source ``PREDICTION``; classes that are annotated are not predicted.
    """
    snapshot, columns = content.snapshot, content.columns
    names = [snapshot.classes[column].name for column in columns.tolist()]
    folders = {folder_id: str(path) for folder_id, path in content.folders.items()}
    state_keys = {int(state): state.key for state in ImageState}
    annotated = _annotated_records(names)
    table = snapshot.images
    step = max(1, min(BLOCK_ROWS, BLOCK_CELLS // max(1, len(columns))))
    for start in range(0, len(content.rows), step):
        rows = content.rows[start : start + step]
        ids = snapshot.image_ids[rows]
        verdicts = snapshot.annotations[rows[:, None], columns]
        sources = content.sources_of(ids, snapshot.class_ids[columns])
        facts = content.facts_of(ids)
        classes = [[] for _row in range(len(rows))]
        # By row, then column: the order of the vocabulary.
        known = np.nonzero(verdicts >= 0)
        # An annotation may have changed since the snapshot was taken; then it is the user's.
        kinds = np.where(sources[known] < 0, 0, sources[known])
        for row, column, verdict, kind in zip(
            *(part.tolist() for part in (*known, verdicts[known], kinds)), strict=True
        ):
            classes[row].append((column, annotated[column][verdict][kind]))
        for row, column, score in _predicted(content, rows, verdicts):
            classes[row].append((column, _prediction(names[column], score)))
        marked = snapshot.reviewed[rows].tolist()
        states = table.states[rows].tolist()
        shapes = zip(table.widths[rows].tolist(), table.heights[rows].tolist(), strict=True)
        places = [folders.get(folder_id, "") for folder_id in table.folder_ids[rows].tolist()]
        for i, (row, image_id, shape, folder) in enumerate(
            zip(rows.tolist(), ids.tolist(), shapes, places, strict=True)
        ):
            name = table.names[row]
            photo = facts.get(image_id, PhotoFacts())
            said = classes[i]
            if content.predictions is not None:
                said.sort(key=lambda item: item[0])
            yield ImageRecord(
                os.path.join(folder, name) if content.absolute_paths else name,  # noqa: PTH118
                tuple([item[1] for item in said]),
                0,
                folder,
                photo.fingerprint,
                photo.file_hash,
                photo.picture_hash,
                marked[i],
                state_keys[states[i]],
                _split(content.held_out, image_id),
                photo.caption,
                *shape,
                photo.raw_files,
            )


def _annotated_records(names: Sequence[str]) -> list[tuple[tuple[ClassRecord, ...], ...]]:
    """Records by column, verdict and source: made once, since there are few different ones."""
    origins = [
        (Origin.MACHINE if source is Source.MACHINE else Origin.HUMAN, source.value)
        for source in Source
    ]
    return [
        tuple(
            tuple(
                ClassRecord(name, verdict, origin=origin, source=source)
                for origin, source in origins
            )
            for verdict in (Verdict.ABSENT, Verdict.PRESENT)
        )
        for name in names
    ]


def _predicted(
    content: ExportContent, rows: NDArray[np.int64], verdicts: NDArray[np.int8]
) -> Iterator[tuple[int, int, float]]:
    """Row of the block, column and score of each prediction."""
    snapshot = content.snapshot
    if content.predictions is None or snapshot.unscored:
        return
    scores = snapshot.scores[rows[:, None], content.columns]
    thresholds = (
        snapshot.thresholds[content.columns]
        if content.predictions == OWN_THRESHOLDS
        else np.float32(content.predictions)
    )
    found = np.nonzero(predicted_classes(scores, np.asarray(thresholds)) & (verdicts < 0))
    values = scores[found]
    yield from zip(*(part.tolist() for part in (*found, values)), strict=True)


def _prediction(name: str, score: float) -> ClassRecord:
    return ClassRecord(
        name,
        Verdict.PRESENT,
        origin=Origin.MACHINE,
        score=round(score, SCORE_DIGITS),
        source=PREDICTION,
    )


def _split(held_out: AbstractSet[int], image_id: int) -> str:
    if not held_out:
        return ""
    return "test" if image_id in held_out else "train"
