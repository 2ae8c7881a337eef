"""The way into the review view and out of it: what the library page and the commands call."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from lmpt_desktop.engine import notices
from lmpt_desktop.inference.queues import QueueKind
from lmpt_desktop.ui.commands import CommandRegistry, Needs
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.shell.page_stack import GRID

if TYPE_CHECKING:
    from lmpt_desktop.ui.library.page import LibraryPage
    from lmpt_desktop.ui.review.page import ReviewPage

NAME = "review"
READ_AHEAD_MS = 2000
MOST_FROM_GRID = 10_000
"""Photos one goes through from the grid at a time."""

_ONE_PRESS = ("image.present", "image.absent", "image.unknown", "review.done", "image.reviewed")
"""Holding one of these keys down must not answer questions nobody has read."""


class ReviewEntry(QObject):
    """Of one library page; the review page itself is built when it is first wanted."""

    def __init__(self, library: LibraryPage) -> None:
        super().__init__(library)
        self._library = library
        self._stale = False
        self._was_in_front = False
        library.pages.offer(NAME, self._make)
        library.pages.shown.connect(self._page_shown)
        on = library.bridge.on
        on(notices.VersionsChanged, lambda _notice: self._library_changed())
        on(notices.ClassesChanged, lambda _notice: self._library_changed())
        on(notices.PredictionsChanged, lambda _notice: self._predictions_changed())
        on(notices.ImagesChanged, lambda _notice: self._images_changed())
        on(notices.AnnotationsChanged, self._annotations_changed)
        self._new_version = False
        for command_id in _ONE_PRESS:
            library.commands.action(command_id).setAutoRepeat(False)
        # Once the grid is there: reading the page's modules would keep the first F3 waiting.
        QTimer.singleShot(READ_AHEAD_MS, self, self._read_ahead)

    # ------------------------------------------------------------------------------- state

    @property
    def page(self) -> ReviewPage | None:
        """The page, if it was ever shown."""
        return self._library.pages.built(NAME)  # pyright: ignore[reportReturnType]

    @property
    def in_front(self) -> ReviewPage | None:
        """The page, if the user is looking at it."""
        return self.page if self._library.pages.current == NAME else None

    def needs(self) -> Needs:
        """What holds for the commands while the page is in front."""
        page = self.in_front
        if page is None:
            return Needs.NOTHING
        flags = Needs.REVIEW
        if page.asks:
            flags |= Needs.QUESTION | Needs.SELECTION
            if page.subject is not None:
                flags |= Needs.CLASS
        return flags

    # -------------------------------------------------------------------------------- ways

    def open(self) -> None:
        """Show the page as it was left; the first time, with rare classes first."""
        fresh = self.page is None or self.page.idle
        page = self._show()
        if fresh:
            page.ask(QueueKind.TAIL_FIRST)

    def open_at(self, image_id: int) -> None:
        """Go through the grid's photos from this one on."""
        model = self._library.panel.model
        place = model.position_of(image_id)
        if place >= 0:
            ids = model.ids[place : place + MOST_FROM_GRID].tolist()
            self._show().show_images(ids)

    def ask(self, kind: QueueKind, class_id: int | None = None) -> None:
        """Show the page with this queue."""
        self._show().ask(kind, class_id)

    def leave(self) -> None:
        """Back to the grid."""
        self._library.show_grid()

    def close(self) -> None:
        if self.page is not None:
            self.page.close_page()

    # ------------------------------------------------------------------------------ inside

    def _read_ahead(self) -> None:
        tasks.start(
            lambda: importlib.import_module("lmpt_desktop.ui.review.page"), lambda _module: None
        )

    def _make(self) -> ReviewPage:
        from lmpt_desktop.ui.review.page import ReviewPage  # noqa: PLC0415 - when first wanted

        library = self._library
        page = ReviewPage(library.session, library.desk, library.commands)
        page.said.connect(library.said)
        page.problem.connect(library.problem)
        page.needs_changed.connect(library.needs_changed)
        page.leave_wanted.connect(self.leave)
        page.retrain_wanted.connect(library.commands.action("model.retrain").trigger)
        page.vocabulary_wanted.connect(library.commands.action("vocabulary.edit").trigger)
        return page

    def _show(self) -> ReviewPage:
        return self._library.pages.show_page(NAME)  # pyright: ignore[reportReturnType]

    def _page_shown(self, name: str) -> None:
        page, came_from_here = self.page, self._was_in_front
        self._was_in_front = name == NAME
        if page is not None and name == GRID and came_from_here:
            self._library.go_to_image(page.current_id)
        elif page is not None and name == NAME and self._stale:
            self._stale = False
            page.library_changed()
        self._library.needs_changed.emit()

    def _library_changed(self) -> None:
        self._new_version = True
        self._tell()

    def _predictions_changed(self) -> None:
        """Predictions also change with every batch of encoded photos: that is no reason to choose
        other questions while there are some."""
        page = self.page
        if self._new_version or (page is not None and page.idle):
            self._new_version = False
            self._tell()

    def _images_changed(self) -> None:
        if self.page is not None:
            self.page.images_changed()

    def _tell(self) -> None:
        page = self.in_front
        if page is not None:
            page.library_changed()
        else:
            self._stale = True

    def _annotations_changed(self, notice: notices.AnnotationsChanged) -> None:
        page = self.in_front
        # After an answer the next image is at hand, of which nothing has changed.
        if page is not None and (not notice.image_ids or page.current_id in notice.image_ids):
            page.annotations_changed()


def bind(commands: CommandRegistry, current: Callable[[], LibraryPage | None]) -> None:
    """Let the review commands act on the library page that is open."""

    def here(act: Callable[[ReviewPage], object]) -> Callable[[], object]:
        def run() -> None:
            library = current()
            page = library.review.in_front if library is not None else None
            if page is not None:
                act(page)

        return run

    def library(act: Callable[[ReviewEntry], object]) -> Callable[[], object]:
        def run() -> None:
            page = current()
            if page is not None:
                act(page.review)

        return run

    on = commands.on
    on("view.review", library(lambda review: review.open()))
    on("review.leave", library(lambda review: review.leave()))
    on("review.skip", here(lambda page: page.judge.skip()))
    on("review.done", here(lambda page: page.done()))
    on("review.back", here(lambda page: page.judge.back()))
    on("review.previous", here(lambda page: page.judge.look_back()))
    on("review.find", here(lambda page: page.side.finder.start()))
    on("review.zoom-in", here(lambda page: page.canvas.zoom(1)))
    on("review.zoom-out", here(lambda page: page.canvas.zoom(-1)))
    on("review.fit", here(lambda page: page.canvas.fit()))
    on("review.actual", here(lambda page: page.canvas.toggle()))
