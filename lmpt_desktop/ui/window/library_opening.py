"""Opens and closes library sessions off the window's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lmpt_desktop.catalogue.records import Folder
from lmpt_desktop.ui.grid.loader import ThumbnailSource
from lmpt_desktop.ui.kit import tasks

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession

CLOSE_SECONDS = 20.0
"""How long an opening waits for an earlier library to close (it may be the same one)."""


@dataclass(frozen=True)
class Opened:
    """An open session and its thumbnails."""

    session: LibrarySession
    thumbnails: ThumbnailSource
    close_thumbnails: Callable[[], object] = lambda: None
    begin: Callable[[], object] = lambda: None
    """Starts the session's background work; called when its images are on screen."""
    folders: tuple[Folder, ...] = ()
    """The library's folders when it was opened."""

    def close(self) -> None:
        """Let go of the library."""
        self.close_thumbnails()
        self.session.close()


Open = Callable[[Path], Opened]


class LibraryOpener(QObject):
    """``open_session`` is called on a worker thread with the library's folder."""

    opened = Signal(object)
    """An :class:`Opened`."""
    failed = Signal(object)
    """The exception."""

    def __init__(self, open_session: Open, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open_session = open_session
        self._closings: list[threading.Event] = []
        self._busy = False

    @property
    def busy(self) -> bool:
        return self._busy

    def open(self, library: Path, folders: list[Path]) -> None:
        """Open ``library`` and add ``folders`` to it; ends in ``opened`` or ``failed``."""
        self._busy = True
        tasks.start(lambda: self._open(library, folders), self._done, self._failed)

    def close(self, opened: Opened) -> None:
        """Close a library, in the background."""
        closed = threading.Event()
        self._closings.append(closed)

        def close() -> None:
            try:
                opened.close()
            finally:
                closed.set()

        tasks.start(close, lambda _none: self._closings.remove(closed))

    def wait(self) -> None:
        """Until every session is closed: at the end of the app."""
        for closed in list(self._closings):
            closed.wait(CLOSE_SECONDS)

    def _open(self, library: Path, folders: list[Path]) -> Opened:
        self.wait()
        opened = self._open_session(library)
        try:
            for folder in folders:
                opened.session.add_folder(folder)
            return replace(opened, folders=tuple(opened.session.folders()))
        except BaseException:
            opened.close()
            raise

    def _done(self, opened: Opened) -> None:
        self._busy = False
        self.opened.emit(opened)

    def _failed(self, error: Exception) -> None:
        self._busy = False
        self.failed.emit(error)
