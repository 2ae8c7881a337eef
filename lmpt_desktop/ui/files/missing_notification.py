"""Tells that photos with annotations have gone missing."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject

from lmpt_desktop.engine.notices import (
    ActivityChanged,
    ActivityKind,
    ActivityState,
    AnnotationsChanged,
    AnnotationsFollowed,
    ImagesChanged,
)
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
from lmpt_desktop.ui.shell.notifications import Notification

log = logging.getLogger(__name__)


class MissingNotification(QObject):
    """Exists as long as the pages of its library.

    Only what goes missing while the library is open is told: the user knows of the rest.  The
    count stays that of the catalogue while the message is shown, also after an undo.
    """

    def __init__(
        self, context: ShellContext, library: OpenLibrary, show: Callable[[], object]
    ) -> None:
        """``show`` brings the page of missing photos to the front."""
        super().__init__(library.pages)
        self._context = context
        self._show = show
        self._session = library.session
        self.known: int | None = None
        """How many were missing at the last count."""
        self._before = 0
        """How many were missing before those that the message tells of."""
        self._note: Notification | None = None
        self._counting: LatestRequest[int] = LatestRequest(
            self._counted,
            lambda error: log.warning("missing photos were not counted: %s", error),
            owner=self,
            overlap=False,
        )
        library.bridge.on(ActivityChanged, self._activity_changed)
        for kind in (AnnotationsChanged, AnnotationsFollowed, ImagesChanged):
            library.bridge.on(kind, self._recount)
        self._counting.ask(self._session.missing.count_gone)

    def _activity_changed(self, notice: ActivityChanged) -> None:
        activity = notice.activity
        if activity.kind is ActivityKind.SCAN and activity.state is ActivityState.IDLE:
            self._counting.ask(self._session.missing.count_gone)

    def _recount(self, _notice: object) -> None:
        """Keep the count of the message; verdicts must not wait for it while there is none."""
        if self._is_shown():
            self._counting.ask(self._session.missing.count_gone)

    def _is_shown(self) -> bool:
        return self._context.notifications.is_shown(self._note)

    def _counted(self, count: int) -> None:
        known, self.known = self.known, count
        if known is None:
            return
        if self._note is not None and self._is_shown():
            if count <= self._before:
                self._context.notifications.dismiss(self._note)
            else:
                self._note.set_title(_title(count - self._before))
        elif count > known:
            self._before = known
            self._tell(count - known)

    def _tell(self, more: int) -> None:
        note = self._note = self._context.notifications.notify(
            _title(more),
            _("The annotations are kept. Show the photos to see where they could be now."),
            colour="warning",
        )
        note.add_button(_("Show"), self._show)


def _title(more: int) -> str:
    return ngettext(
        "{count} photo with annotations is missing",
        "{count} photos with annotations are missing",
        more,
    ).format(count=number(more))
