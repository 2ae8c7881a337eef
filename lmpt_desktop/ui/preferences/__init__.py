"""Preferences: general, library, shortcuts."""
