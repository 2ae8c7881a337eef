"""The review view: one photo at a time, one key a verdict."""
