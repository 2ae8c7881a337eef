"""Commands: declared by their features, made into actions by the registry."""

from __future__ import annotations

from lmpt_desktop.ui.commands.command import MENUS, Command, menu_names
from lmpt_desktop.ui.commands.registry import CommandRegistry
from lmpt_desktop.ui.commands.shortcuts import Shortcuts

__all__ = ["MENUS", "Command", "CommandRegistry", "Shortcuts", "menu_names"]
