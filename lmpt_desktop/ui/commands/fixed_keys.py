"""Keys that belong to a view itself and cannot be chosen: shown on the keyboard page."""

from __future__ import annotations

from lmpt_desktop.translation import N_

FIXED_KEYS: tuple[tuple[str, str, str], ...] = (
    (N_("Grid"), N_("Next or previous photo"), N_("Arrow keys")),
    (N_("Grid"), N_("Extend the selection"), N_("Shift+Arrow keys")),
    (N_("Grid"), N_("First or last photo"), N_("Home / End")),
    (N_("Grid"), N_("A screenful up or down"), N_("Page Up / Page Down")),
    (N_("Grid"), N_("Thumbnail size"), N_("Ctrl+Mouse wheel")),
    (N_("Grid"), N_("Clear the search"), N_("Esc")),
    (N_("Review"), N_("One of the top predictions: present, absent, unknown"), N_("1 to 9")),
    (N_("Review"), N_("Another class of the photo"), N_("Up / Down")),
    (N_("Review"), N_("Move the enlarged photo"), N_("Shift+Arrow keys")),
    (N_("Review"), N_("Enlarge or reduce the photo"), N_("Mouse wheel")),
    (N_("Review"), N_("Between fitted and actual size"), N_("Double click")),
    (N_("Find a class"), N_("It is present"), N_("Enter")),
    (N_("Find a class"), N_("It is absent"), N_("Shift+Enter")),
    (N_("Search field"), N_("Search"), N_("Enter")),
    (N_("Search field"), N_("Clear the search"), N_("Esc")),
    (N_("Search field"), N_("Go to the photos"), N_("Down")),
)
"""Where, what, and which keys."""
