"""A number of the state of the images, which every change of one changes.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("image_state", sa.Column("token", sa.LargeBinary(), nullable=False))
    # Random where there are images: a copy that was made before may be restored and come here
    # again with others.
    op.execute(
        "INSERT INTO image_state SELECT CASE WHEN EXISTS (SELECT 1 FROM images) "
        "THEN randomblob(16) ELSE x'' END"
    )
    for verb in ("INSERT", "UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER image_state_after_{verb.lower()} AFTER {verb} ON images "
            "BEGIN UPDATE image_state SET token = randomblob(16); END"
        )
