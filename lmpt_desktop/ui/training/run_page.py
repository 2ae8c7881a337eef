"""The run page: the progress of a retraining and its result."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.engine.notices import RunChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.training.retrain import RunStatus
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, close_box, larger, muted, tint
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.training.log import LogDialog
from lmpt_desktop.ui.training.run_story import (
    ACTIVE,
    details,
    headline,
    latest_scores,
    setup,
    story_of,
)

_FAILED = (RunState.FAILED, RunState.LOST)


class RunPage(QWidget):
    """Shows one run; empty until :meth:`show_status`."""

    cancel_requested = Signal(int)
    compare_requested = Signal(int)
    log_requested = Signal(object)
    """The path of the log."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # pyqtgraph takes a third of a second to import, so not before a run is shown.
        from lmpt_desktop.ui.training.run_plot import RunPlot  # noqa: PLC0415

        self.status: RunStatus | None = None
        self._cancelling = -1
        self.headline = Label()
        self.headline.setObjectName("run-headline")
        self.headline.setFont(larger(self.font(), 1.35))
        self.details = muted()
        self.details.setObjectName("run-details")
        self.setup = muted()
        self.setup.setObjectName("run-setup")
        self.bar = QProgressBar()
        self.bar.setObjectName("run-progress")
        self.bar.setAccessibleName(_("Retraining progress"))
        self.plot = RunPlot()
        self.scores = Label()
        self.scores.setObjectName("run-scores")
        self.cancel = QPushButton(_("&Cancel retraining"))
        self.cancel.setObjectName("cancel-run")
        self.log = QPushButton(_("Show &log"))
        self.log.setObjectName("show-log")
        self.compare = QPushButton(_("Com&pare..."))
        self.compare.setObjectName("compare")
        buttons = QHBoxLayout()
        buttons.addWidget(self.scores, 1)
        for button in (self.log, self.cancel, self.compare):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)  # the dialog has them
        layout.setSpacing(8)
        for widget in (self.headline, self.details, self.bar, self.setup):
            layout.addWidget(widget)
        layout.addWidget(self.plot, 1)
        layout.addLayout(buttons)
        self.cancel.clicked.connect(self._cancel)
        self.compare.clicked.connect(self._compare)
        self.log.clicked.connect(self._show_log)
        theme.manager().changed.connect(self._restyle)
        self._hide_run()

    def _hide_run(self) -> None:
        for label in (self.headline, self.details, self.setup, self.scores):
            label.clear()
        for widget in (self.cancel, self.log, self.compare, self.bar):
            widget.hide()

    def show_status(self, status: RunStatus | None) -> None:
        """Show the state of a run; None where there has been none."""
        self.status = status
        if status is None:
            self._hide_run()
            self.headline.setText(_("No retraining yet"))
            self.details.setText(_("Start one under Model > Retrain prompts."))
            return
        story = story_of(status)
        active = status.state in ACTIVE
        cancelling = active and self._cancelling == status.run_id
        self.headline.setText(_("Cancelling...") if cancelling else headline(status, story))
        self.details.setText(details(status, story))
        self.bar.setVisible(active)
        self.bar.setRange(0, story.steps)
        self.bar.setValue(story.step)
        self.bar.setTextVisible(bool(story.steps))
        self.setup.setText(setup(story))
        self.plot.show_story(story, over=status.state is RunState.FINISHED)
        self.scores.setText(latest_scores(story))
        self.cancel.setVisible(active)
        self.cancel.setEnabled(not cancelling)
        self.log.setVisible(not active)
        self.compare.setVisible(status.version_id is not None and not active)
        self._restyle()

    def _cancel(self) -> None:
        if self.status is not None:
            self._cancelling = self.status.run_id
            self.cancel_requested.emit(self.status.run_id)
            self.show_status(self.status)

    def _show_log(self) -> None:
        if self.status is not None:
            self.log_requested.emit(self.status.log)

    def _compare(self) -> None:
        if self.status is not None:
            self.compare_requested.emit(self.status.run_id)

    def _restyle(self, *_: object) -> None:
        bad = self.status is not None and self.status.state in _FAILED
        tint(self.headline, theme.current().colour("error" if bad else "text"))


class RunDialog(LibraryDialog):
    """Shows the newest run; closing the dialog does not stop it."""

    compare_requested = Signal(int)
    """Run id."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self.setWindowTitle(_("Retraining"))
        self.resize(760, 480)
        self.page = RunPage()
        buttons = close_box(self)
        self._hint = muted(_("You can close this window; the retraining continues."))
        foot = QHBoxLayout()
        foot.addWidget(self._hint, 1)
        foot.addWidget(buttons)
        self._hint.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self.page, 1)
        layout.addWidget(self.strip)
        layout.addLayout(foot)
        self.page.cancel_requested.connect(
            lambda run: self.run(lambda: self.session.training.cancel(run))
        )
        self.page.compare_requested.connect(self.compare_requested)
        self.page.log_requested.connect(self._show_log)
        self._request = LatestRequest(self._show, self.show_error, owner=self, overlap=False)
        self.listen(RunChanged, lambda _notice: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Ask for the state of the newest run again."""
        self._request.ask(self.session.training.current_run)

    def _show(self, status: RunStatus | None) -> None:
        self.page.show_status(status)
        self._hint.setVisible(status is not None and status.state in ACTIVE)

    def _show_log(self, path: object) -> None:
        if isinstance(path, Path):
            LogDialog(path, self).show()
