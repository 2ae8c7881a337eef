"""Folders and photos that are dropped on the window, or handed to it by another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtGui import QDropEvent

from lmpt_desktop.translation import ngettext, number
from lmpt_desktop.ui.kit import tasks
from trainer.photo import PHOTO_SUFFIXES

if TYPE_CHECKING:
    from lmpt_desktop.catalogue.records import Folder
    from lmpt_desktop.engine.views import Snapshot
    from lmpt_desktop.ui.library.page import LibraryPage


@dataclass(frozen=True)
class DroppedPaths:
    """What is to be opened: folders, and photos to be selected in theirs."""

    folders: tuple[Path, ...] = ()
    photos: tuple[Path, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.folders or self.photos)

    @property
    def places(self) -> list[Path]:
        """The folders that must be in the library, each once, in the order they came."""
        parents = (photo.parent for photo in self.photos)
        return list(dict.fromkeys((*self.folders, *parents)))


def classify_paths(paths: Iterable[Path]) -> DroppedPaths:
    """Folders and photos among paths; whatever else there is, is left out."""
    known = list(paths)
    return DroppedPaths(
        tuple(path for path in known if path.is_dir()),
        tuple(path for path in known if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file()),
    )


def dropped(event: QDropEvent) -> DroppedPaths:
    """Local folders and photos in a drag."""
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return classify_paths(Path(url.toLocalFile()) for url in urls if url.isLocalFile())


def is_within(path: Path, folders: Iterable[Path]) -> bool:
    """Whether one of ``folders`` is ``path`` or holds it."""
    return any(path == folder or folder in path.parents for folder in folders)


def find_images(
    photos: Iterable[Path], folders: Iterable[Folder], snapshot: Snapshot
) -> NDArray[np.int64]:
    """The ids of the photos that the library knows, in the order of ``photos``."""
    table = snapshot.images
    places = {
        (folder, name): row
        for row, (folder, name) in enumerate(
            zip(table.folder_ids.tolist(), table.names, strict=True)
        )
    }
    rows = []
    for photo in photos:
        for folder in folders:
            if is_within(photo, [folder.path]):
                row = places.get((folder.id, photo.relative_to(folder.path).as_posix()))
                rows += [] if row is None else [row]
    return table.ids[rows]


class DroppedPathsHandler(QObject):
    """Puts what arrives into an open library, and selects photos as soon as they are found."""

    def __init__(self, page: LibraryPage) -> None:
        super().__init__(page)
        self._page = page
        self._waiting: tuple[Path, ...] = ()
        page.panel.shown.connect(self._look)

    @property
    def waiting(self) -> bool:
        """Whether photos are still to be found and selected."""
        return bool(self._waiting)

    def take(self, arrival: DroppedPaths) -> None:
        """Add the folders that are not in the library yet; select the photos."""
        page = self._page
        known = [folder.path for folder in page.session.folders() if not folder.hidden]
        if new := [place for place in arrival.places if not is_within(place, known)]:
            page.add_folders(new)
        self.select(arrival.photos)

    def select(self, photos: Iterable[Path]) -> None:
        """Select these photos once they are on screen."""
        self._waiting = tuple(photo.absolute() for photo in photos)
        if self._waiting:
            page = self._page
            page.panel.search_bar.clear()
            page.panel.bar.clear()
            page.show_grid()
            self._look(page.panel.model.snapshot)

    def _look(self, snapshot: Snapshot | None) -> None:
        photos = self._waiting
        if not photos or snapshot is None:
            return
        session = self._page.session
        tasks.start(
            lambda: find_images(photos, session.folders(), snapshot),
            lambda ids: self._found(photos, ids),
        )

    def _found(self, photos: tuple[Path, ...], ids: NDArray[np.int64]) -> None:
        page = self._page
        # Something else may have been dropped meanwhile.
        if photos != self._waiting:
            return
        # The grid may still show what a filter let through: it will be here again with all.
        ids = ids[page.panel.model.positions_of(ids) >= 0]
        if not len(ids):
            return
        page.grid.select_ids(ids, int(ids[0]))
        if len(ids) == len(photos):
            self._waiting = ()
            page.grid.setFocus()
            page.said.emit(
                ngettext("{count} photo selected", "{count} photos selected", len(ids)).format(
                    count=number(len(ids))
                )
            )
