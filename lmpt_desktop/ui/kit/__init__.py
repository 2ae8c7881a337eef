"""Shared building blocks of the window: theme, tasks, bridge, dialogs, texts."""
