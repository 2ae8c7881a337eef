"""Notices crashes, of last time and of a trainer process, and offers a report."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from lmpt_desktop.paths import log_dir
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.shell.context import ShellContext
from trainer import crash_files

LOOK_SECONDS = 10.0
"""A crash of a trainer process is noticed within this time."""
PART_CRASHED = N_("A part of the app has crashed")
CRASHED = {
    "encode": N_("The process that encodes photos has crashed"),
    "fit": N_("A retraining has crashed"),
    "caption": N_("The process that writes captions has crashed"),
}
"""By the command of the trainer."""


class CrashWatch(QObject):
    """Offers a report of a crash: at the start of one of last time, and of one of a trainer process
    when it happens.  Of each kind of process once until the app is closed.
    """

    def __init__(self, context: ShellContext, show_report: Callable[[], object]) -> None:
        """``show_report`` opens the dialog that makes a report."""
        super().__init__(context)
        self._context = context
        self._show_report = show_report
        self._offered: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setInterval(int(LOOK_SECONDS * 1000))
        self._timer.timeout.connect(self.look)

    def begin(self) -> None:
        """Look at what the last time has left, and then from time to time."""
        Task(_take, self._offer_last, owner=self)
        self._timer.start()

    def look(self) -> None:
        """Look for crashes since."""
        Task(_take, self._offer, owner=self)

    def _offer_last(self, names: list[str]) -> None:
        if "window" in names:
            self._notify(_("The app crashed last time"))
        elif names:
            self._notify(_("A part of the app crashed last time"))

    def _offer(self, names: list[str]) -> None:
        for name in dict.fromkeys(names):
            # The window of another start of the app tells so itself, when it is started again.
            if name != "window" and name not in self._offered:
                self._offered.add(name)
                self._notify(_(CRASHED.get(name, PART_CRASHED)))

    def _notify(self, title: str) -> None:
        note = self._context.notifications.notify(
            title,
            _(
                "All your annotations are kept. A report can help to find the fault; nothing "
                "is sent by itself."
            ),
        )
        note.add_button(_("Report a problem..."), self._show_report)


def _take() -> list[str]:
    """The kinds of processes that have crashed since this was last asked."""
    # "crash-<kind>-<process id>.txt"
    return [
        path.name.split("-", 1)[1].rsplit("-", 1)[0] for path in crash_files.mark_seen(log_dir())
    ]
