"""The window: Qt widgets that show a library and send the user's wishes to the engine."""

from lmpt_desktop.ui.kit.overrides import guard_overrides
from lmpt_desktop.ui.kit.plain_imports import use_plain_imports
from lmpt_desktop.ui.kit.shown_texts import show_texts_safely

use_plain_imports()  # before the rest of the window is imported
show_texts_safely()  # before any class of the window is made
guard_overrides()
