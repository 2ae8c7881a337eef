"""The commands of the review page, and its upkeep while a library is open."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, QTimer

from lmpt_desktop.engine import notices
from lmpt_desktop.translation import N_
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.shell.conditions import library_open
from lmpt_desktop.ui.shell.page_commands import acting_on, front_page
from lmpt_desktop.ui.shell.page_stack import GRID

if TYPE_CHECKING:
    from lmpt_desktop.ui.review.page import ReviewPage
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext

NAME = "review"
PRELOAD_MS = 2000
MAX_FROM_GRID = 10_000
"""Photos around the one opened that are reviewed from the grid at a time."""


def review_page(library: OpenLibrary | None) -> ReviewPage | None:
    """The review page of a library, if it was ever shown."""
    return None if library is None else cast("ReviewPage | None", library.pages.built(NAME))


def page_in_front(context: ShellContext) -> ReviewPage | None:
    """The review page, if the user is looking at it."""
    return cast("ReviewPage | None", front_page(context, NAME))


def in_review(context: ShellContext) -> bool:
    """The review page is in front."""
    return page_in_front(context) is not None


def question_shown(context: ShellContext) -> bool:
    """The review page asks about a photo."""
    page = page_in_front(context)
    return page is not None and page.is_asking


def open_review(context: ShellContext) -> None:
    """Go on with the questions that were left unfinished, else ask about rare classes first."""
    from lmpt_desktop.inference.queues import QueueKind  # noqa: PLC0415

    page = _show(context.require_library())
    if not page.resume():
        page.ask(QueueKind.TAIL_FIRST)


def measure(context: ShellContext) -> None:
    """Ask for what is missing to compare versions."""
    from lmpt_desktop.inference.queues import QueueKind  # noqa: PLC0415

    _show(context.require_library()).ask(QueueKind.MEASURABLE)


def conflicts(context: ShellContext) -> None:
    """Ask about conflicts with libraries that were merged."""
    from lmpt_desktop.inference.queues import QueueKind  # noqa: PLC0415

    _show(context.require_library()).ask(QueueKind.CONFLICTS)


def _show(library: OpenLibrary) -> ReviewPage:
    return cast("ReviewPage", library.pages.show_page(NAME))


def _on_page(act: Callable[[ReviewPage], object]) -> Callable[[ShellContext], None]:
    """A handler that acts on the review page, if the user is looking at it."""
    return acting_on(page_in_front, act)


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("view.review", N_("&Review"), "view", 0, 20, open_review, (library_open,), "F3",
            "review", opens=NAME, tip=N_("One photo at a time, with the questions that help most")),
    Command("review.skip", N_("&Skip"), "review", 0, 10,
            _on_page(lambda page: page.verdicts.skip()), (question_shown,), "S Right", page=NAME,
            tip=N_("Go to the next question without an answer")),
    Command("review.done", N_("&Confirm and continue"), "review", 0, 20,
            _on_page(lambda page: page.confirm()), (question_shown,), "Return Enter",
            "reviewed", page=NAME, auto_repeat=False,
            tip=N_("What is predicted and has no verdict becomes present, the rest absent")),
    Command("review.back", N_("&Back and undo"), "review", 0, 30,
            _on_page(lambda page: page.verdicts.back()), (in_review,), "Backspace", "undo",
            page=NAME,
            tip=N_("Undo the last verdict given here and go back to its photo")),
    Command("review.previous", N_("&Previous question"), "review", 0, 40,
            _on_page(lambda page: page.verdicts.previous()), (in_review,), "Left", page=NAME,
            tip=N_("Go back without undoing anything")),
    Command("review.find", N_("&Find a class"), "review", 1, 10,
            _on_page(lambda page: page.side.finder.start()), (question_shown,), "/", "search",
            page=NAME, tip=N_("Mark any class as present by typing a part of its name")),
    Command("review.zoom-in", N_("Zoom &in"), "review", 2, 10,
            _on_page(lambda page: page.canvas.zoom(1)), (question_shown,), "+ =", "zoom-in",
            page=NAME),
    Command("review.zoom-out", N_("Zoom &out"), "review", 2, 20,
            _on_page(lambda page: page.canvas.zoom(-1)), (question_shown,), "-", "zoom-out",
            page=NAME),
    Command("review.fit", N_("Fi&t the photo"), "review", 2, 30,
            _on_page(lambda page: page.canvas.fit()), (question_shown,), "0", page=NAME),
    Command("review.actual", N_("&Actual size or fitted"), "review", 2, 40,
            _on_page(lambda page: page.canvas.toggle()), (question_shown,), "Z", page=NAME,
            tip=N_("One screen pixel for each photo pixel")),
    Command("review.measure", N_("Make &versions measurable"), "review", 3, 5, measure,
            (library_open,),
            tip=N_("Ask for the photos that are missing to measure which version is better")),
    Command("review.conflicts", N_("&Decide conflicts"), "review", 3, 6, conflicts,
            (library_open,),
            tip=N_("Ask where a library that was merged says the opposite")),
    Command("review.leave", N_("Back to the &grid"), "review", 3, 10,
            lambda c: c.require_library().show_grid(), (in_review,), "Esc", page=NAME,
            tip=N_("The grid shows the photo you were at")),
)
# fmt: on


def attach(context: ShellContext) -> None:
    """Offer the page with every library that is opened."""

    def opened(library: OpenLibrary) -> None:
        ReviewFollower(context, library)

    context.opened.connect(opened)


class ReviewFollower(QObject):
    """Offers the review page of one library and keeps it up to date; lives as long as its pages."""

    def __init__(self, context: ShellContext, library: OpenLibrary) -> None:
        super().__init__(library.pages)
        self._context = context
        self._library = library
        self._stale = False
        self._was_in_front = False
        self._new_version = False
        library.pages.offer(NAME, self._make)
        library.pages.shown.connect(self._page_shown)
        library.on_photo_activated(self._open_at)
        on = library.bridge.on
        on(notices.VersionsChanged, lambda _notice: self._library_changed())
        on(notices.ClassesChanged, lambda _notice: self._library_changed())
        on(notices.PredictionsChanged, lambda _notice: self._predictions_changed())
        on(notices.ImagesChanged, lambda _notice: self._images_changed())
        on(notices.AnnotationsChanged, self._annotations_changed)
        # Once the grid is there: importing the page's modules would keep the first F3 waiting.
        QTimer.singleShot(PRELOAD_MS, self, self._preload)

    def _page(self) -> ReviewPage | None:
        return review_page(self._library)

    def _page_in_front(self) -> ReviewPage | None:
        return self._page() if self._library.pages.current == NAME else None

    def _preload(self) -> None:
        Task(lambda: importlib.import_module("lmpt_desktop.ui.review.page"), owner=self)

    def _make(self) -> ReviewPage:
        from lmpt_desktop.ui.review.page import ReviewPage  # noqa: PLC0415 - when first needed

        return ReviewPage(self._library.session, self._library.undo_stack, self._context)

    def _open_at(self, image_id: int) -> None:
        """Review the grid's photos, beginning with this one."""
        ids = self._library.card_ids()
        found = (ids == image_id).nonzero()[0]
        if len(found):
            place = int(found[0])
            first = max(0, min(place - MAX_FROM_GRID // 2, len(ids) - MAX_FROM_GRID))
            _show(self._library).show_images(
                ids[first : first + MAX_FROM_GRID].tolist(),
                place - first,
                before=first,
                total=len(ids),
            )

    def _page_shown(self, name: str) -> None:
        page, came_from_here = self._page(), self._was_in_front
        self._was_in_front = name == NAME
        if page is not None and name == GRID and came_from_here:
            self._library.go_to_image(page.current_id)
        elif page is not None and name == NAME and self._stale:
            self._stale = False
            page.library_changed()
        self._context.refresh_commands()

    def _library_changed(self) -> None:
        self._new_version = True
        self._refresh()

    def _predictions_changed(self) -> None:
        """Predictions also change with every batch of encoded photos, which is no reason to choose
        other questions while there are some; but what is confirmed must be what is shown."""
        if (front := self._page_in_front()) is not None:
            front.annotations_changed()
        page = self._page()
        if self._new_version or (page is not None and page.idle):
            self._new_version = False
            self._refresh()

    def _images_changed(self) -> None:
        if (page := self._page()) is not None:
            page.images_changed()

    def _refresh(self) -> None:
        if (page := self._page_in_front()) is not None:
            page.library_changed()
        else:
            self._stale = True

    def _annotations_changed(self, notice: notices.AnnotationsChanged) -> None:
        page = self._page_in_front()
        # After an answer the next image is shown, which the notice is not about.
        if page is not None and (not notice.image_ids or page.current_id in notice.image_ids):
            page.annotations_changed()
