"""A undo_stack on a real session, whose images exist only in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paper_library import open_session
from pytestqt.qtbot import QtBot

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack

NAMES = ("dog", "cat", "kite")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def session(library: Path) -> Iterator[LibrarySession]:
    with open_session(library, 10, NAMES) as opened:
        yield opened


Reopen = Callable[[], tuple[LibrarySession, AnnotationUndoStack]]


@pytest.fixture
def reopened(session: LibrarySession, library: Path, qtbot: QtBot) -> Iterator[Reopen]:
    """Close the session and open the library again, as a restart does."""
    sessions = [session]
    undo_stacks: list[AnnotationUndoStack] = []

    def reopen() -> tuple[LibrarySession, AnnotationUndoStack]:
        sessions[-1].close()
        sessions.append(open_session(library))
        undo_stack = AnnotationUndoStack(sessions[-1])
        undo_stacks.append(undo_stack)
        undo_stack.read_history()
        qtbot.waitUntil(lambda: undo_stack.settled)
        return sessions[-1], undo_stack

    yield reopen
    for undo_stack in undo_stacks:
        undo_stack.close()
    for opened in sessions:
        opened.close()


@pytest.fixture
def undo_stack(session: LibrarySession, qtbot: QtBot) -> Iterator[AnnotationUndoStack]:
    made = AnnotationUndoStack(session)
    made.read_history()
    qtbot.waitUntil(lambda: made.settled)
    yield made
    made.close()
