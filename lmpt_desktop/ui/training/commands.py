"""The commands that retrain the prompts, and how the window follows a run.

Dialogs are imported when first needed, so that the window starts without them: the plot of a run
imports a plotting library.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.engine.notices import RunChanged
from lmpt_desktop.engine.training.captioning import CaptionerMissingError
from lmpt_desktop.engine.training.retrain import RunStatus
from lmpt_desktop.settings import INSTANT, MACHINE, TRAIN_AWAY
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.texts import photos_text
from lmpt_desktop.ui.shell.conditions import has_classes, library_open, library_writable
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
from lmpt_desktop.ui.training.backbone_offer import OfferedBackbone
from lmpt_desktop.ui.training.suggestion import RetrainSuggestion
from lmpt_desktop.ui.versions.commands import compare_run

ACTIVE = (RunState.PREPARING, RunState.RUNNING)
ENDED = (RunState.FINISHED, RunState.CANCELLED, RunState.FAILED, RunState.LOST)


def run_known(context: ShellContext) -> bool:
    """There is a run to show, running or not."""
    follower = context.library.pages.findChild(RunFollower) if context.library else None
    return follower is not None and follower.status is not None


def running(context: ShellContext) -> bool:
    """A run is under way."""
    follower = context.library.pages.findChild(RunFollower) if context.library else None
    return follower is not None and follower.status is not None and follower.status.state in ACTIVE


def retrain_text(context: ShellContext) -> str:
    """The label of the toolbar button: the reason to press it, or that it was pressed."""
    if running(context):
        return _("Retraining...")
    found = context.library.pages.findChild(RetrainSuggestion) if context.library else None
    advice = found.advice if found is not None else None
    if advice is None or not advice.verdicts:
        return _("Retrain")
    return _("Retrain · {reason}").format(reason=advice.count_text())


def retrain(context: ShellContext) -> None:
    """Show what a retraining would learn from, to start it; or the one that is under way."""
    if running(context):
        show_run(context)
        return
    from lmpt_desktop.ui.training.retrain import RetrainDialog  # noqa: PLC0415

    library = context.require_library()

    def make() -> RetrainDialog:
        settings = context.settings
        dialog = RetrainDialog(
            library.session,
            library.bridge,
            context.dialog_parent,
            machine=settings.get(MACHINE),
            away=settings.get(TRAIN_AWAY),
        )
        dialog.started.connect(lambda _run: show_run(context))
        return dialog

    context.dialogs.show("retrain", make)


def show_run(context: ShellContext) -> None:
    """Show the progress of the newest run."""
    from lmpt_desktop.ui.training.run_page import RunDialog  # noqa: PLC0415

    library = context.require_library()

    def make() -> RunDialog:
        dialog = RunDialog(library.session, library.bridge, context.dialog_parent)
        dialog.compare_requested.connect(lambda run_id: compare_run(context, run_id))
        # Once the comparison is open, the suggestion to open it is out of date.
        dialog.compare_requested.connect(lambda _run: dialog.close())
        return dialog

    context.dialogs.show("run", make)


def write_captions(context: ShellContext) -> None:
    """Describe annotated photos in the background."""
    session = context.require_library().session

    def show_count(count: int) -> None:
        context.status.show_text(
            _("Writing captions for {photos}").format(photos=photos_text(count))
            if count
            else _("Every annotated photo has a caption")
        )

    def failed(error: Exception) -> None:
        note = context.report(_("Captions could not be written"), error)
        if isinstance(error, CaptionerMissingError):
            note.add_button(_("Choose backbone..."), lambda: choose_backbone(context))

    Task(session.training.write_captions, show_count, failed, owner=context)


def learns(context: ShellContext) -> bool:
    """Whether every verdict moves the predictions of the library."""
    return context.library is not None and context.library.session.settings.get(INSTANT)


def set_learning(context: ShellContext, on: bool) -> None:
    """Have verdicts move the predictions at once, or not."""
    settings = context.require_library().session.settings

    def failed(error: Exception) -> None:
        context.report(_("The setting could not be saved"), error)
        context.refresh_commands()

    def saved(_none: None) -> None:
        if not on:
            context.status.show_learning(False)
        context.refresh_commands()

    Task(lambda: settings.set(INSTANT, on), saved, failed, owner=context)


def choose_backbone(context: ShellContext) -> None:
    from lmpt_desktop.ui.training.backbone import BackboneDialog  # noqa: PLC0415

    library = context.require_library()
    context.dialogs.show(
        "backbone",
        lambda: BackboneDialog(library.session, library.bridge, context.dialog_parent),
    )


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("model.retrain", N_("&Retrain prompts..."), "model", 0, 10, retrain,
            (library_open, has_classes), "Ctrl+R", "retrain",
            short=N_("Retrain"), short_label=retrain_text,
            tip=N_("Learn better prompts from your annotations")),
    Command("model.run", N_("Show &current run"), "model", 0, 20, show_run, (run_known,),
            "", "chart"),
    Command("model.captions", N_("&Write captions"), "model", 0, 40, write_captions,
            (library_open, has_classes),
            tip=N_("Let an installed captioner (CoCa) describe annotated photos that have no "
            "caption; captions help training")),
    Command("model.instant", N_("&Learn from every verdict"), "model", 0, 15, set_learning,
            (library_writable, has_classes), checkable=True, checked=learns,
            tip=N_("Let every verdict move the predictions at once; a retraining refines them")),
    Command("model.backbone", N_("&Backbone..."), "model", 1, 10, choose_backbone,
            (library_open,), "", "cpu",
            tip=N_("Choose the frozen image-text model that predictions are made with")),
)
# fmt: on


def attach(context: ShellContext) -> None:
    """Follow the runs of every library that is opened."""

    def opened(library: OpenLibrary) -> None:
        RunFollower(context, library)
        RetrainSuggestion(context, library).counted.connect(context.refresh_commands)
        OfferedBackbone(context, library)

    context.opened.connect(opened)


class RunFollower(QObject):
    """Follows the newest run of one library and notifies the user when it ends."""

    def __init__(self, context: ShellContext, library: OpenLibrary) -> None:
        super().__init__(library.pages)
        self._context = context
        self._session = library.session
        self._answered = False
        self.status: RunStatus | None = None
        """The newest run, running or not; None while none is known."""
        self._request = LatestRequest(
            self._set_status, context.report_failure, owner=self, overlap=False
        )
        library.bridge.on(RunChanged, self._refresh)
        self._refresh()

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
            note.add_button(_("Show log"), lambda: show_run(self._context))
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
