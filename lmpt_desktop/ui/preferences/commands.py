"""The command that opens the preferences."""

from __future__ import annotations

from lmpt_desktop.translation import N_
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.shell.context import ShellContext


def show_preferences(context: ShellContext, *, shortcuts: bool = False) -> None:
    """Open the preferences; with ``shortcuts``, on the shortcuts page."""
    from lmpt_desktop.ui.preferences.dialog import PreferencesDialog  # noqa: PLC0415

    dialog = PreferencesDialog(context, context.dialog_parent)
    context.dialogs.replace("preferences", dialog)
    if shortcuts:
        dialog.show_shortcuts()


COMMANDS: tuple[Command[ShellContext], ...] = (
    Command(
        "edit.preferences", N_("&Preferences..."), "edit", 3, 10, show_preferences, (),
        "Ctrl+,", "settings",
    ),
)  # fmt: skip
