"""The folders of an open library: which there are, their scans, and watching them (Qt-free)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.domain.ignore_list import IgnoreList
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.engine.images import ImageReloader
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import FoldersChanged, Notice
from lmpt_desktop.engine.scanner import Scanner
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.ingest.scope import Scope
from lmpt_desktop.ingest.watch import FolderWatch

log = logging.getLogger(__name__)


class LibraryFolders:
    """Folders of one library."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        scanner: Scanner,
        model: ModelService,
        images: ImageReloader,
        worker: Worker,
        notify: Callable[[Notice], None],
        watch: bool,
        ignore: Callable[[], IgnoreList],
        ours: Callable[[str], bool],
    ) -> None:
        """``watch``: scan what changes in the folders as it changes, but for what ``ignore`` says
        and files that ``ours`` says this app has just written."""
        self._catalogue = catalogue
        self._scanner = scanner
        self._model = model
        self._images = images
        self._worker = worker
        self._notify = notify
        self._watch = FolderWatch(self._touched, ignore=ignore, ours=ours) if watch else None

    def all(self) -> list[Folder]:
        """The library's folders, by path.  Reads the catalogue."""
        return self._catalogue.folders.all()

    def add(self, path: Path) -> Folder:
        """Add a folder of photos and start scanning it."""
        known = self.all()
        absolute = path.expanduser().absolute()
        if self._catalogue.read_only and (same := [i for i in known if i.path == absolute]):
            return same[0]
        before = {item.id for item in known}
        folder = self._catalogue.folders.add(absolute)
        # Folders inside it are part of it now, and no longer scanned separately.
        for absorbed in before - {item.id for item in self.all()}:
            self._scanner.forget(absorbed)
        self._model.forget_cancel()
        self._changed()
        self._scanner.scan([folder])
        return folder

    def relocate(self, folder_id: int, path: Path) -> None:
        """The folder was moved to ``path``: keep every annotation and rescan."""
        self._catalogue.folders.relocate(folder_id, path.expanduser().absolute())
        self._changed()
        self.rescan(folder_id)

    def remove(self, folder_id: int) -> None:
        """Hide the folder's images (they leave the snapshot in a moment); adding it again
        brings the annotations back."""
        self._scanner.forget(folder_id)
        self._catalogue.folders.remove(folder_id)
        self._changed()

    def rescan(self, folder_id: int | None = None) -> None:
        """Look for new, changed and vanished files, in one folder or all."""
        self._scanner.scan(
            [item for item in self.all() if folder_id is None or item.id == folder_id]
        )
        # A scan encodes only what it finds new or changed; the user wants all that is missing.
        self._worker.post("missing", self._model.queue_missing)

    def watch_notes(self) -> dict[int, str]:
        """Folders whose changes are not noticed as they happen: a sentence by folder id."""
        return self._watch.notes() if self._watch is not None else {}

    # ------------------------------------------------------------------- used by the session

    def scan_and_watch(self) -> None:
        """Scan every folder, and watch them from now on; then read what was never read
        completely."""
        folders = self.all()
        self._scanner.scan(folders)
        self._scanner.read_completely(folders)
        self.watch_again()

    def add_only(self, paths: Sequence[Path]) -> list[Folder]:
        """Add these folders without scanning them; photos of others are not encoded."""
        added = [self._catalogue.folders.add(path.expanduser().absolute()) for path in paths]
        self._model.only_folders = {item.id for item in added}
        self._images.reload()
        return added

    def watch_again(self) -> None:
        """Watch the folders that the library has now."""
        if self._watch is not None:
            self._watch.watch({item.id: item.path for item in self.all()})

    def check_watch(self) -> None:
        """Check that watched folders still exist; call this regularly."""
        if self._watch is not None:
            self._watch.recheck()

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.close()

    def _changed(self) -> None:
        self._notify(FoldersChanged())
        self.watch_again()
        self._images.reload_soon(spaced=False)

    def _touched(self, folder_id: int, scope: Scope) -> None:
        """Something in a folder was changed on disk."""
        try:
            found = [item for item in self.all() if item.id == folder_id]
        except CatalogueError as error:
            log.info("a change in folder %d was not followed: %s", folder_id, error)
            return
        self._scanner.scan(found, scope)
