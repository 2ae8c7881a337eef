"""The lock file holds what pyproject.toml asks for, each package with its hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "linux-x86_64-python3.11.txt"


def locked() -> dict[str, tuple[str, int]]:
    """Version and number of hashes by name."""
    entries = re.split(r"\n(?=[a-zA-Z0-9])", "\n" + LOCK.read_text(encoding="utf-8"))
    found = {}
    for entry in entries:
        if match := re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;]+)", entry.strip()):
            found[canonicalize_name(match[1])] = match[2], entry.count("--hash=sha256:")
    return found


def asked_for() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [
        Requirement(text) for text in [*project["dependencies"], *extras["samples"], *extras["dev"]]
    ]


@pytest.mark.parametrize("requirement", asked_for(), ids=lambda item: item.name)
def test_a_requirement_is_locked_as_pyproject_allows(requirement: Requirement) -> None:
    """If not, run ``make lock``."""
    version, hashes = locked()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)
    assert hashes


def test_every_package_has_hashes() -> None:
    packages = locked()
    assert len(packages) > 90
    assert all(hashes for _version, hashes in packages.values())
