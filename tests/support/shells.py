"""The shell that features are given, without the main window: commands, notices, settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import Status
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.commands import Command, CommandRegistry, Shortcuts
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.library_view import LibraryView
from lmpt_desktop.ui.shell.notifications import NotificationArea
from lmpt_desktop.ui.shell.page_stack import PageStack
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.shell.status_bar import StatusBar
from lmpt_desktop.ui.window.features import all_commands


class RecordingWindow:
    """The window as its commands see it; keeps the names of the methods called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def ask_open(self) -> None:
        self.calls.append("ask_open")

    def open_samples(self) -> None:
        self.calls.append("open_samples")

    def ask_restore(self) -> None:
        self.calls.append("ask_restore")

    def close_library(self) -> None:
        self.calls.append("close_library")

    def close(self) -> bool:
        self.calls.append("close")
        return True

    def begin_tour(self) -> None:
        self.calls.append("begin_tour")

    def set_full_screen(self, on: bool) -> None:
        self.calls.append("set_full_screen")

    def in_full_screen(self) -> bool:
        return False


COMMANDS: tuple[Command[ShellContext], ...] = tuple(all_commands(RecordingWindow()))
"""Every command of the app; those on the window call a :class:`RecordingWindow`."""
BY_ID = {command.id: command for command in COMMANDS}


def make_context(
    window: QMainWindow, settings_file: Path, commands: Sequence[Command[ShellContext]] = COMMANDS
) -> ShellContext:
    """A context without a library; ``window`` owns it, and hears the commands' keys."""
    settings = ComputerSettings(settings_file)
    registry = CommandRegistry(window, commands, Shortcuts(commands, settings, window))
    status = StatusBar()
    window.setStatusBar(status)
    context = ShellContext(window, registry, NotificationArea(window), status, settings)
    registry.connect_context(context)
    return context


def no_thumbnail(_image_id: int, _version: str, _size: int, /) -> bytes:
    raise ValueError("there are no thumbnails here")


class BareLibrary:
    """An :class:`~lmpt_desktop.ui.shell.context.OpenLibrary` with an empty widget for a grid.

    ``shown`` keeps what features ask to be shown in the grid: ("class", class id, status),
    ("images", image ids) or ("image", image id).
    """

    def __init__(
        self, session: LibrarySession, undo_stack: AnnotationUndoStack | None = None
    ) -> None:
        self.session = session
        self.bridge = SessionBridge(session)
        self.undo_stack = undo_stack or AnnotationUndoStack(session, self.bridge)
        self.pages = PageStack(QWidget())
        self.thumbnail_source = no_thumbnail
        self.thumbnails = ThumbnailLoader(no_thumbnail)
        self.filtered_class: int | None = None
        self.shown: list[tuple[object, ...]] = []
        self._activated: list[Callable[[int], object]] = []
        self._dropped: list[Callable[[Sequence[Path]], object]] = []

    @property
    def view(self) -> LibraryView | None:
        page = self.pages.currentWidget()
        return page if isinstance(page, LibraryView) else None

    def on_photo_activated(self, handler: Callable[[int], object]) -> None:
        self._activated.append(handler)

    def activate_photo(self, image_id: int) -> None:
        """Do what a double click on an image of the grid does."""
        for handler in self._activated:
            handler(image_id)

    def on_files_dropped(self, handler: Callable[[Sequence[Path]], object]) -> None:
        self._dropped.append(handler)

    def drop_files(self, *paths: Path) -> None:
        """Do what dropping files of annotations on the library does."""
        for handler in self._dropped:
            handler(list(paths))

    def shown_ids(self) -> NDArray[np.int64]:
        return self.session.snapshot().image_ids

    def card_ids(self) -> NDArray[np.int64]:
        return self.shown_ids()

    def image_name(self, image_id: int) -> str:
        snapshot = self.session.snapshot()
        return snapshot.images.names[snapshot.row_of[image_id]]

    def show_grid(self) -> None:
        self.pages.show_page("grid")

    def go_to_image(self, image_id: int) -> None:
        self.shown.append(("image", image_id))

    def show_images(self, image_ids: Sequence[int]) -> None:
        self.shown.append(("images", list(image_ids)))

    def show_class(self, class_id: int, status: Status | None = None) -> None:
        self.shown.append(("class", class_id, status))

    def close(self) -> None:
        """Stop what works for this library; its session stays open."""
        self.pages.close_pages()
        self.thumbnails.close()
        self.bridge.close()


def show_library(context: ShellContext, library: BareLibrary, qtbot: QtBot) -> None:
    """Open a library in a context of :func:`make_context`, with its pages in the window."""
    window = context.dialog_parent
    assert isinstance(window, QMainWindow)
    window.setCentralWidget(library.pages)
    window.resize(1000, 640)
    context.set_library(library)
    window.show()
    qtbot.waitExposed(window)
