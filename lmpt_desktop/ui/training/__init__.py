"""Retraining the prompts: start, follow, suggest."""
