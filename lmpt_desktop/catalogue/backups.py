"""Copies of the catalogue: before every migration, and once a day."""

from __future__ import annotations

import logging
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = "backups"
KEEP = 5
"""Copies kept of each kind."""
EVERY = timedelta(days=1)
_STAMP = "%Y%m%dT%H%M%S%f"


def back_up(catalogue: Path, kind: str) -> Path:
    """Copy ``catalogue`` to ``backups/<kind>-<UTC time>.sqlite`` and drop the oldest.

    SQLite's own backup: a consistent copy even while others write.  The copy gets its
    name once it is complete.

    Args:
        catalogue: the file to copy.
        kind: "daily" or "migration"; the newest ``KEEP`` of each kind are kept.  Copies stamped
            in the future were made while the clock was wrong, and count as the oldest.

    Raises:
        sqlite3.Error: if the catalogue cannot be read or the copy not written.
        OSError: if the folder cannot be written.
    """
    folder = catalogue.parent / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{kind}-{datetime.now(UTC).strftime(_STAMP)}.sqlite"
    partial = target.with_suffix(".part")
    try:
        source = sqlite3.connect(catalogue, timeout=15.0)
        try:
            copy = sqlite3.connect(partial)
            try:
                source.backup(copy)
                # One file that can be put in place of the catalogue: no WAL beside it.
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()
        finally:
            source.close()
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _prune(catalogue.parent, kind, target)
    return target


def existing(library: Path, kind: str = "*") -> list[Path]:
    """Backup copies, oldest first."""
    return sorted((library / FOLDER).glob(f"{kind}-*.sqlite"), key=lambda path: path.name[-27:])


def daily_due(library: Path) -> bool:
    """Whether no daily copy was made within the last day."""
    now = datetime.now(UTC)
    made = (_made(path) for path in existing(library, "daily"))
    return not any(when is not None and timedelta(0) <= now - when < EVERY for when in made)


def _prune(library: Path, kind: str, newest: Path) -> None:
    now = datetime.now(UTC)
    # A name that is not ours belongs to the user.
    dated = [
        (when <= now, when, path)
        for path in existing(library, kind)
        if path != newest and (when := _made(path)) is not None
    ]
    for _believable, _when, old in sorted(dated)[: -(KEEP - 1)]:
        old.unlink(missing_ok=True)


def _made(copy: Path) -> datetime | None:
    """When a copy was made, by its name; None if that says nothing."""
    try:
        return datetime.strptime(copy.stem.rpartition("-")[2], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def back_up_daily(catalogue: Path) -> None:
    """Make the daily copy if due; a failure is logged, since it must not stop the work."""
    try:
        if daily_due(catalogue.parent):
            back_up(catalogue, "daily")
    except (OSError, sqlite3.Error):
        log.warning("the daily backup of %s failed", catalogue, exc_info=True)
