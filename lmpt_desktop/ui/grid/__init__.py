"""The thumbnail grid: list model, view, delegate, filters and search."""
