"""The command that opens the preferences."""

from __future__ import annotations

from collections.abc import Callable

from lmpt_desktop.engine.pace import PACE_SETTING, Pace
from lmpt_desktop.engine.session_core import DEVICE_SETTING, LIMITS_SETTING
from lmpt_desktop.translation import N_
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.grid.view import ZOOM_USUAL
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.shell.context import ShellContext
from trainer.bands import BandLimits


def show_preferences(context: ShellContext, *, shortcuts: bool = False) -> None:
    """Open the preferences; with ``shortcuts`` on the page of keys."""
    from lmpt_desktop.ui.preferences.dialog import PreferencesDialog  # noqa: PLC0415

    session = context.library.session if context.library is not None else None
    settings = context.settings
    dialog = PreferencesDialog(
        theme.manager().choice,
        session.snapshot().limits if session is not None else None,
        str(session.setting(DEVICE_SETTING, "auto")) if session is not None else "auto",
        context.dialog_parent,
        Pace.of(session.setting(PACE_SETTING)) if session is not None else Pace.AUTOMATIC,
        commands=context.commands,
        memory=settings,
        zoom=settings.number("zoom", ZOOM_USUAL),
    )
    dialog.theme_chosen.connect(lambda choice: _set_theme(context, ThemeChoice(choice)))
    dialog.zoom_chosen.connect(lambda pixels: settings.put("zoom", pixels))
    if session is not None:

        def limits_chosen(limits: BandLimits) -> None:
            value = {"medium": limits.medium, "head": limits.head}
            _run(context, lambda: session.set_setting(LIMITS_SETTING, value))

        dialog.limits_chosen.connect(limits_chosen)
        dialog.device_chosen.connect(
            lambda device: _run(context, lambda: session.set_device(device))
        )
        dialog.pace_chosen.connect(
            lambda pace: _run(context, lambda: session.set_setting(PACE_SETTING, str(pace)))
        )
    context.dialogs.replace("preferences", dialog)
    if shortcuts:
        dialog.show_shortcuts()


def _set_theme(context: ShellContext, choice: ThemeChoice) -> None:
    theme.manager().apply(choice)
    context.settings.put("theme", str(choice))
    context.refresh_commands()


def _run(context: ShellContext, work: Callable[[], object]) -> None:
    Task(work, None, context.report_failure, owner=context)


COMMANDS: tuple[Command[ShellContext], ...] = (
    Command(
        "edit.preferences", N_("&Preferences..."), "edit", 3, 10, show_preferences, (),
        "Ctrl+,", "settings",
    ),
)  # fmt: skip
