"""The lock file that fits this Python and system, if there is one.

Torch's packages differ between systems, so that one is kept for what CI and most servers have:
Linux on x86-64 with Python 3.11 and a C library that the wheels in it need.  Elsewhere
pyproject.toml alone decides.
"""

from __future__ import annotations

import platform
import sys

LINUX = "requirements/linux-x86_64-python3.11.txt"
GLIBC = (2, 34)


def fitting() -> str:
    """Its path below the repository's root; empty if there is none."""
    name, version = platform.libc_ver()
    glibc = tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else ()
    fits = sys.platform == "linux" and platform.machine() == "x86_64" and glibc >= GLIBC
    return LINUX if fits and sys.version_info[:2] == (3, 11) else ""


if __name__ == "__main__":
    print(fitting())
