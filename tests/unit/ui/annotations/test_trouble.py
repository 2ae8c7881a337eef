"""A full disk, a catalogue somebody else writes to: a sentence, and nothing is lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue import CatalogueDiskFull, CatalogueLocked, opening, store
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack


@pytest.fixture
def told(desk: AnnotationUndoStack) -> list[Exception]:
    found: list[Exception] = []
    desk.failed.connect(found.append)
    return found


@pytest.fixture
def writer(session: LibrarySession, library: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the catalogue."""
    connection = sqlite3.connect(library / opening.CATALOGUE_NAME, isolation_level=None)
    yield connection
    connection.close()


def set_room(session: LibrarySession, pages: int) -> None:
    """Let the catalogue grow by no more than this."""
    with session.catalogue._store._writer.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        (now,) = driver.execute("PRAGMA page_count").fetchone()
        driver.execute(f"PRAGMA max_page_count = {now + pages}")


def agrees(session: LibrarySession) -> bool:
    """Whether what is shown is what is on disk."""
    snapshot, said = session.snapshot(), session.catalogue.annotations
    matrix = said.matrix(snapshot.image_ids, snapshot.class_ids)
    marks = np.isin(snapshot.image_ids, list(said.reviewed()))
    return np.array_equal(matrix, snapshot.annotations) and np.array_equal(marks, snapshot.reviewed)


def test_a_full_disk_is_told_loses_nothing_and_leaves_the_stack_right(
    session: LibrarySession, desk: AnnotationUndoStack, told: list[Exception], qtbot: QtBot
) -> None:
    ids, (dog, cat, kite) = session.snapshot().image_ids.tolist(), session.snapshot().class_ids
    desk.annotate(ids[:5], [int(dog)], Verdict.PRESENT, "dog")
    set_room(session, 0)
    given = 0
    while not told:
        desk.annotate(ids, [int(cat)], Verdict(given % 2), "cat")
        given += 1
        assert given < 2000, "the disk is never full"
    assert isinstance(told[0], CatalogueDiskFull)
    assert "full" in str(told[0]) and "safe" in str(told[0])
    qtbot.waitUntil(lambda: desk.settled)
    assert agrees(session)
    before = desk.stack.undoText()
    desk.undo()  # there is no room for an undo either
    qtbot.waitUntil(lambda: len(told) == 2 and desk.settled)
    assert desk.stack.undoText() == before and not desk.stack.canRedo()
    assert agrees(session)
    set_room(session, 10_000)
    desk.annotate(ids, [int(kite)], Verdict.PRESENT, "kite")
    assert len(told) == 2 and agrees(session)
    while desk.can_undo:
        desk.undo()
    assert len(told) == 2 and agrees(session)


def test_a_verdict_waits_for_another_program_without_holding_up_the_window(
    session: LibrarySession, desk: AnnotationUndoStack, told: list[Exception],
    writer: sqlite3.Connection, qtbot: QtBot,
) -> None:  # fmt: skip
    ids, (dog, *_) = session.snapshot().image_ids.tolist(), session.snapshot().class_ids
    writer.execute("BEGIN IMMEDIATE")
    desk.annotate([ids[0]], [int(dog)], Verdict.PRESENT, "dog")
    assert desk.busy, "a worker waits, not the window"
    assert (session.snapshot().annotations == -1).all(), "not shown before it is saved"
    writer.execute("ROLLBACK")
    qtbot.waitUntil(lambda: not desk.busy, timeout=20_000)
    assert not told and session.snapshot().annotations[0, 0] == 1 and agrees(session)
    writer.execute("BEGIN IMMEDIATE")
    desk.undo()
    assert desk.busy and session.snapshot().annotations[0, 0] == 1
    writer.execute("ROLLBACK")
    qtbot.waitUntil(lambda: not desk.busy, timeout=20_000)
    assert not told and session.snapshot().annotations[0, 0] == -1 and agrees(session)


def test_a_verdict_waits_for_a_scan_of_the_same_window_the_same_way(
    session: LibrarySession, desk: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ids, (dog, *_) = session.snapshot().image_ids.tolist(), session.snapshot().class_ids
    taken, release = _hold_in_a_thread(session)
    try:
        desk.annotate([ids[0]], [int(dog)], Verdict.PRESENT, "dog")
        assert taken.is_set() and desk.busy
    finally:
        release.set()
    qtbot.waitUntil(lambda: not desk.busy, timeout=20_000)
    assert session.snapshot().annotations[0, 0] == 1 and agrees(session)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long."""
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_catalogue_that_stays_locked_is_told_and_the_stack_stays_right(
    session: LibrarySession, desk: AnnotationUndoStack, told: list[Exception],
    writer: sqlite3.Connection, qtbot: QtBot,
) -> None:  # fmt: skip
    ids, (dog, *_) = session.snapshot().image_ids.tolist(), session.snapshot().class_ids
    desk.annotate([ids[0]], [int(dog)], Verdict.PRESENT, "dog")
    writer.execute("BEGIN IMMEDIATE")
    desk.annotate([ids[1]], [int(dog)], Verdict.PRESENT, "dog")
    qtbot.waitUntil(lambda: len(told) == 1 and desk.settled)
    assert isinstance(told[0], CatalogueLocked) and "Try again" in str(told[0])
    desk.undo()
    qtbot.waitUntil(lambda: len(told) == 2 and desk.settled)
    assert desk.stack.count() == desk.stack.index() == 1
    assert session.snapshot().annotations[:2, 0].tolist() == [1, -1] and agrees(session)
    writer.execute("ROLLBACK")
    desk.undo()
    assert len(told) == 2 and (session.snapshot().annotations == -1).all() and agrees(session)


def _hold_in_a_thread(session: LibrarySession):

    taken, release = threading.Event(), threading.Event()

    def hold() -> None:
        with session.catalogue.transaction():
            taken.set()
            release.wait(30)

    threading.Thread(target=hold, daemon=True).start()
    assert taken.wait(30)
    return taken, release
