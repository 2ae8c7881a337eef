"""The commands of the window itself: libraries, theme, messages, log."""

from __future__ import annotations

from typing import Protocol

from lmpt_desktop import paths
from lmpt_desktop.settings import THEME
from lmpt_desktop.translation import N_
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit import file_manager, theme
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.shell.conditions import library_open
from lmpt_desktop.ui.shell.context import ShellContext


class Window(Protocol):
    """The part of the window that these commands use."""

    def ask_open(self) -> None: ...
    def open_samples(self) -> None: ...
    def close_library(self) -> None: ...
    def close(self) -> bool: ...
    def ask_restore(self) -> None: ...
    def begin_tour(self) -> None: ...
    def set_full_screen(self, on: bool) -> None: ...
    def in_full_screen(self) -> bool: ...


def set_theme(context: ShellContext, choice: ThemeChoice) -> None:
    """Change the theme setting; the window applies it."""
    context.settings.set(THEME, str(choice))


def _theme_command(choice: ThemeChoice, order: int, text: str) -> Command[ShellContext]:
    return Command(
        f"view.theme-{choice}", text, "view", 4, order, lambda c: set_theme(c, choice),
        choice="theme", submenu=N_("&Theme"),
        checked=lambda _context: theme.manager().choice is choice,
    )  # fmt: skip


# fmt: off
def window_commands(window: Window) -> tuple[Command[ShellContext], ...]:
    """Commands that act on the window, which features do not get."""
    return (
        Command("file.open", N_("&Open folder..."), "file", 0, 10, lambda _c: window.ask_open(),
                (), "Ctrl+O", "folder-open",
                short=N_("Open"), tip=N_("Open a folder of photos as a library")),
        Command("file.samples", N_("&Try with sample photos"), "file", 0, 30,
                lambda _c: window.open_samples(), icon="sparkle",
                tip=N_("Open a few real photos that come with the app")),
        Command("file.restore", N_("Restore a cop&y..."), "file", 1, 16,
                lambda _c: window.ask_restore(), (library_open,),
                tip=N_("Go back to an earlier state of this library")),
        Command("file.close", N_("&Close library"), "file", 2, 10,
                lambda _c: window.close_library(), (library_open,), "Ctrl+W"),
        Command("file.quit", N_("&Quit"), "file", 2, 20, lambda _c: window.close(), (), "Ctrl+Q"),
        Command("view.full-screen", N_("F&ull screen"), "view", 3, 40,
                lambda _c, on: window.set_full_screen(on), (), "F11", "full-screen",
                checkable=True, checked=lambda _c: window.in_full_screen(),
                tip=N_("Use the whole screen; Esc leaves it")),
        Command("help.tour", N_("&Take the tour"), "help", 0, 30, lambda _c: window.begin_tour(),
                (library_open,), icon="sparkle", tip=N_("A few cards that show how the app works")),
    )


COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("view.messages", N_("Go to the newest &message"), "view", 3, 30,
            lambda c: c.notifications.take_focus(), (), "F6", "info",
            tip=N_("Move the keyboard focus to the message over the photos")),
    _theme_command(ThemeChoice.SYSTEM, 10, N_("&System default")),
    _theme_command(ThemeChoice.LIGHT, 20, N_("&Light")),
    _theme_command(ThemeChoice.DARK, 30, N_("&Dark")),
    Command("help.log", N_("Open &log folder"), "help", 1, 10,
            lambda _c: file_manager.open_path(paths.log_dir()), icon="folder"),
)
# fmt: on
