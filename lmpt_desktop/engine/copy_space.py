"""How much space the copies of the catalogue take, and whether that is too much (Qt-free)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.backups import GIGABYTE, CopySpace
from lmpt_desktop.engine.notices import Notice, Problem
from lmpt_desktop.settings import COPIES_TOLD, NO_LIMIT, SPACE_FOR_COPIES, Settings
from lmpt_desktop.translation import _

log = logging.getLogger(__name__)


class SpaceForCopies:
    """The space that copies of the catalogue take and may take."""

    def __init__(
        self, catalogue: Catalogue, settings: Settings, notify: Callable[[Notice], None]
    ) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._notify = notify

    def survey(self) -> CopySpace:
        """What the copies take, and which would be deleted with the next one.  Reads those copies
        if they take too much.

        Raises:
            OSError: if the folder cannot be read.
        """
        limit = self._settings.get(SPACE_FOR_COPIES) * GIGABYTE
        return self._catalogue.space_of_copies(limit)

    def tell_if_exceeded(self) -> None:
        """Tell, once for each limit, that the copies that must be kept take more.

        Raises:
            OSError, CatalogueError: if the folder cannot be read, or the catalogue not written.
        """
        limit = self._settings.get(SPACE_FOR_COPIES)
        if not self.survey().exceeded:
            limit = NO_LIMIT
        if limit == self._settings.get(COPIES_TOLD):
            return
        self._settings.set(COPIES_TOLD, limit)
        if limit != NO_LIMIT:
            self._notify(
                Problem(
                    _("The copies of this library take more space than they may"),
                    _(
                        "Those that are left take more than {limit} GB. They are the newest, and "
                        "those that hold annotations which no newer copy has, so that none of "
                        "them is deleted. You can allow more space in Preferences > Library, or "
                        "move copies from {folder} to another disk."
                    ).format(limit=limit, folder=self._catalogue.copies_folder),
                )
            )
