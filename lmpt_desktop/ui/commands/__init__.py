"""Commands: declared once, made into actions by the registry, run by keys one can choose."""

from __future__ import annotations

from lmpt_desktop.ui.commands.declared import (
    BY_ID,
    COMMANDS,
    ICON_ONLY,
    IMAGE_MENU,
    LABEL_COLLAPSE_ORDER,
    MENUS,
    TOOLBAR,
    Command,
    Needs,
)
from lmpt_desktop.ui.commands.registry import CommandRegistry
from lmpt_desktop.ui.commands.shortcuts import Shortcuts

__all__ = [
    "BY_ID",
    "COMMANDS",
    "ICON_ONLY",
    "IMAGE_MENU",
    "LABEL_COLLAPSE_ORDER",
    "MENUS",
    "TOOLBAR",
    "Command",
    "CommandRegistry",
    "Needs",
    "Shortcuts",
]
