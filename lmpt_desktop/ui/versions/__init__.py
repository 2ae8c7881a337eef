"""Versions of the prompts: list, compare, promote, roll back."""
