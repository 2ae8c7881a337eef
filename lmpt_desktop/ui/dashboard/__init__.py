"""The long-tail page: what a library has of every class, and what it lacks."""
