"""What a report of a problem holds, and how names are kept out of it (Qt-free)."""
