"""How the review page is opened, which commands it enables, and how it is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot
from shells import BareLibrary, show_library

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.queues import QueueKind
from lmpt_desktop.ui.review import commands
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.page_stack import GRID


@pytest.fixture
def opened(context: ShellContext, session: LibrarySession, qtbot: QtBot) -> Iterator[BareLibrary]:
    """The library, open in a window in which review is offered."""
    commands.attach(context)
    library = BareLibrary(session)
    show_library(context, library, qtbot)
    yield library
    context.set_library(None)
    library.close()


def page_of(library: BareLibrary) -> ReviewPage:
    page = commands.review_page(library)
    assert page is not None
    return page


def begin(context: ShellContext, library: BareLibrary, qtbot: QtBot) -> ReviewPage:
    """Open review and wait for the first photo."""
    context.commands.trigger("view.review")
    page = page_of(library)
    qtbot.waitUntil(lambda: page.is_asking and page.viewer.has_shown(page.current_id))
    return page


def enabled(context: ShellContext, command_id: str) -> bool:
    return context.commands.action(command_id).isEnabled()


def test_it_begins_with_rare_classes_and_is_shown_again_as_it_was_left(
    context: ShellContext, opened: BareLibrary, qtbot: QtBot
) -> None:
    assert commands.review_page(opened) is None, "the page is built when it is first shown"
    page = begin(context, opened, qtbot)
    assert page.request is not None and page.request.kind is QueueKind.TAIL_FIRST
    page.ask(QueueKind.UNCERTAIN)
    qtbot.waitUntil(lambda: page.is_asking)
    context.commands.trigger("review.leave")
    context.commands.trigger("view.review")
    assert page_of(opened) is page and page.request.kind is QueueKind.UNCERTAIN


def test_its_commands_are_enabled_while_it_asks(
    context: ShellContext, opened: BareLibrary, qtbot: QtBot
) -> None:
    ids = ("review.skip", "review.back", "image.present", "image.reviewed")
    assert not any(enabled(context, id_) for id_ in ids)
    begin(context, opened, qtbot)
    assert all(enabled(context, id_) for id_ in ids)
    context.commands.trigger("review.leave")
    assert not any(enabled(context, id_) for id_ in ids)


def test_its_commands_act_on_the_photo_that_is_asked_about(
    context: ShellContext, opened: BareLibrary, session: LibrarySession, qtbot: QtBot
) -> None:
    page = begin(context, opened, qtbot)
    first = page.current_id
    context.commands.trigger("review.done")
    qtbot.waitUntil(lambda: bool(session.snapshot().reviewed[session.snapshot().row_of[first]]))
    assert page.current_id != first
    context.commands.trigger("review.back")
    qtbot.waitUntil(lambda: not session.snapshot().reviewed.any())
    assert page.current_id == first


def test_leaving_selects_the_photo_that_was_asked_about(
    context: ShellContext, opened: BareLibrary, qtbot: QtBot
) -> None:
    page = begin(context, opened, qtbot)
    context.commands.trigger("review.leave")
    assert opened.pages.current == GRID
    assert opened.shown == [("image", page.current_id)]


def test_a_photo_opened_in_the_grid_is_reviewed_among_the_others(
    opened: BareLibrary, session: LibrarySession
) -> None:
    opened.activate_photo(10)
    page = page_of(opened)
    assert page.request is None and page.current_id == 10
    ids = session.snapshot().image_ids.tolist()
    assert [question.image_id for question in page.questions.around(0, 9)] == ids[9:]
    assert [question.image_id for question in page.questions.around(9, 0)[1:]] == ids[8::-1]


@pytest.mark.parametrize("image_id", [1, 2, 7, 11, 12])
def test_of_a_large_grid_the_photos_around_the_one_opened_are_reviewed(
    image_id: int,
    opened: BareLibrary,
    session: LibrarySession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "MAX_FROM_GRID", 5)
    opened.activate_photo(image_id)
    page = page_of(opened)
    assert page.current_id == image_id and len(page.questions) == 5
    assert page.bar.counter.text() == f"{image_id} of {len(session.snapshot().image_ids)}"


def test_verdicts_given_elsewhere_are_shown_at_once(
    context: ShellContext, opened: BareLibrary, session: LibrarySession, qtbot: QtBot
) -> None:
    opened.activate_photo(3)
    page = page_of(opened)
    facts = page.side.chips.shown[0].facts
    assert facts is not None
    opened.undo_stack.annotate([3], [facts.class_id], Verdict.ABSENT)

    def shown() -> bool:
        now = page.side.chips.shown[0].facts
        return now is not None and now.verdict is Verdict.ABSENT

    qtbot.waitUntil(shown)
