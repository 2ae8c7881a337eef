"""An open session with its thumbnails, as the library's page gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    """Starts the session's background work; called once its images are on screen."""
    folders: tuple[Folder, ...] = ()
    """The library's folders at that time."""

    def close(self) -> None:
        """Close the thumbnails and the session."""
        self.close_thumbnails()
        self.session.close()
