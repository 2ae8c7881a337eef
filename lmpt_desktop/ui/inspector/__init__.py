"""The panel at the right: one photo, or many, and what is thought and said of every class."""
