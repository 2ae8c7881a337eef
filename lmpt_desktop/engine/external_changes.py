"""Notices what another process (``lmpt-desktop tag``) adds to the open library (Qt-free).

Every two seconds a background thread asks the catalogue whether another process has written,
which takes microseconds.  What was added is then read by the session's worker.  While the other
process is at work, photos that lack a feature are left to it; this process encodes them only
once the other has been quiet for a while.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import AnnotationsChanged, FoldersChanged, Notice
from lmpt_desktop.engine.tasks import Worker

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
QUIET_SECONDS = 10.0
"""After this time without a write by another process, this one encodes what lacks a feature."""


class ExternalChangeMonitor:
    """Notices writes by other processes and brings the session's arrays up to date."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        model: ModelService,
        worker: Worker,
        *,
        notify: Callable[[Notice], None],
        reload_images: Callable[[], None],
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        """``reload_images`` reads the images again; it is called on the worker."""
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._worker = worker
        self._notify = notify
        self._reload_images = reload_images
        self._quiet_seconds = quiet_seconds
        self._seen = catalogue.external_version()
        self._folders = {item.id for item in catalogue.folders.all()}
        self._quiet_from: float | None = None
        self._spacing = CHECK_SECONDS

    def check(self) -> None:
        """Check whether another process has written; cheap, but may wait for our own writes."""
        try:
            version = self._catalogue.external_version()
        except CatalogueError as error:
            log.debug("the catalogue cannot be read: %s", error)
            return
        now = time.monotonic()
        if version != self._seen:
            self._seen = version
            self._quiet_from = now + self._quiet_seconds
            self._worker.post("outside", self._read, self._spacing)
        elif self._quiet_from is not None and now >= self._quiet_from:
            self._quiet_from = None
            self._worker.post("missing", self._model.queue_missing)

    def _read(self) -> None:
        began = time.monotonic()
        folders = {item.id for item in self._catalogue.folders.all()}
        if folders != self._folders:
            self._folders = folders
            self._notify(FoldersChanged())
        self._reload_images()
        if self._state.reread(
            self._catalogue.annotations.matrix, self._catalogue.annotations.reviewed
        ):
            self._notify(AnnotationsChanged())
        self._model.reload_features()
        # A large library takes a while to read: leave the worker time for other things.
        self._spacing = max(CHECK_SECONDS, 4 * (time.monotonic() - began))
