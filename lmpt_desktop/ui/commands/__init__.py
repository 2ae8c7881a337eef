"""Commands: declared once (``declared``), made into actions (``registry``)."""

from __future__ import annotations

from lmpt_desktop.ui.commands.declared import (
    BY_ID,
    COMMANDS,
    ICON_ONLY,
    IMAGE_MENU,
    MENUS,
    TOOLBAR,
    Command,
    Needs,
)
from lmpt_desktop.ui.commands.registry import CommandRegistry

__all__ = [
    "BY_ID",
    "COMMANDS",
    "ICON_ONLY",
    "IMAGE_MENU",
    "MENUS",
    "TOOLBAR",
    "Command",
    "CommandRegistry",
    "Needs",
]
