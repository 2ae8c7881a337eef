"""Verdicts on many images at once: set classes, accept predictions, copy annotations."""
