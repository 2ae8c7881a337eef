"""A raw file and a JPEG of the same name are one photo: the table ``companions``.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "companions",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("shown_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_companions")),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_companions_image_id")),
        sa.ForeignKeyConstraint(["shown_id"], ["images.id"], name=op.f("fk_companions_shown_id")),
    )
    op.create_index("ix_companions_shown_id", "companions", ["shown_id"])
