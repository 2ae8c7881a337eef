"""Raw files and developed photos of the same name, shown as one photo.

The files stay two images with what is known of each.  The *companion* is not shown
(``images.superseded`` is 3) and its row in ``companions`` names the image that it is part of.  What
was said of one is said of both: when a pair forms, the shown image gets what it lacks; when it
ends, the companion does, so that no order of changes loses a verdict.  See docs/adr/0030.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from lmpt_desktop.catalogue import sharing, successors
from lmpt_desktop.catalogue.companions import COMPANION
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import THESE, Store, as_json, now, rows
from lmpt_desktop.catalogue.stored_paths import (
    IS_DISPLACED,
    PLACE_OF_DISPLACED,
    from_stored,
    is_displaced,
)
from lmpt_desktop.catalogue.user_data import HAS_USER_DATA
from lmpt_desktop.domain.raw_pairs import (
    DEVELOPED_SUFFIXES,
    Member,
    PairFigures,
    PairReport,
    is_raw,
    pair_up,
)
from trainer.file_formats import RAW_SUFFIXES


def _ends_with(suffixes: Iterable[str]) -> str:
    """SQL for whether a path ends with one of these."""
    by_length: dict[int, list[str]] = {}
    for suffix in suffixes:
        by_length.setdefault(len(suffix), []).append(suffix)
    return " OR ".join(
        f"lower(substr(i.path, -{length})) IN ({', '.join(repr(suffix) for suffix in some)})"
        for length, some in by_length.items()
    )


_RAW = _ends_with(RAW_SUFFIXES)
_ANY_RAW = f"""
    SELECT EXISTS (SELECT 1 FROM images AS i WHERE i.folder_id = ? AND ({_RAW}))
        OR EXISTS (SELECT 1 FROM companions)
"""
_ANY_HIDDEN = f"""
    SELECT EXISTS (SELECT 1 FROM companions)
        OR EXISTS (SELECT 1 FROM images WHERE superseded = {COMPANION})
"""
_MEMBERS = f"""
    SELECT i.id, i.path, i.state, i.superseded, c.shown_id, c.at
    FROM images AS i LEFT JOIN companions AS c ON c.image_id = i.id
    WHERE i.folder_id = ? AND (
        {_RAW} OR {_ends_with(DEVELOPED_SUFFIXES)} OR c.image_id IS NOT NULL
        OR i.id IN (SELECT shown_id FROM companions))
"""
# A photo that was moved to another folder of the library leaves its raw file behind in one where
# nothing else has changed.
_APART = """
    SELECT DISTINCT i.folder_id FROM companions AS c
    JOIN images AS i ON i.id = c.image_id JOIN images AS s ON s.id = c.shown_id
    WHERE i.folder_id <> s.folder_id
"""
# The picture at such a place may be another one than the annotated one: until that is settled, no
# verdict may go to it.
_UNSETTLED = f"""
    SELECT {PLACE_OF_DISPLACED.format(path="i.path")} FROM images AS i
    WHERE i.state = 'missing' AND i.superseded = 0 AND i.folder_id = ?
    AND {IS_DISPLACED.format(path="i.path")} AND {HAS_USER_DATA.format(image="i")}
"""


class CompanionFile(NamedTuple):
    """A file that is shown as part of an image."""

    image_id: int
    shown_id: int
    path: str
    """Absolute."""
    name: str
    """Relative to its folder."""
    folder_id: int
    is_there: bool


@dataclass(frozen=True)
class _Plan:
    """What a folder's pairs are to become, and what they are."""

    wanted: dict[int, int]
    now: dict[int, tuple[int, int]]
    """Companion to shown image, and since when."""
    hidden: set[int]
    """Images that are hidden as companions."""
    there: set[int]
    """Those of them whose file is at its place."""

    def __bool__(self) -> bool:
        shown = {image_id: pair[0] for image_id, pair in self.now.items()}
        return shown != self.wanted or self.hidden != set(self.wanted)


class Pairs:
    """Which images are shown as part of another one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._refreshing = threading.Lock()

    def refresh(self, folder_ids: Sequence[int], label: str, *, enabled: bool) -> PairReport:
        """Bring the pairs of these folders in line with the files that are there.

        Reads names from the catalogue, nothing from the disk; writes only if something is to be
        changed.

        Args:
            folder_ids: which folders; those where a raw file was left behind are looked at too.
            label: what giving verdicts to the other half is called in the undo menu.
            enabled: whether there are to be pairs at all.

        Raises:
            CatalogueError: if it could not be written; then nothing is changed.
        """
        report = PairReport()
        with self._refreshing:
            with self._store.read() as connection:
                apart = [row[0] for row in rows(connection, _APART)]
            for folder_id in dict.fromkeys([*folder_ids, *apart]):
                with self._store.read() as connection:
                    plan = _plan(connection, folder_id, enabled=enabled)
                if plan:
                    with self._store.write() as connection:
                        self._apply(connection, plan, label, report)
        return report

    def preview(self, folder_ids: Sequence[int]) -> PairFigures:
        """What pairs in these folders would change."""
        pairs: list[tuple[int, int]] = []
        with self._store.read() as connection:
            for folder_id in folder_ids:
                pairs += _plan(connection, folder_id, enabled=True).wanted.items()
            knowing = _with_user_data(connection, [companion for companion, _shown in pairs])
            known = [pair for pair in pairs if pair[0] in knowing]
            against = sum(sharing.contradicting(connection, known)) if known else 0
        return PairFigures(len(pairs), len(known), against)

    def companions(self, shown_ids: ImageIds | None = None) -> list[CompanionFile]:
        """The files that are shown as part of these images, or of any; ascending."""
        only, parameters = "", ()
        if shown_ids is not None:
            only, parameters = f"WHERE c.shown_id {THESE}", (as_json(shown_ids),)
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT c.image_id, c.shown_id, f.path, i.path, i.folder_id, i.state <> 'missing' "
                "FROM companions AS c JOIN images AS i ON i.id = c.image_id "
                f"JOIN folders AS f ON f.id = i.folder_id {only} ORDER BY 2, 1",
                parameters,
            )
        return [
            CompanionFile(
                image_id,
                shown_id,
                f"{from_stored(folder)}/{from_stored(path)}",
                from_stored(path),
                folder_id,
                bool(there),
            )
            for image_id, shown_id, folder, path, folder_id, there in found
        ]

    def shown_for(self, image_ids: ImageIds) -> dict[int, int]:
        """For those of these images that are companions: the image that is shown."""
        with self._store.read() as connection:
            found = rows(
                connection,
                f"SELECT image_id, shown_id FROM companions WHERE image_id {THESE}",
                (as_json(image_ids),),
            )
        return dict(found)  # pyright: ignore[reportArgumentType]

    def _apply(self, connection: Connection, plan: _Plan, label: str, report: PairReport) -> None:
        ended = {
            companion: pair
            for companion, pair in plan.now.items()
            if plan.wanted.get(companion) != pair[0]
        }
        formed = {
            companion: shown
            for companion, shown in plan.wanted.items()
            if companion not in plan.now or companion in ended
        }
        leaving = (plan.hidden | set(ended)) - set(plan.wanted)
        rows(
            connection,
            f"DELETE FROM companions WHERE image_id {THESE}",
            (as_json(ended),),
        )
        rows(
            connection,
            f"UPDATE images SET superseded = 0 WHERE superseded = {COMPANION} AND id {THESE}",
            (as_json(leaving),),
        )
        successors.supersede(connection, list(leaving))
        at = now()
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.executemany(
            "INSERT OR REPLACE INTO companions (image_id, shown_id, at) VALUES (?, ?, ?)",
            [(companion, shown, at) for companion, shown in formed.items()],
        )
        rows(
            connection,
            f"UPDATE images SET superseded = {COMPANION} WHERE id {THESE}",
            (as_json(set(plan.wanted) - (plan.hidden - set(ended))),),
        )
        gifts = [
            sharing.Gift(shown, companion, since)
            for companion, (shown, since) in ended.items()
            if companion in plan.there
        ]
        gifts += [sharing.Gift(companion, shown) for companion, shown in formed.items()]
        report.batches.extend(sharing.share(connection, gifts, label))
        report.formed.extend(formed)
        report.ended.extend(leaving)
        knowing = _with_user_data(connection, list(formed))
        if known := [pair for pair in formed.items() if pair[0] in knowing]:
            against = sharing.contradicting(connection, known)
            report.contradicting.extend(
                pair[1] for pair, differs in zip(known, against, strict=True) if differs
            )
        shown = {pair[0] for pair in ended.values()} | set(formed.values())
        self._store.mark_changed(leaving | set(formed) | shown)


def _plan(connection: Connection, folder_id: int, *, enabled: bool) -> _Plan:
    ((found,),) = (
        rows(connection, _ANY_RAW, (folder_id,)) if enabled else rows(connection, _ANY_HIDDEN)
    )
    if not found:
        return _Plan({}, {}, set(), set())
    unsettled = {row[0] for row in rows(connection, _UNSETTLED, (folder_id,))}
    members: list[Member] = []
    pairs: dict[int, tuple[int, int]] = {}
    hidden: set[int] = set()
    for image_id, path, state, superseded, shown_id, at in rows(connection, _MEMBERS, (folder_id,)):
        shown = superseded in (0, COMPANION)
        gone = state == "missing"
        name = from_stored(path)
        if shown_id is not None:
            pairs[image_id] = shown_id, at
        if superseded == COMPANION:
            hidden.add(image_id)
        members.append(
            Member(
                image_id,
                name,
                is_there=shown and not gone,
                can_be_shown=shown and state == "ok" and path not in unsettled,
                # A developed photo that another has replaced is compared with that one.
                may_wait=shown and gone and (is_raw(name) or not is_displaced(path)),
                shown_id=shown_id,
            )
        )
    there = {member.id for member in members if member.is_there}
    return _Plan(pair_up(members, enabled=enabled), pairs, hidden, there)


def _with_user_data(connection: Connection, image_ids: Sequence[int]) -> set[int]:
    if not image_ids:
        return set()
    found = rows(
        connection,
        f"SELECT i.id FROM images AS i WHERE i.id {THESE} AND {HAS_USER_DATA.format(image='i')}",
        (as_json(image_ids),),
    )
    return {row[0] for row in found}
