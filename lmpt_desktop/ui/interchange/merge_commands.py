"""The command that merges another library, and what the window says afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.settings import LAST_FOLDER
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.interchange.import_commands import Told
from lmpt_desktop.ui.shell.conditions import library_open, library_writable

if TYPE_CHECKING:
    from lmpt_desktop.engine.interchange.library_merges import MergeResult
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext

DIALOG = "merge"
"""The name of the dialog."""
REVIEW_CONFLICTS = "review.conflicts"
"""The command of the review that asks about conflicts."""


def merge_library(context: ShellContext) -> None:
    """Open the dialog, which asks for a library."""
    from lmpt_desktop.ui.interchange.merge_dialog import MergeDialog  # noqa: PLC0415

    library = context.require_library()

    def make() -> MergeDialog:
        dialog = MergeDialog(
            library.session,
            library.undo_stack,
            last_folder=context.settings.get(LAST_FOLDER),
            bridge=library.bridge,
            parent=context.dialog_parent,
        )
        dialog.merged.connect(lambda name, result: _tell(context, library, name, result))
        return dialog

    context.dialogs.show(DIALOG, make)


def _tell(context: ShellContext, library: OpenLibrary, name: str, result: MergeResult) -> None:
    """Say what was merged, with buttons to undo it and to decide what is left."""
    from lmpt_desktop.catalogue.records import distinct  # noqa: PLC0415
    from lmpt_desktop.ui.interchange.merge_texts import merged_text  # noqa: PLC0415

    note = context.notifications.notify(
        _("“{name}” was merged").format(name=name), merged_text(result), colour="accent"
    )
    batch = result.imported.batch
    if batch is None:
        return
    Told(note, context, library, batch.id)
    if result.questions:

        def review() -> None:
            context.notifications.dismiss(note)
            context.commands.trigger(REVIEW_CONFLICTS)

        note.add_button(_("Review conflicts"), review)
    note.add_button(_("Undo"), lambda: library.undo_stack.undo_batches([batch.id]))
    ids = distinct(batch.image_ids, batch.reviewed_ids).tolist()
    if ids:
        note.add_button(_("Show photos"), lambda: library.show_images(ids))


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("file.merge", N_("&Merge library..."), "file", 1, 19, merge_library,
            (library_open, library_writable),
            tip=N_("Take over what somebody else has annotated in the same pictures, and see how "
                   "far you agree")),
)
# fmt: on
