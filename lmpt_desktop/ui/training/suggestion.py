"""Follows how much there is to learn, and suggests a retraining once that is enough."""

from __future__ import annotations

import logging
import time

from PySide6.QtCore import QObject, QTimer, Signal

from lmpt_desktop.engine.notices import (
    AnnotationsChanged,
    AnnotationsFollowed,
    ClassesChanged,
    FoldersChanged,
    RunChanged,
    VersionsChanged,
)
from lmpt_desktop.engine.training.advice import RetrainAdvice
from lmpt_desktop.settings import SUGGEST_RETRAIN
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.texts import duration
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
from lmpt_desktop.ui.shell.notifications import Notification

log = logging.getLogger(__name__)

PAUSE_MS = 4000
"""How long after the last verdict a suggestion may come, so that it interrupts no series."""
COUNT_MS = 400
"""How often at most the new verdicts are counted."""
SHARE = 0.04
"""Of a processor that counting may take while somebody annotates: every annotation is read, which
in a large library costs more than all else that a verdict does."""


def count_interval(seconds: float) -> int:
    """Milliseconds between two counts, of which the last took so much processor time."""
    return max(COUNT_MS, round(1000 * seconds / SHARE))


class RetrainSuggestion(QObject):
    """Counts what a retraining would have to learn from, and suggests one once that is enough.

    Exists as long as the pages of its library.  Every count it shows is the catalogue's.
    """

    counted = Signal()
    """:attr:`advice` is new."""

    def __init__(self, context: ShellContext, library: OpenLibrary) -> None:
        super().__init__(library.pages)
        self._context = context
        self._session = library.session
        self.advice: RetrainAdvice | None = None
        """What there is to learn; None if that is nothing, or not known yet."""
        # The user did not ask for a suggestion, so an error is only logged.
        self._request = LatestRequest(
            self._counted,
            lambda error: log.warning("no retraining could be suggested: %s", error),
            owner=self,
            overlap=False,
        )
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(PAUSE_MS)
        self.timer.timeout.connect(self.ask)
        self._counting = QTimer(self)
        self._counting.setSingleShot(True)
        self._counting.setInterval(COUNT_MS)
        self._counting.timeout.connect(self._count)
        self._suggesting = False
        self._took = ""
        self._note: Notification | None = None
        library.bridge.on(AnnotationsChanged, self._annotated)
        library.bridge.on(RunChanged, self._run_changed)
        for kind in (AnnotationsFollowed, ClassesChanged, FoldersChanged, VersionsChanged):
            library.bridge.on(kind, self._count_soon)
        self._count_soon()

    def ask(self) -> None:
        """Find out, off the window's thread, whether a retraining is worthwhile; if so, say it."""
        self._suggesting = self._context.settings.get(SUGGEST_RETRAIN)
        self._count()

    def _annotated(self, _notice: object) -> None:
        self.timer.start()
        self._count_soon()

    def _run_changed(self, _notice: object) -> None:
        self.timer.stop()
        self._suggesting = False
        self._dismiss()

    def _count_soon(self, _notice: object = None) -> None:
        if not self._counting.isActive():
            self._counting.start()

    def _count(self) -> None:
        suggest = self._suggesting

        def count() -> tuple[RetrainAdvice | None, float]:
            begun = time.thread_time()
            advice = self._session.training.advice(suggest=suggest)
            return advice, time.thread_time() - begun

        self._request.ask(count)

    def _counted(self, counted: tuple[RetrainAdvice | None, float]) -> None:
        advice, seconds = counted
        self._counting.setInterval(count_interval(seconds))
        self.advice = advice
        self.counted.emit()
        note = self._note
        if note is not None and self._context.notifications.is_shown(note):
            if advice is None or not advice.worthwhile:
                self._dismiss()
            else:
                note.set_message(advice.sentence(self._took))
        elif self._suggesting and advice is not None and advice.due:
            self._suggest(advice)

    def _suggest(self, advice: RetrainAdvice) -> None:
        self._suggesting = False
        self._took = "" if advice.seconds is None else duration(advice.seconds)
        note = self._note = self._context.notifications.notify(
            _("Retraining is worthwhile now"), advice.sentence(self._took), colour="accent"
        )

        def retrain() -> None:
            self._dismiss()
            self._context.commands.trigger("model.retrain")

        note.add_button(_("Retrain..."), retrain)
        Task(lambda: self._session.training.suggested(advice), owner=self)

    def _dismiss(self) -> None:
        self._context.notifications.dismiss(self._note)
        self._note = None
