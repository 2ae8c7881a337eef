"""The window: Qt widgets that show a library and send the user's wishes to the engine."""

from lmpt_desktop.ui.kit.overrides import guard_overrides
from lmpt_desktop.ui.kit.shown_texts import show_texts_safely

show_texts_safely()  # before any class of the window is made
guard_overrides()
