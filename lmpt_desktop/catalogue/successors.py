"""What became of images: the table ``successors``, and the marks of images that follow from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from lmpt_desktop.catalogue.store import THESE, as_json, now, rows
from lmpt_desktop.catalogue.user_data import HAS_USER_DATA
from lmpt_desktop.domain.records import TransferReason

FOLLOWED = "followed"
"""The ``action`` of a batch that moved annotations from images to their successors."""


# Pairs whose annotations contradict are declined by the very batch that moved the others of them;
# they stay so when it is undone.
_CONTRADICTING = (
    "(s.state = 'declined' AND EXISTS (SELECT 1 FROM batches AS b "
    f"WHERE b.id = s.batch_id AND b.action = '{FOLLOWED}'))"
)
_TURN = f"""
    UPDATE successors AS s SET batch_id = ?,
        state = CASE s.state WHEN 'followed' THEN 'declined' ELSE 'followed' END
    WHERE s.batch_id = ? AND NOT {_CONTRADICTING}
"""
# An edited photo that is put back as it was has the picture that was annotated.
_PUT_BACK = """EXISTS (
    SELECT 1 FROM successors AS r WHERE r.reason = 'edit'
    AND r.image_id = {new} AND r.successor_id = {old})
"""
_IS_EDITED = f"""
    UPDATE images SET edited = 1 WHERE id IN (
        SELECT s.successor_id FROM successors AS s JOIN images AS o ON o.id = s.image_id
        WHERE s.batch_id = ? AND s.state = 'followed' AND (s.reason = 'edit' OR o.edited = 1)
        AND NOT {_PUT_BACK.format(new="s.successor_id", old="s.image_id")})
"""
_HAND_ON = f"""
    UPDATE images SET edited = 1 WHERE id = :new
    AND EXISTS (SELECT 1 FROM images WHERE id = :old AND edited = 1)
    AND NOT {_PUT_BACK.format(new=":new", old=":old")}
"""


def record(
    connection: Connection,
    pairs: Iterable[tuple[int, int]],
    reason: TransferReason,
    state: str,
    batch_id: int | None = None,
) -> None:
    """Record what became of the first image of each pair: "followed", "unlike" or "declined"."""
    at = now()
    for old, new in pairs:
        rows(
            connection,
            "INSERT OR REPLACE INTO successors "
            "(image_id, successor_id, reason, state, at, batch_id) VALUES (?, ?, ?, ?, ?, ?)",
            (old, new, reason.value, state, at, batch_id),
        )


def forget(connection: Connection, image_ids: Sequence[int]) -> None:
    """Forget what became of these images and what they became: they have other pictures now."""
    for column in ("image_id", "successor_id"):
        rows(
            connection,
            f"DELETE FROM successors WHERE {column} {THESE}",
            (as_json(image_ids),),
        )


def turn(connection: Connection, undone: int, by: int) -> bool:
    """The batch ``undone`` was undone (or redone) by the batch ``by``: where it moved annotations,
    that is not repeated by itself (or counts again).

    Returns:
        Whether it moved annotations.
    """
    if not rows(connection, "SELECT 1 FROM successors WHERE batch_id = ? LIMIT 1", (undone,)):
        return False
    rows(
        connection,
        "UPDATE images SET edited = 0 WHERE edited = 1 AND id IN "
        "(SELECT successor_id FROM successors WHERE batch_id = ?)",
        (undone,),
    )
    rows(connection, _TURN, (by, undone))
    rows(connection, _IS_EDITED, (by,))
    empty = rows(
        connection,
        "SELECT image_id FROM successors WHERE batch_id = ? AND state = 'followed'",
        (by,),
    )
    supersede(connection, [row[0] for row in empty])
    return True


def supersede(connection: Connection, image_ids: Sequence[int]) -> None:
    """No longer show those of these missing images that have no data of the user's."""
    rows(
        connection,
        f"UPDATE images AS i SET superseded = 1 WHERE i.id {THESE} "
        f"AND i.state = 'missing' AND NOT {HAS_USER_DATA.format(image='i')}",
        (as_json(image_ids),),
    )


def show_again(connection: Connection, image_ids: Sequence[int]) -> None:
    """Show those of these images again that have data of the user's."""
    rows(
        connection,
        f"UPDATE images AS i SET superseded = 0 WHERE i.id {THESE} AND i.superseded = 1 "
        f"AND {HAS_USER_DATA.format(image='i')}",
        (as_json(image_ids),),
    )


def set_edited(connection: Connection, image_ids: Sequence[int], edited: bool) -> None:
    """List these images as changed since they were annotated, or no longer."""
    rows(
        connection,
        f"UPDATE images SET edited = ? WHERE id {THESE}",
        (int(edited), as_json(image_ids)),
    )


def hand_on_edited(connection: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """What goes from an edited image to another one is to be looked at there."""
    for old, new in pairs:
        rows(connection, _HAND_ON, {"old": old, "new": new})


def predecessors(connection: Connection, image_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """For each of these images to which annotations followed, because it is an edited version: the
    image that had them last, and the batch that moved them."""
    found = rows(
        connection,
        "SELECT s.successor_id, s.image_id, s.batch_id FROM successors AS s "
        f"WHERE s.successor_id {THESE} AND s.reason = 'edit' AND s.batch_id IS NOT NULL "
        f"AND (s.state = 'followed' OR {_CONTRADICTING}) ORDER BY s.at",
        (as_json(image_ids),),
    )
    return {row[0]: (row[1], row[2]) for row in found}


def receivers(connection: Connection, batch_ids: Sequence[int]) -> list[int]:
    """The images to which these batches moved annotations, ascending."""
    found = rows(
        connection,
        f"SELECT DISTINCT successor_id FROM successors WHERE batch_id {THESE} ORDER BY 1",
        (as_json(batch_ids),),
    )
    return [row[0] for row in found]
