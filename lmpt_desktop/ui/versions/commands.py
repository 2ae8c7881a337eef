"""The commands that show and compare versions of the prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.shell.conditions import library_open
from lmpt_desktop.ui.shell.context import ShellContext

if TYPE_CHECKING:
    from lmpt_desktop.ui.versions.comparison import ComparisonDialog


def show_versions(context: ShellContext) -> None:
    """List the versions of the prompts."""
    from lmpt_desktop.ui.versions.dialog import VersionsDialog  # noqa: PLC0415

    library = context.require_library()

    def make() -> VersionsDialog:
        dialog = VersionsDialog(library.session, library.bridge, context.dialog_parent)
        dialog.compare_requested.connect(lambda old, new: compare_versions(context, old, new))
        dialog.message.connect(context.status.show_text)
        return dialog

    context.dialogs.show("versions", make)


def compare_run(context: ShellContext, run_id: int) -> None:
    """Show what the version made by a run would change, before it is used or not."""
    dialog = _show_comparison(context, run_id, None)
    show_text = context.status.show_text
    dialog.promoted.connect(lambda _id: show_text(_("The new version is in use.")))
    dialog.discarded.connect(lambda _id: show_text(_("The new version was deleted.")))


def compare_versions(context: ShellContext, old: int, new: int) -> None:
    """Show what version ``new`` would change compared with ``old``."""
    _show_comparison(context, None, (old, new))


def _show_comparison(
    context: ShellContext, run_id: int | None, pair: tuple[int, int] | None
) -> ComparisonDialog:
    from lmpt_desktop.ui.versions.comparison import ComparisonDialog  # noqa: PLC0415

    library = context.require_library()
    dialog = ComparisonDialog(
        library.session,
        run_id,
        library.thumbnails,
        library.bridge,
        context.dialog_parent,
        pair=pair,
    )
    dialog.images_requested.connect(library.show_images)
    dialog.measure_requested.connect(lambda: _measure_first(context, dialog, run_id, pair))
    context.dialogs.replace("comparison", dialog)
    return dialog


def _measure_first(
    context: ShellContext,
    dialog: ComparisonDialog,
    run_id: int | None,
    pair: tuple[int, int] | None,
) -> None:
    """Ask for the answers that are missing, and offer to compare again afterwards."""
    dialog.close()
    context.commands.trigger("review.measure")
    note = context.notifications.notify(
        _("Make it measurable"), _("Answer the questions, then compare again."), colour="accent"
    )

    def again() -> None:
        context.notifications.dismiss(note)
        if run_id is not None:
            compare_run(context, run_id)
        elif pair is not None:
            compare_versions(context, *pair)

    note.add_button(_("Compare again"), again)


COMMANDS: tuple[Command[ShellContext], ...] = (
    Command(
        "model.versions", N_("&Versions..."), "model", 0, 30, show_versions, (library_open,),
        "", "versions",
    ),
)  # fmt: skip
