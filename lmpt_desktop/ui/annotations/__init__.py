"""Committing verdicts and undoing them."""
