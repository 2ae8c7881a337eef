"""A full disk, a catalogue somebody else writes to: a sentence, and nothing is lost."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from sqlalchemy import event
from sqlalchemy.pool import Pool

from lmpt_desktop.catalogue import CatalogueDiskFull, CatalogueLocked, opening, store
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack


@pytest.fixture
def failures(undo_stack: AnnotationUndoStack) -> list[Exception]:
    found: list[Exception] = []
    undo_stack.failed.connect(found.append)
    return found


@pytest.fixture
def writer(session: LibrarySession, library: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the catalogue."""
    connection = sqlite3.connect(library / opening.CATALOGUE_NAME, isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def set_room(library: Path) -> Iterator[Callable[[int], None]]:
    """Lets the catalogue grow by no more than some pages from now on."""
    most: list[int] = []

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        if most:
            connection.execute(f"PRAGMA max_page_count = {most[-1]}")

    def set_room(pages: int) -> None:
        with contextlib.closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as connection:
            (now,) = connection.execute("PRAGMA page_count").fetchone()
        most.append(now + pages)

    event.listen(Pool, "checkout", limit)  # the limit holds for one connection only
    yield set_room
    event.remove(Pool, "checkout", limit)


def agrees(session: LibrarySession) -> bool:
    """Whether what is shown is what is on disk."""
    snapshot, annotations = session.snapshot(), session.catalogue.annotations
    matrix = annotations.matrix(snapshot.image_ids, snapshot.class_ids)
    marks = np.isin(snapshot.image_ids, list(annotations.reviewed()))
    return np.array_equal(matrix, snapshot.annotations) and np.array_equal(marks, snapshot.reviewed)


def test_a_full_disk_is_reported_and_loses_nothing(
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    failures: list[Exception],
    set_room: Callable[[int], None],
    qtbot: QtBot,
) -> None:
    ids, (dog, cat, kite) = session.snapshot().image_ids.tolist(), session.snapshot().class_ids
    undo_stack.annotate(ids[:5], [int(dog)], Verdict.PRESENT, "dog")
    set_room(0)
    given = 0
    while not failures:
        undo_stack.annotate(ids, [int(cat)], Verdict(given % 2), "cat")
        given += 1
        assert given < 2000, "the disk is never full"
    assert isinstance(failures[0], CatalogueDiskFull)
    assert "full" in str(failures[0]) and "safe" in str(failures[0])
    qtbot.waitUntil(lambda: undo_stack.settled)
    assert agrees(session)
    before = undo_stack.stack.undoText()
    undo_stack.undo()  # there is no room for an undo either
    qtbot.waitUntil(lambda: len(failures) == 2 and undo_stack.settled)
    assert undo_stack.stack.undoText() == before and not undo_stack.stack.canRedo()
    assert agrees(session)
    set_room(10_000)
    undo_stack.annotate(ids, [int(kite)], Verdict.PRESENT, "kite")
    assert len(failures) == 2 and agrees(session)
    while undo_stack.can_undo:
        undo_stack.undo()
    assert len(failures) == 2 and agrees(session)


def test_a_verdict_waits_for_another_program_without_holding_up_the_window(
    session: LibrarySession, undo_stack: AnnotationUndoStack, failures: list[Exception],
    writer: sqlite3.Connection, qtbot: QtBot,
) -> None:  # fmt: skip
    ids, (dog, *_) = session.snapshot().image_ids.tolist(), session.snapshot().class_ids
    writer.execute("BEGIN IMMEDIATE")
    undo_stack.annotate([ids[0]], [int(dog)], Verdict.PRESENT, "dog")
    assert undo_stack.busy, "a worker waits, not the window"
    assert (session.snapshot().annotations == -1).all(), "not shown before it is saved"
    writer.execute("ROLLBACK")
    qtbot.waitUntil(lambda: not undo_stack.busy, timeout=20_000)
    assert not failures and session.snapshot().annotations[0, 0] == 1 and agrees(session)
    writer.execute("BEGIN IMMEDIATE")
    undo_stack.undo()
    assert undo_stack.busy and session.snapshot().annotations[0, 0] == 1
    writer.execute("ROLLBACK")
    qtbot.waitUntil(lambda: not undo_stack.busy, timeout=20_000)
    assert not failures and session.snapshot().annotations[0, 0] == -1 and agrees(session)


def test_a_verdict_waits_for_a_scan_of_the_same_window_the_same_way(
    session: LibrarySession, undo_stack: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ids, (dog, *_) = session.snapshot().image_ids.tolist(), session.snapshot().class_ids
    taken, release = _hold_in_a_thread(session)
    try:
        undo_stack.annotate([ids[0]], [int(dog)], Verdict.PRESENT, "dog")
        assert taken.is_set() and undo_stack.busy
    finally:
        release.set()
    qtbot.waitUntil(lambda: not undo_stack.busy, timeout=20_000)
    assert session.snapshot().annotations[0, 0] == 1 and agrees(session)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long."""
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_catalogue_that_stays_locked_is_reported_and_the_stack_stays_right(
    session: LibrarySession, undo_stack: AnnotationUndoStack, failures: list[Exception],
    writer: sqlite3.Connection, qtbot: QtBot,
) -> None:  # fmt: skip
    ids, (dog, *_) = session.snapshot().image_ids.tolist(), session.snapshot().class_ids
    undo_stack.annotate([ids[0]], [int(dog)], Verdict.PRESENT, "dog")
    writer.execute("BEGIN IMMEDIATE")
    undo_stack.annotate([ids[1]], [int(dog)], Verdict.PRESENT, "dog")
    qtbot.waitUntil(lambda: len(failures) == 1 and undo_stack.settled)
    assert isinstance(failures[0], CatalogueLocked) and "Try again" in str(failures[0])
    undo_stack.undo()
    qtbot.waitUntil(lambda: len(failures) == 2 and undo_stack.settled)
    assert undo_stack.stack.count() == undo_stack.stack.index() == 1
    assert session.snapshot().annotations[:2, 0].tolist() == [1, -1] and agrees(session)
    writer.execute("ROLLBACK")
    undo_stack.undo()
    assert len(failures) == 2 and (session.snapshot().annotations == -1).all() and agrees(session)


def _hold_in_a_thread(session: LibrarySession):

    taken, release = threading.Event(), threading.Event()

    def hold() -> None:
        with session.catalogue.transaction():
            taken.set()
            release.wait(30)

    threading.Thread(target=hold, daemon=True).start()
    assert taken.wait(30)
    return taken, release
