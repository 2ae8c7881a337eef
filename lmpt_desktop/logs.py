"""The app's log: a rotating file in the platform's log folder, warnings on stderr too."""

from __future__ import annotations

import logging
import os
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from lmpt_desktop.paths import log_dir
from lmpt_desktop.private_files import create_private, make_private
from trainer.printable import LogFormatter

LOG_NAME = "lmpt-desktop.log"
MAX_BYTES = 2_000_000
BACKUPS = 3
HANDLER_NAME = "lmpt-desktop console"

log = logging.getLogger(__name__)


class _PrivateLog(RotatingFileHandler):
    """A log that only its owner can read: it names folders and files."""

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        create_private(path)
        for number in range(1, BACKUPS + 1):
            make_private(path.with_name(f"{path.name}.{number}"))
        return super()._open()


def log_file() -> Path:
    """Where :func:`start_logging` writes."""
    return log_dir() / LOG_NAME


def log_files() -> list[Path]:
    """The log and its predecessors that are there, the newest first."""
    newest = log_file()
    older = [newest.with_name(f"{newest.name}.{number}") for number in range(1, BACKUPS + 1)]
    return [path for path in (newest, *older) if path.is_file()]


def start_logging(*, verbose: bool = False) -> None:
    """Send the log of the app to its file, and warnings (or everything) to stderr.

    Call this first; a second call does nothing.  If the file cannot be written there is stderr
    only.
    """
    root = logging.getLogger()
    if any(getattr(handler, "name", None) == HANDLER_NAME for handler in root.handlers):
        return
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    console = logging.StreamHandler(sys.stderr)
    console.name = HANDLER_NAME
    console.setLevel(logging.DEBUG if verbose else logging.WARNING)
    console.setFormatter(LogFormatter("%(levelname)s: %(message)s"))
    root.addHandler(console)
    try:
        file = _PrivateLog(
            log_file(), maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        log.warning("No log file can be written: %s", error)
        return
    form = f"%(asctime)s {os.getpid()} %(levelname)s %(threadName)s %(name)s: %(message)s"
    file.setFormatter(LogFormatter(form))
    root.addHandler(file)
