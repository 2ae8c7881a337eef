"""What every part of the window may use: theme, tasks, bridge, dialogs, texts."""
