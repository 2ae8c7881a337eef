"""The folder tree at the left."""
