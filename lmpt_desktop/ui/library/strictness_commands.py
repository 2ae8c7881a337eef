"""The commands on the strictness of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.translation import N_
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.shell.conditions import has_classes, library_open

if TYPE_CHECKING:
    from lmpt_desktop.ui.library.strictness_button import StrictnessButton
    from lmpt_desktop.ui.shell.context import ShellContext


def _button(context: ShellContext) -> StrictnessButton:
    from lmpt_desktop.ui.library.page import LibraryPage  # noqa: PLC0415

    page = context.require_library()
    assert isinstance(page, LibraryPage)
    return page.strictness


def open_panel(context: ShellContext) -> None:
    """Show the grid and open the panel at its foot."""
    context.require_library().show_grid()
    _button(context).open_panel()


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("model.strictness", N_("&Strictness..."), "model", 2, 10, open_panel,
            (library_open, has_classes), "Ctrl+Shift+T", "strictness",
            tip=N_("Choose how sure a prediction must be to count")),
    Command("model.stricter", N_("&Fewer, surer tags"), "model", 2, 20,
            lambda c: _button(c).step(1), (library_open, has_classes), "]",
            tip=N_("Predict a little less, and be surer of it")),
    Command("model.looser", N_("&More, looser tags"), "model", 2, 30,
            lambda c: _button(c).step(-1), (library_open, has_classes), "[",
            tip=N_("Predict a little more, and be less sure of it")),
)
# fmt: on
