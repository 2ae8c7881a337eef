"""The commands that open dialogs: vocabulary, export, preferences, retraining, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.engine.notices import ActivityKind
from lmpt_desktop.engine.views import RunState
from lmpt_desktop.ui.commands import Needs

if TYPE_CHECKING:
    from lmpt_desktop.ui.main_window import MainWindow


class ModelActions:
    """Opens dialogs for the window's library; dialogs are imported when first needed."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def bind(self) -> None:
        """Put the handlers on the commands."""

    def needs(self) -> Needs:
        """Whether a run is going on."""
        page = self._window.page
        run = page.session.current_run() if page is not None else None
        return Needs.RUN if run is not None and run.state is RunState.RUNNING else Needs.NOTHING

    def cancel(self, kind: ActivityKind) -> None:
        """Stop an activity of the status bar."""
        page = self._window.page
        if page is None:
            return
        if kind is ActivityKind.FIT:
            run = page.session.current_run()
            if run is not None and run.state is RunState.RUNNING:
                page.session.cancel_retrain(run.run_id)
        else:
            page.session.cancel(kind)
