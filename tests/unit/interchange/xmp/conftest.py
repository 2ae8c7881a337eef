"""Where real files of other programs are."""

from __future__ import annotations

from pathlib import Path

import pytest

REAL = Path(__file__).parents[5] / "shared" / "interchange" / "xmp"


@pytest.fixture(scope="session")
def real_files() -> Path:
    """The folder of real XMP files."""
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there")
    return REAL
