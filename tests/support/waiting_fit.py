"""A fit process that only waits: its test writes the events (see ``played_runs.py``)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

END = "end"
LONGEST_SECONDS = 120.0


def main() -> None:
    folder = Path(sys.argv[1])
    deadline = time.monotonic() + LONGEST_SECONDS
    while not (folder / END).exists() and time.monotonic() < deadline:
        time.sleep(0.02)


if __name__ == "__main__":
    main()
