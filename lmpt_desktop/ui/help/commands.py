"""The commands of the Help menu."""

from __future__ import annotations

from lmpt_desktop.translation import N_
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.help.command_palette import CommandPalette
from lmpt_desktop.ui.help.crash_watch import CrashWatch
from lmpt_desktop.ui.preferences.commands import show_preferences
from lmpt_desktop.ui.shell.context import ShellContext


def show_palette(context: ShellContext) -> None:
    CommandPalette(context.commands, context.dialog_parent).show_over(context.dialog_parent)


def show_keyboard(context: ShellContext) -> None:
    from lmpt_desktop.ui.help.keyboard import KeyboardPage  # noqa: PLC0415

    page = KeyboardPage(context.commands, context.dialog_parent)
    page.change_button.clicked.connect(lambda: show_preferences(context, shortcuts=True))
    context.dialogs.replace("keyboard", page)


def show_about(context: ShellContext) -> None:
    from lmpt_desktop.ui.help.about import AboutDialog  # noqa: PLC0415

    context.dialogs.replace("about", AboutDialog(context.dialog_parent))


def show_report(context: ShellContext) -> None:
    from lmpt_desktop.ui.help import problem_report  # noqa: PLC0415

    problem_report.show_report(context)


def attach(context: ShellContext) -> None:
    CrashWatch(context, lambda: show_report(context)).begin()


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("help.palette", N_("&Find a command..."), "help", 0, 10, show_palette, (),
            "Ctrl+Shift+P", "search"),
    Command("help.keyboard", N_("&Keyboard"), "help", 0, 20, show_keyboard, (), "F1", "keyboard"),
    Command("help.report", N_("&Report a problem..."), "help", 1, 15, show_report),
    Command("help.about", N_("&About LMPT Desktop"), "help", 1, 20, show_about, icon="info"),
)
# fmt: on
