"""Dialogs and pages opened from the menus; import them when they are needed, not at start."""
