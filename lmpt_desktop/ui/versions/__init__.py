"""Versions of the prompts: list, compare, choose."""
