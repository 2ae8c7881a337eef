"""Folders as zips."""

from __future__ import annotations

import zipfile
from pathlib import Path


def zipped(folder: Path, path: Path, base: str = "") -> Path:
    """A zip of the files in a folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{base}{file.relative_to(folder).as_posix()}")
    return path
