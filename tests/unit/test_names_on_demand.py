from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from lmpt_desktop import catalogue


def test_every_name_of_the_catalogue_is_found() -> None:
    package: Any = catalogue
    assert [name for name in package.__all__ if getattr(package, name) is None] == []
    assert package.Catalogue.__module__ == "lmpt_desktop.catalogue.catalogue"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = package.Nothing


def test_a_part_of_a_package_does_not_bring_the_others() -> None:
    code = (
        "import sys, lmpt_desktop.catalogue.disk_access\n"
        "print(sorted(name for name in sys.modules if name.startswith('lmpt_desktop.catalogue')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "['lmpt_desktop.catalogue', 'lmpt_desktop.catalogue.disk_access']"
