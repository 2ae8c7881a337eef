"""Hashes of file and picture; what became of images whose picture went or changed.

Revision ID: 0004
Revises: 0003

The hashes of known photos are unknown at first and filled in when a photo is next read, in the
background.  ``fingerprint`` keeps its old value, so that features and thumbnails stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("ctime_ns", sa.Integer(), server_default="0", nullable=False),
        sa.Column("file_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("picture_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("edited", sa.Integer(), server_default="0", nullable=False),
        sa.Column("superseded", sa.Integer(), server_default="0", nullable=False),
    ):
        op.add_column("images", column)
    op.create_index("ix_images_picture_hash", "images", ["picture_hash"], unique=False)
    op.create_index(
        "ix_images_missing",
        "images",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'missing'"),
    )
    op.add_column("folders", sa.Column("device", sa.Integer(), nullable=True))
    op.create_table(
        "successors",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("successor_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('copy', 'edit', 'chosen')", name=op.f("ck_successors_reason")
        ),
        sa.CheckConstraint(
            "state IN ('followed', 'unlike', 'declined')", name=op.f("ck_successors_state")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_successors_batch_id")),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_successors_image_id")),
        sa.ForeignKeyConstraint(
            ["successor_id"], ["images.id"], name=op.f("fk_successors_successor_id")
        ),
        sa.PrimaryKeyConstraint("image_id", "successor_id", name=op.f("pk_successors")),
        sqlite_with_rowid=False,
    )
    for column in ("successor_id", "batch_id"):
        op.create_index(f"ix_successors_{column}", "successors", [column], unique=False)
