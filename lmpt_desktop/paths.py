"""Where the app keeps its files (imports no Qt).

The platform's conventions apply, by platformdirs.  ``LMPT_DESKTOP_HOME`` moves everything into
one folder: for tests, and for a portable installation.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import platformdirs

from trainer.resources import ResourcesMissingError, resources_dir

__all__ = [
    "APP_NAME",
    "HOME_VARIABLE",
    "ResourcesMissingError",
    "config_dir",
    "data_dir",
    "libraries_dir",
    "library_dir",
    "log_dir",
    "resources_dir",
    "sample_photos_dir",
]

APP_NAME = "lmpt-desktop"
HOME_VARIABLE = "LMPT_DESKTOP_HOME"


def data_dir() -> Path:
    """Libraries: what must not be lost.  Created if missing, as every folder here."""
    return _folder("data", platformdirs.user_data_path(APP_NAME, appauthor=False))


def config_dir() -> Path:
    """Window state and preferences that belong to this computer."""
    return _folder("config", platformdirs.user_config_path(APP_NAME, appauthor=False))


def log_dir() -> Path:
    """Log files of the app and of its trainer processes."""
    return _folder("log", platformdirs.user_log_path(APP_NAME, appauthor=False))


def libraries_dir() -> Path:
    """The folder that holds one folder per library."""
    return _made(data_dir() / "libraries")


def library_dir(name: str) -> Path:
    """The folder of the library called ``name`` (not created here: the catalogue does that).

    Characters that some file systems forbid become ``-``.
    """
    safe = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "-", unicodedata.normalize("NFC", name))
    safe = safe.strip(" .-")[:100]
    return libraries_dir() / (safe or "library")


def sample_photos_dir() -> Path:
    """Where "Try it with sample photos" puts its copies."""
    return data_dir() / "sample photos"


def _folder(kind: str, native: Path) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    return _made(Path(home).expanduser().resolve() / kind if home else native)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
