"""Noticing what other processes write into the same catalogue."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lmpt_desktop.catalogue import Catalogue

_ADD_CLASS = """
import sys
from pathlib import Path
from lmpt_desktop.catalogue import Catalogue
with Catalogue.open(Path(sys.argv[1])) as catalogue:
    if sys.argv[2] == "write":
        catalogue.classes.add("kite")
    else:
        catalogue.classes.all()
"""


def other_process(library: Path, what: str) -> None:
    subprocess.run([sys.executable, "-c", _ADD_CLASS, str(library), what], check=True)


def test_writes_of_another_process_change_the_version_and_our_own_do_not(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        before = catalogue.external_version()
        catalogue.classes.add("dog")
        catalogue.settings.set("a", 1)
        assert catalogue.external_version() == before
        other_process(tmp_path, "read")
        assert catalogue.external_version() == before
        other_process(tmp_path, "write")
        after = catalogue.external_version()
        assert after != before
        assert [entry.name for entry in catalogue.classes.all()] == ["dog", "kite"]
        catalogue.classes.add("cat")
        assert catalogue.external_version() == after


def test_a_write_of_another_process_just_before_our_own_is_not_lost(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        before = catalogue.external_version()
        other_process(tmp_path, "write")
        catalogue.classes.add("dog")
        assert catalogue.external_version() != before
