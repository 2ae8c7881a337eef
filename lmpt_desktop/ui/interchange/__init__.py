"""Exporting what the library knows, and importing it."""
