"""One module per file format that goes in or out (Qt-free)."""
