"""The page of one open library."""
