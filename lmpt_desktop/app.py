"""Builds the window and its objects, and starts the app (imports no torch)."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from lmpt_desktop.engine.free_memory import keep_little
from lmpt_desktop.library_places import library_for, library_with
from lmpt_desktop.paths import APP_NAME, log_dir
from lmpt_desktop.real_paths import canonical
from lmpt_desktop.settings import LANGUAGE, OPEN_LIBRARY
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.language import set_language
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.library.dropped_paths import classify_paths
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.shell.uncaught import UncaughtErrors
from lmpt_desktop.ui.window import library_code
from lmpt_desktop.ui.window.garbage_collection import GuiThreadCollector
from lmpt_desktop.ui.window.library_code import FirstPaint
from lmpt_desktop.ui.window.library_opening import LibraryOpener, Opened
from lmpt_desktop.ui.window.main_window import TITLE, MainWindow
from lmpt_desktop.ui.window.single_instance import hand_over
from trainer import crash_files

if TYPE_CHECKING:
    from lmpt_desktop.domain.records import ClassSpec
    from lmpt_desktop.engine.session import Commands

FIRST_VOCABULARY = "everyday"
SWITCH_SECONDS = 0.0005
"""How long a busy thread keeps Python's lock while the window waits for it, a tenth of Python's
default: it shortens stalls while predictions arrive (opening is not affected)."""


def open_session(
    library: Path,
    *,
    commands: Commands | None = None,
    classes: Sequence[ClassSpec] | None = None,
) -> Opened:
    """Open the library in a folder, with its thumbnails; background work starts with ``begin``.

    A new library gets ``classes``, or the everyday vocabulary.  ``commands`` are the trainer's
    programs, for tests.

    Raises:
        CatalogueError: with a sentence for the user.
    """
    # On the thread that opens it: the window is painted without all of this.
    library_code.load()
    from lmpt_desktop.engine.session import LibrarySession  # noqa: PLC0415
    from lmpt_desktop.inference.vocabularies import built_in_vocabulary  # noqa: PLC0415
    from lmpt_desktop.ingest import ThumbnailStore  # noqa: PLC0415
    from lmpt_desktop.ui.kit.thumbnails import SessionThumbnails  # noqa: PLC0415
    from trainer.decoding import shared_pool  # noqa: PLC0415

    session = LibrarySession.open(library, commands=commands, begin=False)
    new = not session.snapshot().classes and not session.folders.all()
    if new and not session.catalogue.read_only:
        # A new library should show predictions before the user has set anything.
        session.vocabulary.set_all(classes or built_in_vocabulary(FIRST_VOCABULARY))
    store = ThumbnailStore(library)
    # Ready when the first thumbnail is asked for.
    shared_pool().prepare()
    return Opened(session, SessionThumbnails(session, store), store.close, session.begin)


def make_application() -> QApplication:
    """The application object, with its names set."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    sys.setswitchinterval(SWITCH_SECONDS)
    keep_little()
    application = QApplication([APP_NAME])
    application.setApplicationName(APP_NAME)
    application.setApplicationDisplayName(TITLE)
    application.setDesktopFileName(APP_NAME)
    GuiThreadCollector(application)
    return application


def make_window(
    settings: ComputerSettings | None = None, opener: LibraryOpener | None = None
) -> MainWindow:
    """The window, with no library open; tests pass their own opener."""
    return MainWindow(opener or LibraryOpener(open_session), settings or ComputerSettings())


def requested_library(settings: ComputerSettings, args: argparse.Namespace) -> Path | None:
    """The library that the command line names, else the one that was open last."""
    library: Path | None = getattr(args, "library", None)
    if library is not None:
        return canonical(library.expanduser())
    if named := _named(args):
        places = classify_paths(named).required_folders
        if not places:
            return None
        return library_with(places[0], settings.libraries()) or library_for(places[0])
    last = settings.get(OPEN_LIBRARY)
    return Path(last) if last and (Path(last) / "catalogue.sqlite").is_file() else None


def _named(args: argparse.Namespace) -> list[Path]:
    """Folders and photos named on the command line."""
    return [path.expanduser().absolute() for path in getattr(args, "folders", None) or []]


def start(window: MainWindow, args: argparse.Namespace) -> None:
    """Open what the command line names, else what was open last."""
    FirstPaint(window).painted.connect(_prepare_library)
    named = _named(args)
    if named and getattr(args, "library", None) is None:
        window.open_paths(named)  # which finds their library off the window's thread
    else:
        window.open_paths(named, requested_library(window.settings, args))


def _prepare_library() -> None:
    """Have ready what a library needs, off the window's thread: the code, and decoders, for which
    the first thumbnails would wait."""

    def prepare() -> None:
        library_code.load()
        from trainer.decoding import shared_pool  # noqa: PLC0415

        shared_pool().prepare()

    Task(prepare, owner=None)


def shown_elsewhere(settings: ComputerSettings, args: argparse.Namespace) -> bool:
    """Whether another window has the library open and was asked to open the same paths."""
    library = requested_library(settings, args)
    return library is not None and hand_over(library, _named(args))


def run(args: argparse.Namespace) -> int:
    """Show the window and return the exit code when it is closed.

    ``args`` has ``folders`` (photo folders to open) and ``library`` (a library folder, or
    None).
    """
    crash_files.watch(log_dir(), "window")
    try:
        return _run(args)
    finally:
        crash_files.end()


def _run(args: argparse.Namespace) -> int:
    application = make_application()
    settings = ComputerSettings()
    set_language(application, settings.get(LANGUAGE))
    if shown_elsewhere(settings, args):
        # For users who started the app in a terminal.
        sys.stderr.write(
            _("This library is already open in another window, which was brought to the front.")
            + "\n"
        )
        return 0
    window = make_window(settings)
    UncaughtErrors(window.context.report_uncaught).install()
    _close_on_signals(application, window)
    window.show()
    start(window, args)
    window.first_start()
    try:
        return application.exec()
    finally:
        from trainer.decoding import shared_pool  # noqa: PLC0415

        # Threads that wait for a photo would keep the process from ending.
        shared_pool().close()


def _close_on_signals(application: QApplication, window: MainWindow) -> None:
    """Close the window properly on Ctrl+C and SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    # Python handles signals between bytecodes, so Qt's loop must run some Python regularly.
    timer = QTimer(application)
    timer.timeout.connect(lambda: None)
    timer.start(300)
