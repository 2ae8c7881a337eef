"""The page of a sweep on a real session: what is asked, what is left out, what changes under it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QIODevice, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from shells import BareLibrary, show_library
from stored_annotations import annotations_in
from ui_libraries import DOG, MISSING, UNREADABLE, Locked

from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.page_stack import GRID
from lmpt_desktop.ui.sweep.commands import NAME
from lmpt_desktop.ui.sweep.page import SweepPage

FAILING = 4
"""The photo whose thumbnail cannot be made."""


def thumbnail(image_id: int, _version: str, _size: int, /) -> bytes:
    if image_id == FAILING:
        raise ValueError("This photo is damaged.")
    image = QImage(32, 24, QImage.Format.Format_RGB32)
    image.fill(image_id * 1000)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "JPG")  # pyright: ignore[reportArgumentType, reportCallIssue]
    return bytes(buffer.data().data())


@pytest.fixture
def library(session: LibrarySession, context: ShellContext, qtbot: QtBot) -> Iterator[BareLibrary]:
    found = BareLibrary(session)
    found.thumbnails.close()
    found.thumbnails = ThumbnailLoader(thumbnail)
    show_library(context, found, qtbot)
    yield found
    context.set_library(None)
    found.close()


@pytest.fixture
def sweep(library: BareLibrary, context: ShellContext, qtbot: QtBot) -> SweepPage:
    library.pages.offer(NAME, lambda: SweepPage(library, context))
    page = library.pages.show_page(NAME)
    assert isinstance(page, SweepPage)
    page.sweep(DOG)
    ready(page, qtbot)
    return page


def ready(page: SweepPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: page.is_asking and not page.request.busy and not page.loading)


def shown(page: SweepPage) -> list[int]:
    return [cell.image_id for cell in page.model.cells]


def unknown(session: LibrarySession) -> set[int]:
    snapshot = session.snapshot()
    column = snapshot.column_of[DOG]
    return set(snapshot.image_ids[snapshot.annotations[:, column] < 0].tolist())


def test_photos_without_a_verdict_come_by_falling_score(
    sweep: SweepPage, session: LibrarySession
) -> None:
    assert set(shown(sweep)) == unknown(session) - {MISSING, UNREADABLE}
    scores = [cell.score for cell in sweep.model.cells]
    assert scores == sorted(scores, reverse=True)


def test_a_photo_that_cannot_be_shown_gets_no_verdict(
    sweep: SweepPage, session: LibrarySession, qtbot: QtBot
) -> None:
    assert FAILING in shown(sweep) and FAILING not in sweep.model.ticks()
    ticks = sweep.model.ticks()
    sweep.confirm()
    qtbot.waitUntil(lambda: len(sweep.history) == 1)
    snapshot = session.snapshot()
    column = snapshot.column_of[DOG]
    for image_id, ticked in ticks.items():
        verdict = snapshot.annotations[snapshot.row_of[image_id], column]
        assert verdict == (Verdict.PRESENT if ticked else Verdict.ABSENT)
    assert snapshot.annotations[snapshot.row_of[FAILING], column] == Verdict.UNKNOWN


def test_a_page_is_one_deliberate_batch_of_the_users(
    sweep: SweepPage, session: LibrarySession, qtbot: QtBot
) -> None:
    count = len(sweep.model.ticks())
    sweep.confirm()
    qtbot.waitUntil(lambda: len(sweep.history) == 1)
    summary = session.annotations.history(1)[0]
    assert summary.changes == count and summary.class_id == DOG
    swept = set(sweep.history[0].ticks)
    sources = {
        source
        for image_id, class_id, _verdict, _at, source in annotations_in(session.catalogue)
        if class_id == DOG and image_id in swept
    }
    assert sources == {Source.USER}


def test_what_is_undone_elsewhere_comes_back_as_it_was_ticked(
    sweep: SweepPage, library: BareLibrary, qtbot: QtBot
) -> None:
    first = shown(sweep)
    sweep.model.tick(range(len(first)), False)
    sweep.model.tick([2], True)
    before = sweep.model.ticks()
    sweep.confirm()
    qtbot.waitUntil(lambda: len(sweep.history) == 1)
    library.undo_stack.undo()
    qtbot.waitUntil(lambda: shown(sweep) == first)
    assert sweep.model.ticks() == before and not sweep.history


def test_a_verdict_given_elsewhere_takes_its_photo_off_the_page(
    sweep: SweepPage, session: LibrarySession, qtbot: QtBot
) -> None:
    first = shown(sweep)
    session.annotations.annotate([first[1]], [DOG], Verdict.PRESENT)
    qtbot.waitUntil(lambda: shown(sweep) == [first[0], *first[2:]])


def test_a_verdict_given_elsewhere_a_moment_ago_is_not_overwritten(
    sweep: SweepPage, session: LibrarySession, qtbot: QtBot
) -> None:
    first = shown(sweep)
    sweep.model.tick(range(len(first)), True)
    session.annotations.annotate([first[1]], [DOG], Verdict.ABSENT)
    assert shown(sweep) == first, "the page does not know yet"
    sweep.confirm()
    qtbot.waitUntil(lambda: len(sweep.history) == 1)
    snapshot = session.snapshot()
    column = snapshot.column_of[DOG]
    assert snapshot.annotations[snapshot.row_of[first[1]], column] == Verdict.ABSENT
    assert snapshot.annotations[snapshot.row_of[first[0]], column] == Verdict.PRESENT
    assert first[1] not in sweep.history[0].ticks and "1 photo was left out" in sweep.note.text()


def test_a_page_that_changed_nothing_is_no_step_to_go_back_to(
    sweep: SweepPage, session: LibrarySession, library: BareLibrary, qtbot: QtBot
) -> None:
    answered = list(sweep.model.ticks())
    session.annotations.annotate(answered, [DOG], Verdict.ABSENT)
    steps = library.undo_stack.stack.count()
    sweep.confirm()
    qtbot.waitUntil(lambda: not sweep.request.busy)
    assert not sweep.history and library.undo_stack.stack.count() == steps
    assert f"{len(answered)} photos were left out" in sweep.note.text()


def test_nothing_moves_when_a_page_cannot_be_saved(
    sweep: SweepPage, locked: Locked, library: BareLibrary, qtbot: QtBot
) -> None:
    first = shown(sweep)
    with locked(), qtbot.waitSignal(library.undo_stack.failed, timeout=30_000):
        sweep.confirm()
    assert shown(sweep) == first and not sweep.history
    qtbot.waitUntil(lambda: library.undo_stack.settled)
    sweep.confirm()
    qtbot.waitUntil(lambda: len(sweep.history) == 1)


def test_without_a_class_the_one_with_most_open_predictions_is_swept(
    library: BareLibrary, context: ShellContext, qtbot: QtBot
) -> None:
    library.pages.offer(NAME, lambda: SweepPage(library, context))
    page = library.pages.show_page(NAME)
    assert isinstance(page, SweepPage)
    page.sweep(None)
    ready(page, qtbot)
    snapshot = library.session.snapshot()
    waiting = (snapshot.predicted & (snapshot.annotations < 0)).sum(axis=0)
    assert waiting[snapshot.column_of[page.class_id or 0]] == np.max(waiting)
    assert page.classes.class_id == page.class_id


def test_every_widget_has_an_accessible_name_and_tab_reaches_the_buttons(
    sweep: SweepPage, qtbot: QtBot
) -> None:
    for widget in (sweep.classes, sweep.every, sweep.none, sweep.back, sweep.confirm_button):
        assert widget.accessibleName()
    assert sweep.grid.accessibleName() and sweep.accessibleName()
    assert sweep.every.focusPolicy() is Qt.FocusPolicy.TabFocus
    assert sweep.came_from == GRID
