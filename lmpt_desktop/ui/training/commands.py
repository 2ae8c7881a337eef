"""The commands that retrain the prompts, and how the window follows a run.

Dialogs and what follows an open library are imported when first needed, so that the window starts
without them: the plot of a run imports a plotting library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.settings import INSTANT, MACHINE, TRAIN_AWAY
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.kit.texts import photos_text
from lmpt_desktop.ui.shell.conditions import has_classes, library_open, library_writable
from lmpt_desktop.ui.versions.commands import compare_run

if TYPE_CHECKING:
    from lmpt_desktop.engine.training.advice import RetrainAdvice
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
    from lmpt_desktop.ui.training.run_follower import RunFollower


def _follower(context: ShellContext) -> RunFollower | None:
    if context.library is None:
        return None
    from lmpt_desktop.ui.training.run_follower import RunFollower  # noqa: PLC0415

    return context.library.pages.findChild(RunFollower)


def run_known(context: ShellContext) -> bool:
    """There is a run to show, running or not."""
    follower = _follower(context)
    return follower is not None and follower.status is not None


def running(context: ShellContext) -> bool:
    """A run is under way."""
    follower = _follower(context)
    return follower is not None and follower.running


def retrain_text(context: ShellContext) -> str:
    """The label of the toolbar button: the reason to press it, or that it was pressed."""
    if running(context):
        return _("Retraining...")
    advice = _advice(context)
    if advice is None or not advice.verdicts:
        return _("Retrain")
    return _("Retrain · {reason}").format(reason=advice.count_text())


def _advice(context: ShellContext) -> RetrainAdvice | None:
    """What there is to learn, if that is known."""
    if context.library is None:
        return None
    from lmpt_desktop.ui.training.suggestion import RetrainSuggestion  # noqa: PLC0415

    found = context.library.pages.findChild(RetrainSuggestion)
    return found.advice if found is not None else None


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
    from lmpt_desktop.engine.training.captioning import CaptionerMissingError  # noqa: PLC0415

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
        from lmpt_desktop.ui.training.backbone_offer import OfferedBackbone  # noqa: PLC0415
        from lmpt_desktop.ui.training.run_follower import RunFollower  # noqa: PLC0415
        from lmpt_desktop.ui.training.suggestion import RetrainSuggestion  # noqa: PLC0415

        RunFollower(context, library, lambda: show_run(context))
        RetrainSuggestion(context, library).counted.connect(context.refresh_commands)
        OfferedBackbone(context, library)

    context.opened.connect(opened)
