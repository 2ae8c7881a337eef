"""The panel at the right: one photo, or many, with the score and verdict of every class."""
