"""What is known of an image is given to another one as well; both have it then.

Verdicts and reviewed marks are written in a batch of the journal, so that it can be undone like any
other change.  The user's caption and the held-out side are given outside the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import journal
from lmpt_desktop.catalogue.journal import CLASS_COLUMNS
from lmpt_desktop.catalogue.store import THESE, as_json, now, rows
from lmpt_desktop.catalogue.user_data import HAS_USER_DATA
from lmpt_desktop.catalogue.verdicts import verdict_matrix
from lmpt_desktop.domain.records import Batch, Source

SHARED = "shared"
"""The ``action`` of a batch that gave verdicts to another file of the same photo."""
_INSERT = f"INSERT INTO journal ({CLASS_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Gift(NamedTuple):
    """``giver`` gives what it has to ``taker``, image ids."""

    giver: int
    taker: int
    since: int | None = None
    """Verdicts given later than this (microseconds since the epoch) replace the taker's own; None:
    none does."""


def share(connection: Connection, gifts: Iterable[Gift], label: str) -> list[Batch]:
    """Give what is known, within the caller's transaction.

    What the taker has already is kept, but for what ``since`` says; the giver loses nothing.

    Args:
        connection: of the transaction.
        gifts: in this order, where several are about one image.
        label: what the change is called in the undo menu.

    Returns:
        What really changed; several batches only where an image gives or takes more than once.
    """
    asked = list(gifts)
    found = rows(
        connection,
        f"SELECT i.id FROM images AS i WHERE i.id {THESE} AND {HAS_USER_DATA.format(image='i')}",
        (as_json(gift.giver for gift in asked),),
    )
    knowing = {row[0] for row in found}
    _share_the_rest(connection, asked)
    made: list[Batch] = []
    for turn in _turns(asked, knowing):
        batch = journal.begin(connection, now(), SHARED, label=label)
        done = journal.settle(connection, batch, _give(connection, batch, turn))
        if len(done):
            made.append(done)
        else:
            rows(connection, "DELETE FROM batches WHERE id = ?", (batch.id,))
    return made


def contradicting(connection: Connection, pairs: Sequence[tuple[int, int]]) -> list[bool]:
    """For each pair of images, whether a verdict of one contradicts one of the other."""
    classes = _class_ids(connection)
    first, second = (
        verdict_matrix(connection, unique, classes)[place]
        for unique, place in (
            np.unique(np.array([pair[side] for pair in pairs], np.int64), return_inverse=True)
            for side in (0, 1)
        )
    )
    return ((first >= 0) & (second >= 0) & (first != second)).any(axis=1).tolist()


def _turns(gifts: Sequence[Gift], knowing: set[int]) -> list[list[Gift]]:
    """Gifts that can be given at once, one list after the other: no image is in two of them.

    Whoever takes something may be able to give it later.
    """
    turns: list[list[Gift]] = []
    seen: dict[int, int] = {}
    knowing = set(knowing)
    for gift in gifts:
        if gift.giver not in knowing:
            continue
        knowing.add(gift.taker)
        turn = max(seen.get(gift.giver, 0), seen.get(gift.taker, 0))
        seen[gift.giver] = seen[gift.taker] = turn + 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(gift)
    return turns


def _give(
    connection: Connection, batch: journal.Open, gifts: Sequence[Gift]
) -> list[journal.Review]:
    """Write the journal rows of gifts between images that are each in one gift."""
    giver = np.array([gift.giver for gift in gifts], np.int64)
    taker = np.array([gift.taker for gift in gifts], np.int64)
    never = np.iinfo(np.int64).max
    since = np.array([never if gift.since is None else gift.since for gift in gifts], np.int64)
    class_ids = _class_ids(connection)
    held = verdict_matrix(connection, giver, class_ids)
    known = verdict_matrix(connection, taker, class_ids)
    fills = (held >= 0) & (known < 0)
    differs = (held >= 0) & (known >= 0) & (held != known)

    found = declared.read(connection, giver)
    cells = declared.cells_of(connection, found, class_ids)
    place, _ = declared.positions(giver, found.image_ids)
    # One declaration of an image stays one row; where there are several, each class gets a row.
    whole = (np.bincount(place, minlength=len(giver)) == 1)[place]
    declares = np.zeros(held.shape, np.bool_)
    declared_at = np.zeros(len(giver), np.int64)
    declares[place[whole]] = cells[whole]
    declared_at[place[whole]] = found.at[whole]
    declares &= fills

    mine = _single_cells(connection, giver, class_ids, fills & ~declares | differs)
    theirs = _single_cells(connection, taker, class_ids, differs)
    entries: list[tuple[object, ...]] = []
    for (i, j), stored in mine.items():
        if differs[i, j]:
            if stored[1] > since[i]:
                entries.append((batch.id, int(taker[i]), int(class_ids[j]), *theirs[i, j], *stored))
        else:
            entries.append((batch.id, int(taker[i]), int(class_ids[j]), None, None, None, *stored))
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.executemany(_INSERT, entries)
    review = journal.Review(
        taker, class_ids, declares, True, declared_at, _marks(connection, giver, taker)
    )
    journal.write_review(connection, batch, review)
    return [review]


def _single_cells(
    connection: Connection,
    image_ids: NDArray[np.int64],
    class_ids: NDArray[np.int64],
    wanted: NDArray[np.bool_],
) -> dict[tuple[int, int], tuple[int, int, str]]:
    """Verdict, time and source of the ``wanted`` (n, C) cells, by row and column."""
    row_of = {image: i for i, image in enumerate(image_ids.tolist())}
    column_of = {class_id: j for j, class_id in enumerate(class_ids.tolist())}
    result: dict[tuple[int, int], tuple[int, int, str]] = {}
    some = image_ids[wanted.any(axis=1)]
    for image, class_id, *stored in rows(
        connection,
        f"SELECT image_id, class_id, verdict, at, source FROM annotations WHERE image_id {THESE}",
        (as_json(some),),
    ):
        cell = row_of[image], column_of[class_id]
        if wanted[cell]:
            result[cell] = stored[0], stored[1], stored[2]
    found = declared.read(connection, some)
    cells = declared.cells_of(connection, found, class_ids)
    place, _ = declared.positions(image_ids, found.image_ids)
    for r, j in zip(*(axis.tolist() for axis in np.nonzero(cells & wanted[place])), strict=True):
        result[int(place[r]), j] = 0, int(found.at[r]), Source.REVIEWED.value
    return result


def _marks(
    connection: Connection, giver: NDArray[np.int64], taker: NDArray[np.int64]
) -> list[journal.Mark]:
    """How the reviewed marks of ``taker`` (n,) change."""
    at = dict(
        rows(
            connection,
            f"SELECT image_id, at FROM reviewed WHERE image_id {THESE}",
            (as_json(np.concatenate([giver, taker])),),
        )  # pyright: ignore[reportArgumentType]
    )
    return [
        (None, at[old]) if old in at and new not in at else None
        for old, new in zip(giver.tolist(), taker.tolist(), strict=True)
    ]


def _share_the_rest(connection: Connection, gifts: Sequence[Gift]) -> None:
    """Captions that the user wrote, and the held-out side: training and judging stay apart."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.executemany(
        "UPDATE images SET caption = o.caption, caption_source = 'user' "
        "FROM (SELECT caption FROM images WHERE id = ? AND caption_source = 'user') AS o "
        "WHERE id = ? AND caption_source <> 'user'",
        [gift[:2] for gift in gifts],
    )
    driver.executemany(
        "INSERT OR IGNORE INTO held_out (image_id, at) "
        "SELECT ?, at FROM held_out WHERE image_id = ?",
        [(gift.taker, gift.giver) for gift in gifts],
    )


def _class_ids(connection: Connection) -> NDArray[np.int64]:
    return np.array([row[0] for row in rows(connection, "SELECT id FROM classes ORDER BY id")])
