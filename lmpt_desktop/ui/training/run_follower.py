"""Follows the newest run of an open library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.engine.notices import RunChanged
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.versions.commands import compare_run

if TYPE_CHECKING:
    from lmpt_desktop.engine.training.retrain import RunStatus
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext

ACTIVE = (RunState.PREPARING, RunState.RUNNING)
ENDED = (RunState.FINISHED, RunState.CANCELLED, RunState.FAILED, RunState.LOST)


class RunFollower(QObject):
    """Follows the newest run of one library and notifies the user when it ends."""

    def __init__(
        self, context: ShellContext, library: OpenLibrary, show: Callable[[], object]
    ) -> None:
        """``show`` shows the progress of the newest run."""
        super().__init__(library.pages)
        self._context = context
        self._session = library.session
        self._show = show
        self._answered = False
        self.status: RunStatus | None = None
        """The newest run, running or not; None while none is known."""
        self._request = LatestRequest(
            self._set_status, context.report_failure, owner=self, overlap=False
        )
        library.bridge.on(RunChanged, self._refresh)
        self._refresh()

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.status is not None and self.status.state in ACTIVE

    def _refresh(self, _notice: object = None) -> None:
        self._request.ask(self._session.training.current_run)

    def _set_status(self, status: RunStatus | None) -> None:
        before, self.status = self.status, status
        answered_before, self._answered = self._answered, True
        self._context.refresh_commands()
        # A run that ended before the library was opened is not news.
        if not answered_before or status is None or status.state not in ENDED:
            return
        if before is not None and (before.run_id, before.state) == (status.run_id, status.state):
            return
        if self._context.dialogs.find("run") is None:
            self._notify(status)

    def _notify(self, status: RunStatus) -> None:
        notifications = self._context.notifications
        if status.state in (RunState.FAILED, RunState.LOST):
            message = status.message or _("The version in use has not changed.")
            note = notifications.notify(_("Retraining stopped"), message, colour="error")
            note.add_button(_("Show log"), self._show)
        elif status.version_id is not None:
            note = notifications.notify(
                _("Retraining finished"),
                _("Compare the new version with the one in use, then decide."),
                colour="accent",
            )

            def compare() -> None:
                notifications.dismiss(note)
                compare_run(self._context, status.run_id)

            note.add_button(_("Compare..."), compare)
