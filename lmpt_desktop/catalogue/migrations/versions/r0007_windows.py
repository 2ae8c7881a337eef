"""Windows of photos, beside their features.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feature_chunks", sa.Column("windows", sa.LargeBinary(), nullable=True))
