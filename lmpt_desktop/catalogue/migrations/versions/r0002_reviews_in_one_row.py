"""Reviews in one row per image; summaries of batches for the undo menu.

Revision ID: 0002
Revises: 0001

Nothing is moved: what 0001 wrote (a row for every class of a reviewed image, here and in the
journal) stays as it is and means what it meant.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "class_sets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_sets")),
        sa.UniqueConstraint("classes", name=op.f("uq_class_sets_classes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "class_set_members",
        sa.Column("class_set_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["class_id"], ["classes.id"], name=op.f("fk_class_set_members_class_id")
        ),
        sa.ForeignKeyConstraint(
            ["class_set_id"], ["class_sets.id"], name=op.f("fk_class_set_members_class_set_id")
        ),
        sa.PrimaryKeyConstraint("class_set_id", "class_id", name=op.f("pk_class_set_members")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "declared_absent",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("class_set_id", sa.Integer(), nullable=False),
        sa.Column("besides", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_declared_absent_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["class_set_id"], ["class_sets.id"], name=op.f("fk_declared_absent_class_set_id")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name=op.f("fk_declared_absent_image_id")
        ),
        sa.PrimaryKeyConstraint("image_id", "batch_id", name=op.f("pk_declared_absent")),
        sqlite_with_rowid=False,
    )
    # In place: alembic's batch mode would copy a journal of millions of rows.
    for column in (
        "class_set_id INTEGER CONSTRAINT fk_journal_class_set_id REFERENCES class_sets (id)",
        "besides TEXT DEFAULT '' NOT NULL",
        "declared_at INTEGER",
    ):
        op.execute(f"ALTER TABLE journal ADD COLUMN {column}")
    for column in (
        "label TEXT DEFAULT '' NOT NULL",
        "images INTEGER DEFAULT '0' NOT NULL",
        "changes INTEGER DEFAULT '0' NOT NULL",
        "class_id INTEGER CONSTRAINT fk_batches_class_id REFERENCES classes (id)",
        "verdict INTEGER",
    ):
        op.execute(f"ALTER TABLE batches ADD COLUMN {column}")
    op.create_index("ix_batches_undoes", "batches", ["undoes"], unique=False)
    op.execute("""
        UPDATE batches SET images = f.images, changes = f.changes, class_id = f.class_id,
               verdict = f.verdict
        FROM (SELECT batch_id, count(DISTINCT image_id) AS images, count(class_id) AS changes,
                     CASE WHEN min(class_id) = max(class_id) THEN min(class_id) END AS class_id,
                     CASE WHEN min(outcome) = max(outcome) THEN min(outcome) END AS verdict
              FROM (SELECT batch_id, image_id, class_id,
                           CASE WHEN class_id IS NOT NULL
                                THEN coalesce(after_verdict, -1) END AS outcome
                    FROM journal)
              GROUP BY batch_id) AS f
        WHERE batches.id = f.batch_id
    """)
