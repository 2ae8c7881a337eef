"""Libraries that were merged into this one, and what is left to decide: ``merges``, ``conflicts``.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "merges",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_merges")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_merges_batch_id")),
    )
    op.create_table(
        "conflicts",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Integer(), nullable=False),
        sa.Column("mine_at", sa.Integer(), nullable=False),
        sa.CheckConstraint("verdict IN (0, 1)", name=op.f("ck_conflicts_verdict")),
        sa.PrimaryKeyConstraint("image_id", "class_id", "batch_id", name=op.f("pk_conflicts")),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_conflicts_image_id")),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name=op.f("fk_conflicts_class_id")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["merges.batch_id"], name=op.f("fk_conflicts_batch_id")
        ),
        sqlite_with_rowid=False,
    )
