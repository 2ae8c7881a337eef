"""The search field and what it found."""
