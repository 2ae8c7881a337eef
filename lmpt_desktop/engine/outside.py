"""Sees what another process (``lmpt-desktop tag``) adds to the library that is open here.

The catalogue is asked every two seconds, on a thread of its own, whether somebody else has
written; the question costs microseconds.  What was added is then read by the session's worker.
While the other one is at work this process leaves the photos to it, and looks for ones that
lack a feature only once it has been quiet for a while.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.engine.notices import AnnotationsChanged, FoldersChanged, Notice

if TYPE_CHECKING:
    from lmpt_desktop.catalogue import Catalogue
    from lmpt_desktop.engine.model_service import ModelService
    from lmpt_desktop.engine.state import LibraryState
    from lmpt_desktop.engine.worker import Worker

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
QUIET_SECONDS = 10.0
"""After so long without a foreign write, photos that lack a feature are this process's again."""


class OutsideChanges:
    """Notices foreign writes and brings the session's arrays up to date with them."""

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
        """``reload_images`` reads the images again and tells of it; on the worker."""
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._worker = worker
        self._notify = notify
        self._reload_images = reload_images
        self._quiet_seconds = quiet_seconds
        self._seen = catalogue.outside_version()
        self._folders = {item.id for item in catalogue.folders.all()}
        self._quiet_from: float | None = None
        self._spacing = LOOK_SECONDS

    def look(self) -> None:
        """Ask whether somebody else has written; cheap, but it may wait for a write of ours."""
        try:
            version = self._catalogue.outside_version()
        except CatalogueError as error:
            log.debug("the catalogue could not be asked: %s", error)
            return
        now = time.monotonic()
        if version != self._seen:
            self._seen = version
            self._quiet_from = now + self._quiet_seconds
            self._worker.post("outside", self._take_in, self._spacing)
        elif self._quiet_from is not None and now >= self._quiet_from:
            self._quiet_from = None
            self._worker.post("missing", self._model.queue_missing)

    def _take_in(self) -> None:
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
        self._model.take_in_features()
        # A large library takes a while to read: leave the worker time for other things.
        self._spacing = max(LOOK_SECONDS, 4 * (time.monotonic() - began))
