"""A review page over a library in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.commands import CommandRegistry, Needs
from lmpt_desktop.ui.review.page import ReviewPage


@pytest.fixture
def session(memory_session: Any) -> Any:
    """Twelve photos, of which number 11 is missing and number 12 unreadable."""
    return memory_session


@pytest.fixture
def desk(session: Any) -> AnnotationUndoStack:
    return AnnotationUndoStack(session)


@pytest.fixture
def review(session: Any, desk: AnnotationUndoStack, qtbot: QtBot) -> Iterator[ReviewPage]:
    window = QMainWindow()
    qtbot.addWidget(window)
    commands = CommandRegistry(window)
    commands.set_state(
        Needs.LIBRARY | Needs.REVIEW | Needs.QUESTION | Needs.SELECTION | Needs.CLASS
    )
    page = ReviewPage(session, desk, commands)
    window.setCentralWidget(page)
    window.resize(1000, 640)
    window.show()
    qtbot.waitExposed(window)
    yield page
    page.close_page()
