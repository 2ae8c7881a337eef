"""Alembic migrations of the catalogue, from its first revision."""
