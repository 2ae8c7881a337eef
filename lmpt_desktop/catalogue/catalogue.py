"""The catalogue: one object per open library, with a room for each kind of record."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from lmpt_desktop.catalogue import backups, opening
from lmpt_desktop.catalogue.annotations import Annotations
from lmpt_desktop.catalogue.classes import Classes
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.catalogue.features import Features
from lmpt_desktop.catalogue.folders import Folders
from lmpt_desktop.catalogue.images import Images
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.catalogue.prompt_sets import PromptSets
from lmpt_desktop.catalogue.runs import Runs
from lmpt_desktop.catalogue.settings import Settings
from lmpt_desktop.catalogue.store import Store


class Catalogue:
    """An open library.  Every method of every room may be called from any thread.

    Attributes:
        library_folder: where the library is; see docs/architecture.md.
        folders, images, classes, annotations, features, prompt_sets, runs, settings: the
            rooms, one class each.
    """

    def __init__(self, library_folder: Path, store: Store, lock: ProcessLock | None) -> None:
        self.library_folder = library_folder
        self._store = store
        self._lock = lock
        self._backup: threading.Thread | None = None
        self.folders = Folders(store)
        self.images = Images(store)
        self.classes = Classes(store)
        self.annotations = Annotations(store)
        self.features = Features(store)
        self.prompt_sets = PromptSets(store)
        self.runs = Runs(store)
        self.settings = Settings(store)

    @classmethod
    def open(cls, library_folder: Path, *, exclusive: bool = False) -> Self:
        """Open the library in ``library_folder``, making it if there is none.

        A catalogue of an older version is brought up to date after a copy was put into
        ``backups/``; once a day a copy is taken in the background.

        Args:
            library_folder: the library, see docs/architecture.md.
            exclusive: refuse if another process has the library open this way.  The window
                does; ``tag`` does not, and may work beside a window.

        Raises:
            CatalogueLocked: another process holds it (only with ``exclusive``, or while it
                migrates for more than a minute).
            CatalogueNewer: a newer version of the app wrote it.
            CatalogueDamaged: it is not sound; the sentence tells of the backups.
            CatalogueDiskFull, CatalogueUnwritable: the disk does not let us.
        """
        library_folder = library_folder.absolute()
        try:
            library_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise opening.mapped(error, library_folder) from error
        lock = ProcessLock(library_folder / opening.LOCK_NAME) if exclusive else None
        try:
            path = opening.prepare(library_folder)
        except BaseException:
            if lock:
                lock.release()
            raise
        catalogue = cls(library_folder, Store(path), lock)
        catalogue._start_backup(path)
        return catalogue

    def _start_backup(self, path: Path) -> None:
        if backups.daily_due(path.parent):
            # A copy of a large catalogue takes a second: not while the user waits.
            self._backup = threading.Thread(
                target=backups.back_up_daily, args=(path,), name="catalogue-backup", daemon=True
            )
            self._backup.start()

    def hurried(self, seconds: float) -> AbstractContextManager[None]:
        """See :meth:`Store.hurried`."""
        return self._store.hurried(seconds)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What this thread writes within it is on disk as a whole when it ends, or not at all.
        Reads within it do not see what was written in it."""
        with self._store.write():
            yield

    def outside_version(self) -> int:
        """A number that is another one whenever another process (``tag``) has written since;
        see :meth:`Store.outside_version`.

        Raises:
            CatalogueError: if the file cannot be read.
        """
        return self._store.outside_version()

    def close(self) -> None:
        """Let go of the files.  Closing twice does nothing."""
        if self._backup:
            self._backup.join()
            self._backup = None
        self._store.close()
        with contextlib.suppress(CatalogueError):
            opening.note_sound(self._store.path)
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
