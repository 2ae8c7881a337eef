"""The catalogue: one object per open library, with one attribute for each kind of record."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from lmpt_desktop.catalogue import backups, housekeeping, opening, soundness
from lmpt_desktop.catalogue.annotations import Annotations
from lmpt_desktop.catalogue.classes import Classes
from lmpt_desktop.catalogue.conflicts import Conflicts
from lmpt_desktop.catalogue.disk_access import LOCK_NAME, DiskAccess
from lmpt_desktop.catalogue.errors import CatalogueError, CatalogueReadOnly, from_os, translated
from lmpt_desktop.catalogue.feature_file import FeatureFile
from lmpt_desktop.catalogue.features import Features
from lmpt_desktop.catalogue.folders import Folders
from lmpt_desktop.catalogue.images import Images
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.catalogue.missing import MissingImages
from lmpt_desktop.catalogue.pairs import Pairs
from lmpt_desktop.catalogue.photo_details import StoredDetails
from lmpt_desktop.catalogue.prompt_sets import PromptSets
from lmpt_desktop.catalogue.runs import Runs
from lmpt_desktop.catalogue.same_pictures import SamePictureFinder
from lmpt_desktop.catalogue.settings import Settings
from lmpt_desktop.catalogue.side_files import SideFileRecords
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.catalogue.store import Store
from lmpt_desktop.catalogue.table_file import TableFile
from lmpt_desktop.catalogue.transfers import Transfers
from lmpt_desktop.private_files import make_private_folder, make_private_folders
from trainer.threads import start_thread

log = logging.getLogger(__name__)


class Catalogue:
    """An open library.  Every method may be called from any thread.

    Attributes:
        library_folder: where the library is; see docs/architecture.md.
        folders, images, photo_details, pairs, classes, annotations, conflicts, transfers,
            missing, same_pictures, features, prompt_sets, runs, side_files, settings: one class
            each.
    """

    def __init__(self, library_folder: Path, store: Store, lock: ProcessLock | None) -> None:
        self.library_folder = library_folder
        self._store = store
        self._lock = lock
        self._backup: threading.Thread | None = None
        self.folders = Folders(store)
        # A disk that can map the catalogue's shared memory can map these.
        mappable = store.access is DiskAccess.SHARED_MEMORY
        self.images = Images(store, TableFile(library_folder) if mappable else None)
        self.photo_details = StoredDetails(store)
        self.classes = Classes(store)
        self.annotations = Annotations(store)
        self.pairs = Pairs(store)
        self.conflicts = Conflicts(store)
        self.transfers = Transfers(store)
        self.missing = MissingImages(store)
        self.same_pictures = SamePictureFinder(store)
        self.features = Features(store, FeatureFile(library_folder) if mappable else None)
        self.prompt_sets = PromptSets(store)
        self.runs = Runs(store)
        self.side_files = SideFileRecords(store)
        self.settings = Settings(store)

    @classmethod
    def open(cls, library_folder: Path, *, exclusive: bool = False) -> Self:
        """Open the library in ``library_folder``, making it if there is none.

        A catalogue of an older version is migrated after it was copied to ``backups/``; once a
        day a copy is made in the background.

        Args:
            library_folder: the library, see docs/architecture.md.
            exclusive: refuse if another process has the library open this way.  The window
                does; ``tag`` does not, and may work beside a window.

        Raises:
            CatalogueLocked: another process holds it (only with ``exclusive``, or while it
                migrates for more than a minute).
            CatalogueNewer: a newer version of the app wrote it.
            CatalogueDamaged: it is damaged; the message names the backups.
            CatalogueDiskFull, CatalogueUnwritable: the disk is full or refuses to write.
            CatalogueReadOnly: its disk has no locks, and it cannot even be read there; see
                :attr:`read_only` for when it can.
        """
        library_folder = library_folder.absolute()
        try:
            if not library_folder.is_dir():
                make_private_folder(library_folder)
        except OSError as error:
            raise opening.mapped(error, library_folder) from error
        lock: ProcessLock | None = None
        if exclusive:
            # Without locks no process can be kept out, and nothing is written either.
            with contextlib.suppress(CatalogueReadOnly):
                lock = ProcessLock(library_folder / LOCK_NAME)
        try:
            path, access = opening.prepare(library_folder)
        except BaseException:
            if lock:
                lock.release()
            raise
        catalogue = cls(library_folder, Store(path, access), lock)
        if not catalogue.read_only:
            housekeeping.sweep_library(library_folder, alone=lock is not None)
        catalogue._start_backup(path)
        return catalogue

    @property
    def read_only(self) -> bool:
        """Whether every write raises CatalogueReadOnly: the disk has no locks."""
        return self._store.access is DiskAccess.READING

    def _start_backup(self, path: Path) -> None:
        def back_up() -> None:
            with self._store.undisturbed():
                backups.back_up_daily(path)

        if not self.read_only and backups.daily_due(path.parent):
            # A copy of a large catalogue takes a second: not while the user waits.
            try:
                self._backup = start_thread(back_up, "catalogue-backup")
            except (MemoryError, RuntimeError) as error:
                log.warning("no daily copy of %s is made now: %s", path, error)

    @property
    def copies_folder(self) -> Path:
        """Where the copies of the catalogue are."""
        return self.library_folder / backups.FOLDER

    def space_of_copies(self, limit: int) -> backups.CopySpace:
        """See :func:`.backups.space_taken`."""
        return backups.space_taken(self.library_folder, limit)

    def write_timeout(self, seconds: float) -> AbstractContextManager[None]:
        """See :meth:`Store.write_timeout`."""
        return self._store.write_timeout(seconds)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction for everything that this thread writes in the block: all of it is on
        disk at the end, or none.  Reads in the block do not see those writes."""
        with self._store.write():
            yield

    def make_folder(self, *names: str) -> Path:
        """Make a folder in the library's folder, one in that, and so on; returns the last.

        Whatever an open library keeps in folders is made by this: a library that was moved away
        while it is open is never created again at its old place.

        Raises:
            CatalogueError: if the library is no longer where it was opened, or the disk refuses.
        """
        self._store.require_place()
        try:
            return make_private_folders(self.library_folder, *names)
        except OSError as error:
            raise from_os(error, self._store.path) from error

    def check_soundness(self, should_stop: Callable[[], bool] = lambda: False) -> Soundness:
        """Check the whole file, and compare every verdict with the journal; see
        :mod:`lmpt_desktop.catalogue.soundness`.

        Raises:
            CatalogueError: if it cannot be read.
        """
        return soundness.check(self._store, should_stop)

    def repair(self, found: Soundness) -> Path:
        """Mend what :meth:`check_soundness` has found, after a copy into ``backups/``.

        Returns:
            The copy of what was there before.

        Raises:
            ValueError: if it cannot all be mended from the journal.
            CatalogueError: if it cannot be copied or written; then nothing is changed.
        """
        path = self._store.path
        try:
            with translated(path), self._store.undisturbed():
                copy = backups.back_up(path, backups.REPAIR)
        except OSError as error:
            raise from_os(error, path) from error
        soundness.repair(self._store, found)
        return copy

    def external_version(self) -> int:
        """A number that changes whenever another process (``tag``) writes; see
        :meth:`Store.external_version`.

        Raises:
            CatalogueError: if the file cannot be read.
        """
        return self._store.external_version()

    def close(self) -> None:
        """Close the files.  Closing twice does nothing."""
        if self._backup:
            self._backup.join()
            self._backup = None
        self._store.close()
        if not self.read_only:
            with contextlib.suppress(CatalogueError):
                opening.record_shutdown(self._store.path)
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
