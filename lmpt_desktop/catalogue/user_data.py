"""Data of the user's: the annotations, reviewed mark and own caption of an image."""

from __future__ import annotations

HAS_USER_DATA = """(
    {image}.caption_source = 'user'
    OR EXISTS (SELECT 1 FROM annotations WHERE image_id = {image}.id)
    OR EXISTS (SELECT 1 FROM declared_absent WHERE image_id = {image}.id)
    OR EXISTS (SELECT 1 FROM reviewed WHERE image_id = {image}.id))
"""
"""SQL for whether an image has any; ``image`` is the alias of the table."""
