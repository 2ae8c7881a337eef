"""The window: Qt widgets that show a library and send the user's wishes to the engine."""

from lmpt_desktop.ui.kit.overrides import guard_overrides

guard_overrides()  # before any class of the window is made
