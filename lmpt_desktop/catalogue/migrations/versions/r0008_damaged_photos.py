"""Photos whose end is missing are marked; unreadable ones are read again.

What could not be read by earlier versions (a PNG with long metadata, many kinds of TIFF, a JPEG
without its last bytes) may be readable now.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("damaged", sa.Integer(), server_default="0", nullable=False))
    # As if their time had changed.
    op.execute("UPDATE images SET mtime_ns = mtime_ns - 1 WHERE state = 'unreadable'")
