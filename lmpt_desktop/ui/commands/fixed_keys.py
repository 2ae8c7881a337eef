"""Keys of views that cannot be changed, for the keyboard page."""

from __future__ import annotations

from lmpt_desktop.translation import N_

FIXED_KEYS: tuple[tuple[str, str, str], ...] = (
    (N_("Grid"), N_("Next or previous photo"), N_("Arrow keys")),
    (N_("Grid"), N_("Extend the selection"), N_("Shift+Arrow keys")),
    (N_("Grid"), N_("First or last photo"), N_("Home / End")),
    (N_("Grid"), N_("One page up or down"), N_("Page Up / Page Down")),
    (N_("Grid"), N_("Change a suggestion: present, absent, unknown"), N_("1 to 9")),
    (N_("Grid"), N_("Thumbnail size"), N_("Ctrl+Mouse wheel")),
    (N_("Grid"), N_("Clear the search"), N_("Esc")),
    (N_("Review"), N_("Change a top prediction: present, absent, unknown"), N_("1 to 9")),
    (N_("Review"), N_("Go to another class of the photo"), N_("Up / Down")),
    (N_("Review"), N_("Move the zoomed photo"), N_("Shift+Arrow keys")),
    (N_("Review"), N_("Zoom in or out"), N_("Mouse wheel")),
    (N_("Review"), N_("Switch between fitted and actual size"), N_("Double click")),
    (N_("Find a class"), N_("Mark it present"), N_("Enter")),
    (N_("Find a class"), N_("Mark it absent"), N_("Shift+Enter")),
    (N_("Search field"), N_("Search"), N_("Enter")),
    (N_("Search field"), N_("Clear the search"), N_("Esc")),
    (N_("Search field"), N_("Go to the photos"), N_("Down")),
)
"""Place, action and keys."""
