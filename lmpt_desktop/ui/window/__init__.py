"""The main window: opening and closing libraries, welcome page, tour."""
