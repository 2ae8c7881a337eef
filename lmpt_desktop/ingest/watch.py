"""Watches folders for changes, by the system's notifications (watchdog).

Changes are collected until a folder has been quiet for a moment and then reported as a
:class:`~lmpt_desktop.ingest.scope.Scope`, so that only the parts that changed are scanned.  Where
the system cannot watch (its limit is reached, a network drive, no such feature), there is a note
and everything else works: a folder is still scanned when the library is opened or when the user
asks.  Targets of links to folders are not watched.
"""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmpt_desktop.domain import ignore_list
from lmpt_desktop.domain.ignore_list import NOMEDIA, IgnoreList
from lmpt_desktop.ingest.scope import EVERYTHING, Scope
from lmpt_desktop.ingest.sidecars import SUFFIXES as SIDECAR_SUFFIXES
from lmpt_desktop.translation import N_, _
from trainer.file_formats import is_odd_name
from trainer.photo import PHOTO_SUFFIXES
from trainer.temporary_files import sweep, temporary_folder
from trainer.threads import require_room, start_thread

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent

log = logging.getLogger(__name__)

RECHECK_SECONDS = 30.0
"""How often :meth:`FolderWatch.recheck` should be called."""
QUIET_SECONDS = 1.0
"""Changes are reported after this long without another,"""
LONGEST_SECONDS = 10.0
"""or once the first has waited this long."""
MAX_PARTS = 500
"""If more subfolders than this changed, the whole folder is scanned."""

AT_ITS_LIMIT = N_(
    "New photos are not found automatically: this computer cannot watch any more "
    "folders. They are found when the library is opened, or with Look for new "
    "photos."
)
CANNOT_WATCH = N_(
    "New photos are not found automatically here. They are found when the library "
    "is opened, or with Look for new photos."
)

OnChange = Callable[[int, Scope], None]
"""(folder id, what changed)."""


@dataclass(frozen=True)
class _Watched:
    path: Path
    place: tuple[int, int]
    watch: Any


@dataclass
class _Pending:
    scope: Scope
    first: float
    last: float


class FolderWatch:
    """Watches any number of folders; all work is done on its own threads.

    Args:
        on_change: called on the watch's thread.
        quiet_seconds, longest_seconds: see the constants.
        ignore: what is left out now: changes of that are not reported.
        ours: whether a change of the file at this path is by this app.
    """

    def __init__(
        self,
        on_change: OnChange,
        *,
        quiet_seconds: float = QUIET_SECONDS,
        longest_seconds: float = LONGEST_SECONDS,
        ignore: Callable[[], IgnoreList] = lambda: ignore_list.DEFAULT,
        ours: Callable[[str], bool] = lambda _path: False,
    ) -> None:
        self._on_change = on_change
        self._ignore = ignore
        self._ours = ours
        self._quiet_seconds = quiet_seconds
        self._longest_seconds = longest_seconds
        self._changed = threading.Condition()
        self._requested: dict[int, Path] = {}
        self._stale = False
        self._watched: dict[int, _Watched] = {}
        self._notes: dict[int, str] = {}
        self._pending: dict[int, _Pending] = {}
        self._observer: Any = None
        self._closed = False
        self._thread = start_thread(self._loop, "folder watch")

    def watch(self, folders: Mapping[int, Path]) -> None:
        """Watch these, by id, and no others; returns at once."""
        with self._changed:
            self._requested = dict(folders)
            self._stale = True
            self._changed.notify_all()

    def recheck(self) -> None:
        """Check that watched folders are still in their place (a disk may have been unplugged, a
        folder moved) and retry those that could not be watched; returns at once.
        """
        with self._changed:
            self._stale = True
            self._changed.notify_all()

    def notes(self) -> dict[int, str]:
        """Folders that are not watched, each with a sentence for the user."""
        with self._changed:
            return dict(self._notes)

    @property
    def settled(self) -> bool:
        """Whether every requested folder is watched or has a note."""
        with self._changed:
            return not self._stale

    def close(self) -> None:
        """Stop watching; changes not reported yet are dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=10)

    # ------------------------------------------------------------------ the watch's thread

    def _loop(self) -> None:
        try:
            while self._step():
                pass
        except Exception:
            log.exception("watching folders has ended")
        self._stop_observer()

    def _step(self) -> bool:
        with self._changed:
            while not (self._closed or self._stale):
                wait = self._wait()
                if wait is not None and wait <= 0:
                    break
                self._changed.wait(wait)
            if self._closed:
                return False
            requested = dict(self._requested) if self._stale else None
            due = self._take_due()
        if requested is not None:
            self._apply_requested(requested)
            with self._changed:
                # Folders may have been added while these were being set up.
                self._stale = self._requested != requested
        for folder_id, scope in due.items():
            self._on_change(folder_id, scope)
        return True

    def _wait(self) -> float | None:
        """Seconds until a change is due to be reported; None if none is waiting."""
        return min((self._due(item) for item in self._pending.values()), default=None)

    def _due(self, item: _Pending) -> float:
        due = min(item.last + self._quiet_seconds, item.first + self._longest_seconds)
        return due - time.monotonic()

    def _take_due(self) -> dict[int, Scope]:
        ready = [folder_id for folder_id, item in self._pending.items() if self._due(item) <= 0]
        return {folder_id: self._pending.pop(folder_id).scope for folder_id in ready}

    def _apply_requested(self, requested: Mapping[int, Path]) -> None:
        returned: list[int] = []
        for folder_id, item in list(self._watched.items()):
            there = _place(item.path) == item.place
            if requested.get(folder_id) != item.path or not there:
                self._unwatch(folder_id)
                if not there and folder_id in requested:
                    returned.append(folder_id)
        notes: dict[int, str] = {}
        for folder_id, path in requested.items():
            if folder_id not in self._watched:
                if note := self._begin(folder_id, path):
                    notes[folder_id] = note
                elif folder_id in self._notes:
                    returned.append(folder_id)
        with self._changed:
            self._notes = notes
            for folder_id in set(self._pending) - set(requested):
                del self._pending[folder_id]
        for folder_id in returned:
            # Changes from the time without a watch are found by a full scan.
            self.note_change(folder_id, EVERYTHING)

    def _begin(self, folder_id: int, path: Path) -> str:
        """Watch a folder; returns a note if that is impossible, else ""."""
        try:
            from watchdog import events  # noqa: PLC0415  (not while the window opens)
            from watchdog.observers import Observer  # noqa: PLC0415

            place = _place(path)
            if place is None:
                raise FileNotFoundError(errno.ENOENT, "the folder is not there")
            # watchdog starts threads, and would wait for ever for one that cannot begin.
            require_room()
            if self._observer is None:
                self._observer = Observer()
                self._observer.start()
            watch = self._observer.schedule(
                _Handler(self, folder_id, path, self._ignore, self._ours),
                str(path),
                recursive=True,
                # Not those for files being opened and read, which the app does itself.
                event_filter=[
                    events.FileCreatedEvent,
                    events.FileModifiedEvent,
                    events.FileClosedEvent,
                    events.FileMovedEvent,
                    events.FileDeletedEvent,
                    events.DirCreatedEvent,
                    events.DirMovedEvent,
                    events.DirDeletedEvent,
                ],
            )
            self._watched[folder_id] = _Watched(path, place, watch)
            self._probe()
        except Exception as error:
            # No error message: nothing that the user asked for has failed.
            log.info("%s is not watched: %s", path, error)
            if folder_id in self._watched:
                self._unwatch(folder_id)
            at_limit = getattr(error, "errno", None) in (errno.ENOSPC, errno.EMFILE, errno.ENFILE)
            return _(AT_ITS_LIMIT) if at_limit else _(CANNOT_WATCH)
        log.info("watching %s", path)
        return ""

    def _probe(self) -> None:
        """Raise what watching one more folder raises.

        watchdog ignores subfolders that it cannot watch because the limit is reached; watching
        half of a folder would be worse than a note.
        """
        from watchdog.events import FileSystemEventHandler  # noqa: PLC0415

        place = Path(tempfile.gettempdir())
        sweep(place)
        with temporary_folder(place, "watch") as folder:
            watch = self._observer.schedule(FileSystemEventHandler(), str(folder), recursive=False)
            self._observer.unschedule(watch)

    def _unwatch(self, folder_id: int) -> None:
        try:
            self._observer.unschedule(self._watched.pop(folder_id).watch)
        except Exception as error:  # the folder is gone, and with it the watch
            log.debug("a watch could not be ended: %s", error)

    def _stop_observer(self) -> None:
        if self._observer is not None:
            try:
                self._observer.stop()
                self._observer.join(timeout=5)
            except Exception:
                log.debug("the observer did not stop", exc_info=True)

    # --------------------------------------------------------------- the observer's thread

    def note_change(self, folder_id: int, scope: Scope) -> None:
        """Record a change; reported when the folder is quiet."""
        now = time.monotonic()
        with self._changed:
            if self._closed or folder_id not in self._requested:
                return
            item = self._pending.get(folder_id)
            if item is None:
                self._pending[folder_id] = _Pending(scope, now, now)
                self._changed.notify_all()
                return
            item.last = now
            if scope.flat <= item.scope.flat and scope.deep <= item.scope.deep:
                return
            joined = item.scope | scope
            item.scope = EVERYTHING if len(joined) > MAX_PARTS else joined


def _place(path: Path) -> tuple[int, int] | None:
    """The identity of the folder at ``path``; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


class _Handler:
    """Turns a folder's events into scopes."""

    def __init__(
        self,
        watch: FolderWatch,
        folder_id: int,
        folder: Path,
        ignore: Callable[[], IgnoreList] = lambda: ignore_list.DEFAULT,
        ours: Callable[[str], bool] = lambda _path: False,
    ) -> None:
        self._watch = watch
        self._ignore = ignore
        self._ours = ours
        self._folder_id = folder_id
        self._folder = os.fspath(folder)

    def dispatch(self, event: FileSystemEvent) -> None:
        """Called by watchdog."""
        for place in (event.src_path, event.dest_path):
            if place and (scope := self._scope(os.fsdecode(place), event.is_directory)):
                self._watch.note_change(self._folder_id, scope)

    def _scope(self, place: str, is_folder: bool) -> Scope | None:
        """What to scan because of a change at ``place``; None if the change is irrelevant."""
        try:
            inner = os.path.relpath(place, self._folder).replace(os.sep, "/")
        except ValueError:  # another drive
            return None
        if inner == ".":
            return EVERYTHING if is_folder else None
        parent, _, name = inner.rpartition("/")
        if name == NOMEDIA and not is_folder and self._ignore().nomedia:
            return None if _is_hidden(parent) else _everything_below(parent)
        if _is_hidden(inner) or self._is_left_out(inner, is_folder):
            return None
        if is_folder:
            return _everything_below(inner)
        suffix = name[name.rfind(".") :].lower()
        beside = suffix in SIDECAR_SUFFIXES and not self._ours(place)
        noticed = suffix in PHOTO_SUFFIXES or beside or is_odd_name(name)
        return Scope(flat=frozenset({parent})) if noticed else None

    def _is_left_out(self, inner: str, is_folder: bool) -> bool:
        ignore = self._ignore()
        return ignore.covers_folder(inner) if is_folder else ignore.covers(inner)


def _everything_below(inner: str) -> Scope:
    return Scope(deep=frozenset({inner})) if inner else EVERYTHING


def _is_hidden(inner: str) -> bool:
    """Whether a relative path is hidden, or leads outside ("..")."""
    return any(part.startswith(".") for part in inner.split("/"))
