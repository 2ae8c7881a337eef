"""What batches changed in the vocabulary.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vocabulary_steps",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_vocabulary_steps_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_vocabulary_steps")),
    )
