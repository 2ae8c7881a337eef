"""Folders and photos that are dropped on the window, or handed to it by another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDropEvent

from lmpt_desktop.domain.records import Folder
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.translation import ngettext, number
from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from trainer.photo import PHOTO_SUFFIXES


@dataclass(frozen=True)
class DroppedPaths:
    """What is to be opened: folders, and photos to be selected in theirs.

    ``others`` are paths that are neither, or not there.
    """

    folders: tuple[Path, ...] = ()
    photos: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.folders or self.photos)

    @property
    def places(self) -> list[Path]:
        """The folders that must be in the library, each once, in the order they came."""
        parents = (photo.parent for photo in self.photos)
        return list(dict.fromkeys((*self.folders, *parents)))


def classify_paths(paths: Iterable[Path]) -> DroppedPaths:
    """Tell folders and photos apart.  Looks at disks that may be slow: not for the window's
    thread."""
    folders: list[Path] = []
    photos: list[Path] = []
    others: list[Path] = []
    for path in paths:
        if path.is_dir():
            folders.append(path)
        elif has_photo_name(path) and path.is_file():
            photos.append(path)
        else:
            others.append(path)
    return DroppedPaths(tuple(folders), tuple(photos), tuple(others))


def has_photo_name(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES


def dragged_paths(event: QDropEvent) -> list[Path]:
    """The local files and folders in a drag; none if no photo and no folder is among them.

    The name of a photo is enough, so that hardly ever a disk is looked at while the user drags.
    """
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    wanted = any(map(has_photo_name, paths)) or any(path.is_dir() for path in paths)
    return paths if wanted else []


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
    """Adds dropped folders to an open library, and selects dropped photos once they are found."""

    message = Signal(str)
    """What was selected, in a sentence."""
    failed = Signal(object)
    photos_wanted = Signal()
    """Photos are going to be selected: the grid must be in front, with all photos in it."""

    def __init__(
        self,
        session: LibrarySession,
        panel: GridPanel,
        add_folders: Callable[[Sequence[Path]], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._panel = panel
        self._add_folders = add_folders
        self._waiting: tuple[Path, ...] = ()
        self._finding = LatestRequest(self._found, self.failed.emit, owner=self)
        panel.shown.connect(self._look)

    @property
    def waiting(self) -> bool:
        """Whether photos are still to be found and selected."""
        return bool(self._waiting)

    def drop(self, paths: Sequence[Path]) -> None:
        """Find out what these are, then :meth:`take` them."""
        Task(lambda: classify_paths(paths), self.take, self.failed.emit, owner=self)

    def take(self, paths: DroppedPaths) -> None:
        """Add the folders that are not in the library yet; select the photos."""
        session = self._session

        def new_folders() -> list[Path]:
            known = [folder.path for folder in session.folders.all() if not folder.hidden]
            return [place for place in paths.places if not is_within(place, known)]

        Task(new_folders, self._add_folders, self.failed.emit, owner=self)
        self.select(paths.photos)

    def select(self, photos: Iterable[Path]) -> None:
        """Select these photos once they are on screen."""
        self._waiting = tuple(photo.absolute() for photo in photos)
        if self._waiting:
            self.photos_wanted.emit()
            self._look(self._panel.model.snapshot)

    def _look(self, snapshot: Snapshot | None) -> None:
        photos, session = self._waiting, self._session
        if photos and snapshot is not None:
            self._finding.ask(
                lambda: (photos, find_images(photos, session.folders.all(), snapshot))
            )

    def _found(self, found: tuple[tuple[Path, ...], NDArray[np.int64]]) -> None:
        photos, ids = found
        # Other photos may have been dropped meanwhile.
        if photos != self._waiting:
            return
        # The grid may still show what a filter let through: it will show all photos soon.
        ids = ids[self._panel.model.positions_of(ids) >= 0]
        if not len(ids):
            return
        self._panel.view.select_ids(ids, int(ids[0]))
        if len(ids) == len(photos):
            self._waiting = ()
            self._panel.view.setFocus()
            self.message.emit(
                ngettext("{count} photo selected", "{count} photos selected", len(ids)).format(
                    count=number(len(ids))
                )
            )
