"""The command that edits the vocabulary."""

from __future__ import annotations

from lmpt_desktop.translation import N_
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.shell.conditions import library_open
from lmpt_desktop.ui.shell.context import ShellContext


def edit_vocabulary(context: ShellContext) -> None:
    from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog  # noqa: PLC0415

    library = context.require_library()

    def make() -> VocabularyDialog:
        dialog = VocabularyDialog(
            library.session,
            library.bridge,
            context.dialog_parent,
            library.thumbnails,
            library.undo_stack,
        )
        dialog.images_requested.connect(library.show_images)
        return dialog

    context.dialogs.show("vocabulary", make)


COMMANDS: tuple[Command[ShellContext], ...] = (
    Command(
        "vocabulary.edit", N_("&Edit vocabulary..."), "vocabulary", 0, 10, edit_vocabulary,
        (library_open,), "Ctrl+K", "list",
        short=N_("Vocabulary"), tip=N_("Choose, type or paste the classes to look for"),
    ),
)  # fmt: skip
