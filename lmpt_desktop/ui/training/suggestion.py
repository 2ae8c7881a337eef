"""Says, beside the work, when enough was annotated for a retraining to be worth it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from shiboken6 import isValid

from lmpt_desktop.engine.advising import RetrainAdvice
from lmpt_desktop.engine.notices import AnnotationsChanged, RunChanged
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.kit.formats import duration
from lmpt_desktop.ui.shell.settings import SUGGEST_RETRAIN

if TYPE_CHECKING:
    from lmpt_desktop.ui.library.page import LibraryPage
    from lmpt_desktop.ui.shell.notifications import Notification
    from lmpt_desktop.ui.window.main_window import MainWindow

PAUSE_MS = 4000
"""So long after the last verdict it is asked: nobody is told in the middle of a series."""


class RetrainSuggestion(QObject):
    """Lives as long as its page."""

    def __init__(
        self, window: MainWindow, page: LibraryPage, retrain: Callable[[], object]
    ) -> None:
        super().__init__(page)
        self._window = window
        self._page = page
        self._retrain = retrain
        self._asking = False
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(PAUSE_MS)
        self.timer.timeout.connect(self.ask)
        self._note: Notification | None = None
        page.bridge.on(AnnotationsChanged, self._said)
        page.bridge.on(RunChanged, self._run_changed)

    def _said(self, _notice: object) -> None:
        if isValid(self.timer):
            self.timer.start()

    def _run_changed(self, _notice: object) -> None:
        # However it was started: what is under way need not be suggested.
        if isValid(self.timer):
            self.timer.stop()
            self._take_back()

    def _take_back(self) -> None:
        if self._note is not None and isValid(self._note):
            self._window.notifications.dismiss(self._note)
        self._note = None

    def ask(self) -> None:
        """Work out, in the background, whether a retraining is worth it."""
        if self._asking or not self._window.memory.number(SUGGEST_RETRAIN, 1):
            return
        self._asking = True
        tasks.start(self._page.session.retrain_advice, self._show, self._failed)

    def _show(self, advice: RetrainAdvice | None) -> None:
        self._asking = False
        if advice is None or not isValid(self) or self._window.page is not self._page:
            return
        took = "" if advice.seconds is None else duration(advice.seconds)
        self._take_back()
        note = self._note = self._window.notifications.tell(
            _("A retraining is worth it"), advice.sentence(took), colour="accent"
        )

        def retrain() -> None:
            self._take_back()
            self._retrain()

        note.add_button(_("Retrain..."), retrain)

    def _failed(self, error: Exception) -> None:
        self._asking = False
        # A suggestion nobody has asked for is no reason to bother anybody with an error.
        tasks.logger.warning("no retraining could be suggested: %s", error)
