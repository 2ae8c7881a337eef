"""What photos say of themselves: camera, exposure, place, keywords.

Nothing is read here: photos without a row are read in the background, once nothing else is to do.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cameras",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cameras"),
        sa.UniqueConstraint("name", name="uq_cameras_name"),
    )
    op.create_table(
        "photo_details",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_photo_details_image_id"),
        sa.PrimaryKeyConstraint("image_id", name="pk_photo_details"),
    )
    op.add_column(
        "images", sa.Column("camera_id", sa.Integer(), server_default="0", nullable=False)
    )
