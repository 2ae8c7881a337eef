from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.reading.source_files import SourceFile, sample_of


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that opens and cannot be read")
def test_an_error_while_reading_is_a_sentence() -> None:
    memory = Path("/proc/self/mem")
    with pytest.raises(InterchangeError, match="/proc/self/mem cannot be read: the disk"):
        sample_of(memory)
    with SourceFile(memory).open() as file, pytest.raises(InterchangeError, match="cannot be read"):
        file.read(10)
