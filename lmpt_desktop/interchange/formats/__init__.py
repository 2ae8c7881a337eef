"""File formats of annotations: a module each, and a row each in :mod:`..registry`."""
