"""A review page on a library whose uncertain questions come by rising image and class id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot
from ui_libraries import CLASS_NAMES, PHOTO_NAMES, OpenSession, make_library

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.commands import CommandRegistry, Needs
from lmpt_desktop.ui.review.page import ReviewPage

MakeReview = Callable[..., ReviewPage]


@pytest.fixture(scope="session")
def library_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores rise with image and class from just above the threshold, so that the model is less
    and less uncertain."""
    shape = len(PHOTO_NAMES), len(CLASS_NAMES)
    scores = 0.505 + 0.004 * np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    scores[-2:] = np.nan
    folder = tmp_path_factory.mktemp("review template") / "sample"
    make_library(folder / "library", folder / "photos", scores=scores)
    return folder


@pytest.fixture
def make_review(open_session: OpenSession, qtbot: QtBot) -> Iterator[MakeReview]:
    """Show a page of a session."""
    pages: list[ReviewPage] = []
    desks: list[AnnotationUndoStack] = []

    def make(session: LibrarySession, desk: AnnotationUndoStack | None = None) -> ReviewPage:
        desks.append(desk or AnnotationUndoStack(session))
        window = QMainWindow()
        qtbot.addWidget(window)
        commands = CommandRegistry(window)
        commands.set_state(
            Needs.LIBRARY | Needs.REVIEW | Needs.QUESTION | Needs.SELECTION | Needs.CLASS
        )
        pages.append(ReviewPage(session, desks[-1], commands))
        window.setCentralWidget(pages[-1])
        window.resize(1000, 640)
        window.show()
        qtbot.waitExposed(window)
        return pages[-1]

    yield make
    for page in pages:
        page.close_page()
    for desk in desks:
        desk.close()


@pytest.fixture
def desk(session: LibrarySession, qtbot: QtBot) -> AnnotationUndoStack:
    return AnnotationUndoStack(session)


@pytest.fixture
def review(
    session: LibrarySession, desk: AnnotationUndoStack, make_review: MakeReview
) -> ReviewPage:
    return make_review(session, desk)
