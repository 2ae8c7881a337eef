"""Folders and photos dropped on the window or passed to it by another process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lmpt_desktop.domain import ignore_list
from lmpt_desktop.domain.states import ImageState
from lmpt_desktop.real_paths import canonical, canonical_place, names_in
from lmpt_desktop.translation import ngettext, number
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from trainer.file_formats import PHOTO_SUFFIXES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtGui import QDropEvent

    from lmpt_desktop.domain.ignore_list import IgnoreList
    from lmpt_desktop.domain.records import Folder
    from lmpt_desktop.domain.snapshot import Snapshot
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.grid.panel import GridPanel


@dataclass(frozen=True)
class DroppedPaths:
    """Folders to open, and photos to select in their folders.

    ``others`` are paths that are neither, or do not exist.
    """

    folders: tuple[Path, ...] = ()
    photos: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.folders or self.photos)

    @property
    def required_folders(self) -> list[Path]:
        """The folders that must be in the library, without repetitions, in their order."""
        parents = (photo.parent for photo in self.photos)
        return list(dict.fromkeys((*self.folders, *parents)))


def classify_paths(paths: Iterable[Path], ignore: IgnoreList = ignore_list.DEFAULT) -> DroppedPaths:
    """Tell folders and photos apart; what a scan would leave out is no photo.  Reads disks that may
    be slow: not for the window's thread."""
    folders: list[Path] = []
    photos: list[Path] = []
    others: list[Path] = []
    for path in paths:
        if path.is_dir():
            folders.append(path)
        elif (
            has_photo_name(path) and not ignore.matches(path.name, folder=False) and path.is_file()
        ):
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
    paths = _local_paths(event)
    wanted = any(map(has_photo_name, paths)) or any(path.is_dir() for path in paths)
    return paths if wanted else []


def dragged_annotations(event: QDropEvent) -> list[Path]:
    """The files in a drag that a format of annotations could be in, by their names."""
    from lmpt_desktop.interchange import registry  # noqa: PLC0415

    suffixes = {suffix for item in registry.readable() for suffix in item.suffixes}
    return [
        path
        for path in _local_paths(event)
        if not has_photo_name(path) and path.name.lower().endswith(tuple(suffixes))
    ]


def _local_paths(event: QDropEvent) -> list[Path]:
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


def is_within(path: Path, folders: Iterable[Path]) -> bool:
    """Whether ``path`` is one of ``folders`` or inside one."""
    return any(path == folder or folder in path.parents for folder in folders)


def not_in(folders: Iterable[Path], library: Iterable[Path]) -> list[Path]:
    """Those of ``folders`` that are not inside one of ``library``, by spelling or by where they
    really are.  Reads the disk."""
    known = list(library)
    real = [canonical(folder) for folder in known]
    return [
        folder
        for folder in folders
        if not is_within(folder, known) and not is_within(canonical(folder), real)
    ]


def find_images(
    photos: Iterable[Path], folders: Sequence[Folder], snapshot: Snapshot
) -> NDArray[np.int64]:
    """The ids of those photos that are in the library, in the order of ``photos``.

    A photo is found under another spelling, too.  Reads the disk.
    """
    import numpy as np  # noqa: PLC0415

    listing = lru_cache(names_in)
    roots = [(folder.id, folder.path) for folder in folders]
    real_roots = [(folder.id, canonical(folder.path, listing=listing)) for folder in folders]
    table = snapshot.images
    folder_ids = table.folder_ids.tolist()
    # Missing ones first: the place of one may be another photo's, which is meant.
    places = {
        (folder_ids[row], table.names[row]): row
        for row in np.argsort(table.states != ImageState.MISSING, kind="stable").tolist()
    }

    def row_of(photo: Path, roots: Iterable[tuple[int, Path]]) -> int | None:
        for folder_id, root in roots:
            if is_within(photo, [root]):
                row = places.get((folder_id, photo.relative_to(root).as_posix()))
                if row is not None:
                    return row
        return None

    rows = []
    for photo in photos:
        row = row_of(photo, roots)
        if row is None:
            row = row_of(canonical_place(photo, listing=listing), real_roots)
        if row is not None:
            rows.append(row)
    return table.ids[rows]


class DroppedPathsHandler(QObject):
    """Adds dropped folders to an open library, and selects dropped photos once they are found."""

    message = Signal(str)
    """A sentence that says what was selected."""
    failed = Signal(object)
    folders_offered = Signal(object)
    """A :class:`DroppedPaths` with folders that are not in the library: it is for the user to say
    whether they should be."""
    photos_requested = Signal()
    """Photos are about to be selected: the grid must be in front and show all photos."""

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
        panel.shown.connect(self._find_photos)

    @property
    def waiting(self) -> bool:
        """Whether photos are still to be selected."""
        return bool(self._waiting)

    def drop(self, paths: Sequence[Path]) -> None:
        """Find out what these are, then :meth:`handle` them."""
        ignore = self._session.left_out.ignore_list
        Task(lambda: classify_paths(paths, ignore()), self.handle, self.failed.emit, owner=self)

    def offer(self, paths: Sequence[Path]) -> None:
        """As :meth:`drop`, but folders that are not in the library are offered, not added."""

        def look() -> tuple[DroppedPaths, list[Path]]:
            found = classify_paths(paths, self._session.left_out.ignore_list())
            return found, self._new_folders(found)

        def looked(answer: tuple[DroppedPaths, list[Path]]) -> None:
            found, new = answer
            if new:
                self.folders_offered.emit(found)
            else:
                self.select(found.photos)

        Task(look, looked, self.failed.emit, owner=self)

    def handle(self, paths: DroppedPaths) -> None:
        """Add the folders that are not in the library yet, and select the photos."""
        Task(lambda: self._new_folders(paths), self._add_folders, self.failed.emit, owner=self)
        self.select(paths.photos)

    def _new_folders(self, paths: DroppedPaths) -> list[Path]:
        known = [folder.path for folder in self._session.folders.all() if not folder.hidden]
        return not_in(paths.required_folders, known)

    def select(self, photos: Iterable[Path]) -> None:
        """Select these photos once the grid shows them."""
        self._waiting = tuple(photo.absolute() for photo in photos)
        if self._waiting:
            self.photos_requested.emit()
            self._find_photos(self._panel.model.snapshot)

    def _find_photos(self, snapshot: Snapshot | None) -> None:
        photos, session = self._waiting, self._session
        if photos and snapshot is not None:
            self._finding.ask(
                lambda: (photos, find_images(photos, session.folders.all(), snapshot))
            )

    def _found(self, found: tuple[tuple[Path, ...], NDArray[np.int64]]) -> None:
        photos, ids = found
        # Other photos may have been dropped in the meantime.
        if photos != self._waiting:
            return
        # The grid may still be filtered; it will show all photos soon.
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
