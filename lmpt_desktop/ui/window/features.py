"""The list of features in the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lmpt_desktop.ui.batch import commands as batch
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.compare import commands as compare
from lmpt_desktop.ui.files import commands as files
from lmpt_desktop.ui.help import commands as help_
from lmpt_desktop.ui.interchange import commands as interchange
from lmpt_desktop.ui.library import commands as library
from lmpt_desktop.ui.library import strictness_commands as strictness
from lmpt_desktop.ui.long_tail import commands as long_tail
from lmpt_desktop.ui.preferences import commands as preferences
from lmpt_desktop.ui.review import commands as review
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.sweep import commands as sweep
from lmpt_desktop.ui.training import commands as training
from lmpt_desktop.ui.versions import commands as versions
from lmpt_desktop.ui.vocabulary import commands as vocabulary
from lmpt_desktop.ui.window import commands as window
from lmpt_desktop.ui.window.commands import Window, window_commands

_MODULES = (
    window, library, batch, interchange, files, review, sweep, compare, long_tail, vocabulary,
    training, versions, preferences, help_, strictness,
)  # fmt: skip

ATTACH: tuple[Callable[[ShellContext], object], ...] = (
    review.attach,
    sweep.attach,
    compare.attach,
    long_tail.attach,
    training.attach,
    files.attach,
    interchange.attach,
    help_.attach,
)
"""Functions of features that follow the open library; called once with the context."""


def all_commands(main_window: Window) -> Iterator[Command[ShellContext]]:
    """Every command of the app, in no particular order."""
    yield from window_commands(main_window)
    for module in _MODULES:
        yield from module.COMMANDS
