"""From what a file says to a plan of changes: survey, matching, choices, preview (Qt-free)."""
