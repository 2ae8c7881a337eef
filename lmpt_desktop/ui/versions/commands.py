"""The commands that show and compare versions of the prompts."""

from __future__ import annotations

from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.shell.conditions import library_open
from lmpt_desktop.ui.shell.context import ShellContext


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
    """Show what the version made by a run would change, to promote or discard it."""
    from lmpt_desktop.ui.versions.comparison import ComparisonDialog  # noqa: PLC0415

    library = context.require_library()
    dialog = ComparisonDialog(
        library.session, run_id, library.thumbnails, library.bridge, context.dialog_parent
    )
    show_text = context.status.show_text
    dialog.images_requested.connect(library.show_images)
    dialog.promoted.connect(lambda _id: show_text(_("The new version is in use.")))
    dialog.discarded.connect(lambda _id: show_text(_("The new version was discarded.")))
    context.dialogs.replace("comparison", dialog)


def compare_versions(context: ShellContext, old: int, new: int) -> None:
    """Show what version ``new`` would change compared with ``old``."""
    from lmpt_desktop.ui.versions.comparison import ComparisonDialog  # noqa: PLC0415

    library = context.require_library()
    dialog = ComparisonDialog(
        library.session,
        None,
        library.thumbnails,
        library.bridge,
        context.dialog_parent,
        pair=(old, new),
    )
    dialog.images_requested.connect(library.show_images)
    context.dialogs.replace("comparison", dialog)


COMMANDS: tuple[Command[ShellContext], ...] = (
    Command(
        "model.versions", N_("&Versions..."), "model", 0, 30, show_versions, (library_open,),
        "", "versions",
    ),
)  # fmt: skip
