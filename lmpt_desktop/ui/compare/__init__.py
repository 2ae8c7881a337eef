"""Two photos side by side."""
