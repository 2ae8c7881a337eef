"""Other names of classes; names, notes and origins of prompt sets.

Revision: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "class_aliases",
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("alias_key", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["class_id"], ["classes.id"], name=op.f("fk_class_aliases_class_id")
        ),
        sa.PrimaryKeyConstraint("class_id", "alias_key", name=op.f("pk_class_aliases")),
        sqlite_with_rowid=False,
    )
    for name, default in (("name", ""), ("note", ""), ("data", "{}"), ("class_ids", "{}")):
        op.add_column(
            "prompt_sets", sa.Column(name, sa.Text(), nullable=False, server_default=default)
        )
