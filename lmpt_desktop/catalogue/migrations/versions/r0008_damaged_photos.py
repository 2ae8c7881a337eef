"""Photos whose end is missing are marked; unreadable ones are read again.

What could not be read by earlier versions (a PNG with long metadata, many kinds of TIFF, a JPEG
without its last bytes) may be readable now.  Features of large JPEGs are made again: they were of
photos that had been reduced twice.

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

_LARGE = 32_000_000
_FINGERPRINT_BYTES = 16


def upgrade() -> None:
    op.add_column("images", sa.Column("damaged", sa.Integer(), server_default="0", nullable=False))
    # As if their time had changed.
    op.execute("UPDATE images SET mtime_ns = mtime_ns - 1 WHERE state = 'unreadable'")
    _forget_features_of_large_jpegs(op.get_bind())


def _forget_features_of_large_jpegs(connection: sa.Connection) -> None:
    """A feature counts only while the fingerprint beside it is the photo's."""
    large = {
        row[0]
        for row in connection.execute(
            sa.text(
                "SELECT id FROM images WHERE width * height > :pixels "
                "AND (lower(path) GLOB '*.j*' OR lower(path) GLOB '*.mpo')"
            ),
            {"pixels": _LARGE},
        )
    }
    if not large:
        return
    numbers = connection.execute(sa.text("SELECT id FROM feature_chunks")).scalars().all()
    for number in numbers:
        ids, fingerprints = connection.execute(
            sa.text("SELECT ids, fingerprints FROM feature_chunks WHERE id = :id"), {"id": number}
        ).one()
        changed = bytearray(fingerprints)
        for place, image_id in enumerate(memoryview(ids).cast("q")):
            if image_id in large:
                at = place * _FINGERPRINT_BYTES
                changed[at : at + _FINGERPRINT_BYTES] = bytes(_FINGERPRINT_BYTES)
        if changed != fingerprints:
            connection.execute(
                sa.text("UPDATE feature_chunks SET fingerprints = :prints WHERE id = :id"),
                {"prints": bytes(changed), "id": number},
            )
