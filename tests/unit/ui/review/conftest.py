"""A review page on a library whose uncertain questions come by rising image and class id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from shells import BareLibrary, show_library
from ui_libraries import CLASS_NAMES, PHOTO_NAMES, make_library

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.review.commands import NAME
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.shell.context import ShellContext

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
def make_review(context: ShellContext, qtbot: QtBot) -> Iterator[MakeReview]:
    """Show the page of a session in the shell."""
    libraries: list[BareLibrary] = []

    def make(session: LibrarySession, undo_stack: AnnotationUndoStack | None = None) -> ReviewPage:
        library = BareLibrary(session, undo_stack)
        libraries.append(library)
        library.pages.offer(NAME, lambda: ReviewPage(session, library.undo_stack, context))
        show_library(context, library, qtbot)
        page = library.pages.show_page(NAME)
        assert isinstance(page, ReviewPage)
        return page

    yield make
    context.set_library(None)
    for library in libraries:
        library.close()


@pytest.fixture
def undo_stack(session: LibrarySession, qtbot: QtBot) -> AnnotationUndoStack:
    return AnnotationUndoStack(session)


@pytest.fixture
def review(
    session: LibrarySession, undo_stack: AnnotationUndoStack, make_review: MakeReview
) -> ReviewPage:
    return make_review(session, undo_stack)
