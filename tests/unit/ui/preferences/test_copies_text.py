"""What preferences say of the copies of a library."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lmpt_desktop.catalogue.backups import CopySpace
from lmpt_desktop.catalogue.kept_copies import BackupCopy, SoundCopy
from lmpt_desktop.ui.preferences.copies_text import space_text

OLD = tuple(
    SoundCopy(
        BackupCopy(Path(str(n)), "daily", datetime(2026, 1, n, tzinfo=UTC), n), 200_000_000, 1
    )
    for n in (1, 2)
)


@pytest.mark.parametrize(
    ("space", "text"),
    [
        (CopySpace(0, 0, 0, 0, 5), "There is no copy yet."),
        (CopySpace(1, 42_000_000, 0, 0, 5), "1 copy takes 42 MB."),
        (
            CopySpace(12, 2_400_000_000, 1, 42_000_000, 5, OLD),
            "12 copies take 2.4 GB. 1 file of your own beside them takes 42 MB and is never "
            "deleted. With the next copy, 2 older ones (400 MB) will be deleted.",
        ),
        (
            CopySpace(3, 1_400_000_000, 0, 0, 10**9, (), 1_200_000_000),
            "3 copies take 1.4 GB. Those that must be kept take 1.2 GB: the newest, and those with "
            "annotations that no newer copy has.",
        ),
    ],
)
def test_counts_sizes_and_what_the_limit_deletes(space: CopySpace, text: str) -> None:
    assert space_text(space) == text
