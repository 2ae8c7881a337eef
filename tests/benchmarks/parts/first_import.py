"""The first scan of a folder, and one of it unchanged:
``python parts/first_import.py PHOTOS LIBRARY TITLE``; see ``first_scan.py``."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import psutil
from parts.figures import Watch, peak_mb, row

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.ingest.sync import sync

ENDED_SECONDS = 20


def main() -> None:
    photos, library, title = sys.argv[1:]
    first, again = Watch(), Watch()
    with Catalogue.open(Path(library), exclusive=True) as catalogue:
        folder_id = catalogue.folders.add(Path(photos)).id
        with first:
            report = sync(catalogue, folder_id)
        assert len(report.new) == len(catalogue.images.table())
        _wait_for_readers()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        with again:
            assert sync(catalogue, folder_id).unchanged == len(report.new)
    rows = [
        row(f"{title}: import", first.seconds, "s"),
        row(f"{title}: import, CPU of the process that scans", first.busy, "CPU s"),
        row(f"{title}: import, CPU of those that read", used.ru_utime + used.ru_stime, "CPU s"),
        row(f"{title}: import, most memory", peak_mb(), "MB"),
        row(f"{title}: again, unchanged", again.seconds, "s"),
    ]
    print(json.dumps(rows))


def _wait_for_readers() -> None:
    """What a process has used is known once it has ended."""
    until = time.monotonic() + ENDED_SECONDS
    while psutil.Process().children() and time.monotonic() < until:
        time.sleep(0.05)


if __name__ == "__main__":
    main()
