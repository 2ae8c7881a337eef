"""``lmpt-desktop import``: its arguments, what it does, and what it says."""
