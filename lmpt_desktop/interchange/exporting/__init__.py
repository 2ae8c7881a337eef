"""From a library to a file: its records, what a format loses, writing and the check after it."""
