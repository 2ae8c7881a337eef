"""About, keyboard page and command palette."""
