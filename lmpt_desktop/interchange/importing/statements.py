"""What a file says about the photos of a library, cell by cell, each of them once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.interchange.importing.distinct import distinct
from lmpt_desktop.interchange.importing.survey import ORIGINS, SOURCES, Survey
from lmpt_desktop.interchange.record import NotListed, Origin

UNMAPPED = -2
"""In place of a verdict: what the value says is not known."""
_MACHINE = ORIGINS.index(Origin.MACHINE)
_REVIEWED, _IMPORT, _FROM_MACHINE = map(
    SOURCES.index, (Source.REVIEWED, Source.IMPORT, Source.MACHINE)
)


@dataclass(frozen=True, eq=False)
class Statements:
    """P photos, K classes; a cell is the number ``photo * K + class``, u of them are stated.

    Attributes:
        cells: (u,) int64, ascending.
        verdicts: (u,) int8, present or absent.
        sources: (u,) int8, numbers in :data:`~.survey.SOURCES`.
        unlisted: (P, K) bool, absent because the file does not list them; None if that says
            nothing.
        partly_read: photos of which nothing is absent because it is not listed, since a part of
            what the file says about them could not be read.
        contradictory: cells about which the file contradicts itself; they are not in ``cells``.
        machine_left_out: cells of which only a machine said something that does not count.
        unmapped: cells of which only values without a verdict are there.
    """

    cells: NDArray[np.int64]
    verdicts: NDArray[np.int8]
    sources: NDArray[np.int8]
    unlisted: NDArray[np.bool_] | None
    partly_read: int
    contradictory: int
    machine_left_out: int
    unmapped: int


def value_verdicts(survey: Survey, chosen: Mapping[str, Verdict]) -> tuple[Verdict | None, ...]:
    """What each value of a file says: as the user chose, else as usual; None if not known."""
    return tuple(
        chosen.get(value, usual)
        for value, usual in zip(survey.values, survey.usual_verdicts, strict=True)
    )


def read_statements(
    survey: Survey,
    photo_of: NDArray[np.int64],
    class_of: NDArray[np.int32],
    shape: tuple[int, int],
    *,
    values: tuple[Verdict | None, ...],
    machine_threshold: float | None,
    not_listed: NotListed,
) -> Statements:
    """What a file says once its photos, classes and values are known.

    A person's word outweighs a machine's; a machine counts if its score reaches the threshold, or
    if there is no score and every score would do.  An annotation of our own format is no
    machine's word: it was imported before.  A class that is stated in any way is listed, also
    where it says nothing in the end.  A photo of which only machines said something lists nothing:
    nobody has judged the rest.  Nor does a photo of which only a part could be read.

    Args:
        survey: the file.
        photo_of: (R,) the photo of each image of the file; -1 without one.
        class_of: (names,) the class of each class name; -1 if it is not imported.
        shape: P and K.
        values: the verdict of each value.
        machine_threshold: None: machines do not count.
        not_listed: what it means that a class is not listed.
    """
    count, width = shape
    photo = photo_of[survey.cell_images]
    klass = class_of[survey.cell_classes]
    table = np.array([UNMAPPED if v is None else int(v) for v in values], np.int8)
    verdict = table[survey.cell_values]
    machine = (survey.origins == _MACHINE) & (survey.sources < 0)
    left_out = machine & ~_reaches(survey.scores, machine_threshold)
    inside = (photo >= 0) & (klass >= 0)
    cell = photo * width + klass

    counts = inside & ~left_out & (verdict >= 0)
    cells, place = np.unique(cell[counts], return_inverse=True)
    said, by_machine = verdict[counts], machine[counts]
    # Columns: a person says absent, present; a machine says absent, present.
    found = np.zeros((len(cells), 4), np.bool_)
    found[place, said + 2 * by_machine] = True
    by_person = found[:, 0] | found[:, 1]
    pair = np.where(by_person[:, None], found[:, :2], found[:, 2:])
    verdicts = pair[:, 1].astype(np.int8)
    certain = ~pair.all(axis=1)
    decides = (by_machine != by_person[place]) & (said == verdicts[place])
    sources = np.zeros(len(cells), np.int8)
    # Backwards, so that the first of several counts.
    given = _sources(survey.sources[counts], by_machine, said)
    sources[place[decides][::-1]] = given[decides][::-1]

    unlisted, partly_read = None, np.empty(0, np.int64)
    if not_listed is not NotListed.UNKNOWN:
        partly_read = np.unique(photo_of[survey.partly_read & (photo_of >= 0)])
        unlisted = np.zeros(shape, np.bool_)
        unlisted[:, _meant(survey, class_of, width, not_listed)] = True
        unlisted[_by_machines_only(survey, photo, machine, count)] = False
        unlisted[partly_read] = False
        unlisted.reshape(-1)[cell[inside]] = False

    def only(rows: NDArray[np.bool_]) -> int:
        found = distinct(cell[rows])
        return int((~np.isin(found, cells, assume_unique=True)).sum())

    return Statements(
        cells=cells[certain],
        verdicts=verdicts[certain],
        sources=sources[certain],
        unlisted=unlisted,
        partly_read=len(partly_read),
        contradictory=int(len(cells) - certain.sum()),
        machine_left_out=only(inside & left_out & (verdict != Verdict.UNKNOWN)),
        unmapped=only(inside & ~left_out & (verdict == UNMAPPED)),
    )


def _reaches(scores: NDArray[np.float32], threshold: float | None) -> NDArray[np.bool_]:
    if threshold is None:
        return np.zeros(len(scores), np.bool_)
    # As float32, as scores are: 0.7 reaches 0.7.
    return np.where(np.isnan(scores), threshold <= 0, scores >= np.float32(threshold))


def _sources(
    own: NDArray[np.int8], by_machine: NDArray[np.bool_], verdicts: NDArray[np.int8]
) -> NDArray[np.int8]:
    result = np.where(own >= 0, own, np.where(by_machine, _FROM_MACHINE, _IMPORT)).astype(np.int8)
    # A review declares classes absent only.
    result[(result == _REVIEWED) & (verdicts == Verdict.PRESENT)] = _IMPORT
    return result


def _meant(
    survey: Survey, class_of: NDArray[np.int32], width: int, not_listed: NotListed
) -> NDArray[np.bool_]:
    """(K,) bool: the classes that are absent where they are not listed."""
    classes = class_of
    if not_listed is NotListed.ABSENT_IN_FILE:
        classes = class_of[np.unique(survey.cell_classes)]
    result = np.zeros(width, np.bool_)
    result[classes[classes >= 0]] = True
    return result


def _by_machines_only(
    survey: Survey, photo: NDArray[np.int64], machine: NDArray[np.bool_], count: int
) -> NDArray[np.bool_]:
    """(P,) bool."""
    result = np.zeros(count, np.bool_)
    result[photo[machine & (photo >= 0)]] = True
    result[photo[~machine & (photo >= 0)]] = False
    return result
