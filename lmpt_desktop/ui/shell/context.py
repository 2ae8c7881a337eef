"""What features are given instead of the window: see :class:`ShellContext`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

from lmpt_desktop import paths
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.error_texts import UNEXPECTED, message_of
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.shell.library_view import ClassPage, LibraryView
from lmpt_desktop.ui.shell.open_dialogs import OpenDialogs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget

    from lmpt_desktop.engine.notices import Problem
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.inference.filters import Status
    from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
    from lmpt_desktop.ui.commands import CommandRegistry
    from lmpt_desktop.ui.kit.bridge import SessionBridge
    from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, ThumbnailSource
    from lmpt_desktop.ui.shell.notifications import Notification, NotificationArea
    from lmpt_desktop.ui.shell.page_stack import PageStack
    from lmpt_desktop.ui.shell.settings import ComputerSettings
    from lmpt_desktop.ui.shell.status_bar import StatusBar

log = logging.getLogger(__name__)


class OpenLibrary(Protocol):
    """The page of the open library, as features see it."""

    @property
    def session(self) -> LibrarySession: ...

    @property
    def bridge(self) -> SessionBridge:
        """The session's notices, on the window's thread."""
        ...

    @property
    def undo_stack(self) -> AnnotationUndoStack: ...

    @property
    def pages(self) -> PageStack:
        """The pages; features offer their own here."""
        ...

    @property
    def thumbnails(self) -> ThumbnailLoader: ...

    @property
    def thumbnail_source(self) -> ThumbnailSource:
        """For a view that loads thumbnails at its own pace."""
        ...

    @property
    def view(self) -> LibraryView | None:
        """The view in front; None if it has no photos to annotate."""
        ...

    def on_photo_activated(self, handler: Callable[[int], object]) -> None:
        """Call ``handler`` with the id of each image that is opened by double click or Enter."""
        ...

    def on_files_dropped(self, handler: Callable[[Sequence[Path]], object]) -> None:
        """Call ``handler`` with files of annotations that are dropped on the library."""
        ...

    def shown_ids(self) -> NDArray[np.int64]:
        """(n,) int64, the images in the grid, in its order; those in closed stacks too."""
        ...

    def card_ids(self) -> NDArray[np.int64]:
        """(n,) int64, the images that have a card in the grid, in its order: of a closed stack the
        one that stands for it."""
        ...

    def image_name(self, image_id: int) -> str:
        """The file name of an image in the grid; "" if it is not there."""
        ...

    @property
    def filtered_class(self) -> int | None:
        """The class the grid is filtered by."""
        ...

    def show_grid(self) -> None: ...

    def go_to_image(self, image_id: int) -> None:
        """Select an image in the grid, if the grid shows it."""
        ...

    def show_images(self, image_ids: Sequence[int]) -> None:
        """Show only these images in the grid, until the filters are cleared."""
        ...

    def show_class(self, class_id: int, status: Status | None = None) -> None:
        """Show the images that have a class or, with ``status``, those where it has that status."""
        ...


def class_in_front(library: OpenLibrary) -> int | None:
    """The class that the view or page in front is about."""
    if (view := library.view) is not None:
        return view.focus_class
    page = library.pages.currentWidget()
    return page.focus_class if isinstance(page, ClassPage) else None


def chosen_ids(library: OpenLibrary) -> NDArray[np.int64]:
    """(n,) int64 ids of the chosen images, in the order shown."""
    import numpy as np  # noqa: PLC0415

    return np.empty(0, np.int64) if library.view is None else library.view.chosen_ids()


class ShellContext(QObject):
    """Commands, notifications, status, settings, dialogs and the open library.

    Features get this, never the window or the library's page.
    """

    opened = Signal(object)
    """A library was opened: its :class:`OpenLibrary`."""
    closed = Signal()
    """The library was closed, and its dialogs with it."""

    def __init__(
        self,
        window: QWidget,
        commands: CommandRegistry,
        notifications: NotificationArea,
        status: StatusBar,
        settings: ComputerSettings,
    ) -> None:
        super().__init__(window)
        self.dialog_parent = window
        """The parent of dialogs; not to be used for anything else."""
        self.commands = commands
        self.notifications = notifications
        self.status = status
        self.settings = settings
        self.dialogs = OpenDialogs()
        self._library: OpenLibrary | None = None

    @property
    def library(self) -> OpenLibrary | None:
        """The open library, or None."""
        return self._library

    def require_library(self) -> OpenLibrary:
        """The open library, for commands that are enabled only while there is one.

        Raises:
            RuntimeError: if none is open.
        """
        if self._library is None:
            raise RuntimeError("no library is open")
        return self._library

    def set_library(self, library: OpenLibrary | None) -> None:
        """Set the open library; only the window calls this."""
        self._library = library
        if library is None:
            self.dialogs.close_all()
            self.closed.emit()
        else:
            self.opened.emit(library)
        self.refresh_commands()

    def refresh_commands(self) -> None:
        """Evaluate the conditions of commands again."""
        self.commands.refresh()

    # ------------------------------------------------------------------------------- reporting

    def report(self, title: str, error: Exception) -> Notification:
        """Log an error and show it as a notification, with a button for the log.

        An expected refusal is no error of the program: it is only said.
        """
        if isinstance(error, RefusedError):
            log.info("%s: %s", title, error)
            return self.notifications.notify(title, str(error))
        log.error("%s", title, exc_info=error)
        message = message_of(error)
        note = self.notifications.notify(title, message, colour="error")
        add_log_button(note)
        return note

    def report_failure(self, error: Exception) -> None:
        """As :meth:`report`, with a general title."""
        self.report(_("Something went wrong"), error)

    def report_uncaught(self, error: Exception) -> None:
        """Show an error that nothing handled and that is in the log already."""
        unexpected = _(UNEXPECTED)
        details = f"{type(error).__name__}: {error}"
        title = _("Something went wrong")
        add_log_button(self.notifications.notify(title, unexpected, details, colour="error"))

    def show_problem(self, problem: Problem) -> None:
        """Show a problem reported by the session."""
        note = self.notifications.notify(problem.title, problem.message, problem.details)
        add_log_button(note)


def add_log_button(note: Notification) -> None:
    """Add a button that opens the log folder."""
    note.add_button(_("Show log"), lambda: file_manager.open_path(paths.log_dir()))
