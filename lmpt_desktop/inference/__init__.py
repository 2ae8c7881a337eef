"""Predictions, thresholds, bands, filters and comparisons, in numpy (Qt-free)."""
