"""The main window and what happens around a library."""
