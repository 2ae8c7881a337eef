"""Where the app keeps its files (imports no Qt).

The platform's conventions apply, by platformdirs.  ``LMPT_DESKTOP_HOME`` moves everything into
one folder: for tests, and for a portable installation.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
import unicodedata
from pathlib import Path

import platformdirs

from lmpt_desktop.private_files import make_private_folder
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
    "socket_dir",
]

APP_NAME = "lmpt-desktop"
HOME_VARIABLE = "LMPT_DESKTOP_HOME"
SOCKET_DIR_BYTES = 60
"""Some systems limit a socket's path to 103 bytes, and Qt appends to it while it makes one."""


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


def socket_dir() -> Path | None:
    """A folder for sockets in which nobody but this user can make, replace or reach one; None if
    there is none, as on Windows, whose pipes have no folder."""
    if os.name == "nt":
        return None
    return next((folder for folder in _socket_dirs() if _private(folder)), None)


def _socket_dirs() -> list[Path]:
    """In the order of preference."""
    assert sys.platform != "win32"  # asked by socket_dir
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    session = [Path(runtime) / APP_NAME] if runtime else []
    # The last has a name that anybody can take; then it is somebody else's, and not used.
    shared = Path(tempfile.gettempdir()) / f"{APP_NAME}-{os.getuid()}"
    return [*session, data_dir() / "run", shared]


def _private(folder: Path) -> bool:
    """Whether ``folder``, made here if it is missing, is this user's alone, and its name short."""
    assert sys.platform != "win32"
    if not folder.is_absolute() or len(os.fsencode(folder)) > SOCKET_DIR_BYTES:
        return False
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # not of what a link points to: others could change that
    except OSError:
        return False
    mode = found.st_mode
    return stat.S_ISDIR(mode) and found.st_uid == os.getuid() and not mode & 0o077


def _folder(kind: str, native: Path) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    return _made(Path(home).expanduser().resolve() / kind if home else native)


def _made(folder: Path) -> Path:
    make_private_folder(folder)
    return folder
