"""Alembic's entry point: uses the connection that :mod:`run` hands over."""

from __future__ import annotations

from alembic import context

from lmpt_desktop.catalogue.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll back schema changes; the caller's transaction holds them all.
    transactional_ddl=True,
    # SQLite cannot alter most things in place: batch mode copies the table.
    render_as_batch=True,
)
context.run_migrations()
