"""Suggests a retraining once there are enough new annotations for it."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QTimer
from shiboken6 import isValid

from lmpt_desktop.engine.notices import AnnotationsChanged, RunChanged
from lmpt_desktop.engine.training.advice import RetrainAdvice
from lmpt_desktop.settings import SUGGEST_RETRAIN
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import duration
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
from lmpt_desktop.ui.shell.notifications import Notification

log = logging.getLogger(__name__)

PAUSE_MS = 4000
"""How long after the last verdict a suggestion may come, so that it interrupts no series."""


class RetrainSuggestion(QObject):
    """Exists as long as the pages of its library."""

    def __init__(self, context: ShellContext, library: OpenLibrary) -> None:
        super().__init__(library.pages)
        self._context = context
        self._session = library.session
        # The user did not ask for a suggestion, so an error is only logged.
        self._advice = LatestRequest(
            self._show,
            lambda error: log.warning("no retraining could be suggested: %s", error),
            owner=self,
            overlap=False,
        )
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(PAUSE_MS)
        self.timer.timeout.connect(self.ask)
        self._note: Notification | None = None
        library.bridge.on(AnnotationsChanged, lambda _notice: self.timer.start())
        library.bridge.on(RunChanged, lambda _notice: self._run_changed())

    def _run_changed(self) -> None:
        # While a run is under way, no other one need be suggested.
        self.timer.stop()
        self._dismiss()

    def _dismiss(self) -> None:
        if self._note is not None and isValid(self._note):
            self._context.notifications.dismiss(self._note)
        self._note = None

    def ask(self) -> None:
        """Find out, off the window's thread, whether a retraining is worthwhile."""
        if self._context.settings.get(SUGGEST_RETRAIN):
            self._advice.ask(self._session.training.advice)

    def _show(self, advice: RetrainAdvice | None) -> None:
        if advice is None:
            return
        took = "" if advice.seconds is None else duration(advice.seconds)
        self._dismiss()
        note = self._note = self._context.notifications.notify(
            _("Retraining is worthwhile now"), advice.sentence(took), colour="accent"
        )

        def retrain() -> None:
            self._dismiss()
            self._context.commands.trigger("model.retrain")

        note.add_button(_("Retrain..."), retrain)
