"""One class at a time, in a grid of the photos that most likely have it."""
