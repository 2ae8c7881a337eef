"""An open session with its thumbnails, as the page of the library is given it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lmpt_desktop.domain.records import Folder
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.kit.thumbnails import ThumbnailSource


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
