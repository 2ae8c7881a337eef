"""The thumbnail grid: a list model of image rows, a view, a painter and a loader."""
