"""Programs that run on a file system without shared memory or without locks.

``odd_share.c`` is preloaded into a process of its own and refuses, below one folder, what such a
share refuses.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("odd_share.c")
_ROOT = Path(__file__).parents[2]


class OddShare:
    """A folder, and Python programs to which it is an odd share."""

    def __init__(self, folder: Path, library: Path) -> None:
        self.folder = folder
        self._library = library

    def start(self, code: str, *arguments: object, **errors: int) -> subprocess.Popen[str]:
        """Start a program; ``errors``: ``mmap``, ``fcntl`` and ``flock`` with the error that
        each ends with."""
        environment = os.environ | {
            "LD_PRELOAD": str(self._library),
            "ODD_SHARE": str(self.folder),
            "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'tests' / 'support'}",
        }
        environment |= {f"ODD_SHARE_{name.upper()}": str(error) for name, error in errors.items()}
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, *arguments: object, **errors: int) -> str:
        """What a program prints; it must end without an error."""
        with self.start(code, *arguments, **errors) as process:
            printed, complaints = process.communicate(timeout=120)
        assert process.returncode == 0, complaints
        return printed


def make_odd_share(folder: Path, build: Path) -> OddShare:
    """Build the library in ``build``; skips the test where that cannot be done."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("a share without locks is imitated with a C compiler, on Linux only")
    library = build / "odd_share.so"
    if not library.exists():
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"the compiler {compiler} does not work: {done.stderr[-300:]}")
    folder.mkdir(parents=True, exist_ok=True)
    return OddShare(folder, library)
