"""The window: Qt widgets that show a library and send the user's wishes to the engine."""
