"""Scans the library's folders in the background, one after another (Qt-free)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError, NotInCatalogue
from lmpt_desktop.domain import ignore_list
from lmpt_desktop.domain.ignore_list import IgnoreList
from lmpt_desktop.domain.raw_pairs import PairReport
from lmpt_desktop.domain.records import Batch, Folder
from lmpt_desktop.engine.attention import Attention
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    Notice,
    Problem,
)
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.ingest.fill import fill_details, fill_hashes
from lmpt_desktop.ingest.scope import EVERYTHING, Scope
from lmpt_desktop.ingest.sync import SyncPhase, SyncProgress, SyncReport, file_readers, sync
from lmpt_desktop.translation import _
from trainer.printable import isolated
from trainer.threads import TRIES, start_thread, until_done

log = logging.getLogger(__name__)

REPORT_SECONDS = 0.2
MAX_PROBLEMS = 20
"""How many unreadable folders are listed; the rest are only counted."""


class Scanner:
    """One thread and a queue of folders; pausing takes effect at the next file."""

    def __init__(
        self,
        catalogue: Catalogue,
        notify: Callable[[Notice], None],
        found: Callable[[], None],
        followed: Callable[[Batch], None],
        replaced: Callable[[], None],
        *,
        ignore: Callable[[], IgnoreList] = lambda: ignore_list.DEFAULT,
        scanned: Callable[[int, SyncReport], None] = lambda _folder_id, _report: None,
        raw_pairs: Callable[[], bool] = lambda: False,
        paired: Callable[[PairReport], None] = lambda _report: None,
        attention: Attention | None = None,
    ) -> None:
        """``found`` is called whenever something was committed, ``followed`` when annotations
        went to images with the same picture, ``replaced`` when another picture has taken the place
        of an annotated image.  ``ignore`` says what is left out, ``scanned`` is called with the
        id of every folder that was scanned whole, to the end, and what was found.  ``raw_pairs``
        says whether a raw file and a photo of the same name are one photo, ``paired`` is called
        when such have come together or apart.  Reading makes way for what ``attention`` says is
        being made for the screen."""
        self._attention = attention or Attention()
        self._raw_pairs = raw_pairs
        self._paired = paired
        self._ignore = ignore
        self._scanned = scanned
        self._followed = followed
        self._replaced = replaced
        self._catalogue = catalogue
        self._notify = notify
        self._found = found
        self._changed = threading.Condition()
        self._queue: dict[int, tuple[Folder, Scope]] = {}
        self._unread: dict[int, Folder] = {}
        """Folders with photos that were never read completely, or may be; nothing else is to be
        done before."""
        self._current: Folder | None = None
        self._skip = False
        self._paused = False
        self._closed = False
        self._last_report = 0.0
        self._count = (0, 0)
        self._message = ""
        # Begun now: later there may be no memory for a thread.
        self._readers = file_readers()
        self._thread = start_thread(self._loop, "scanner")

    @property
    def idle(self) -> bool:
        """No folder is being scanned or waits (a paused scan is not idle)."""
        with self._changed:
            return self._current is None and not self._queue and not self._unread

    def read_completely(self, folders: Sequence[Folder]) -> None:
        """Once nothing is left to scan, read the photos of which an earlier version of the app
        has read only a sample, or not what they say of themselves."""
        with self._changed:
            self._unread.update({folder.id: folder for folder in folders})
            self._changed.notify_all()

    def scan(self, folders: Sequence[Folder], scope: Scope = EVERYTHING) -> None:
        """Scan these, or the part ``scope`` of each, after those that are waiting; a folder that
        is being scanned is scanned again."""
        with self._changed:
            for folder in folders:
                _, waiting = self._queue.get(folder.id, (folder, scope))
                self._queue[folder.id] = (folder, waiting | scope)
            self._changed.notify_all()
            # Else nothing would show that this waits, nor let the user resume.
            self._report_if_paused()

    def forget(self, folder_id: int) -> None:
        """Do not scan a folder that is being removed; its scan ends at the next file."""
        with self._changed:
            self._queue.pop(folder_id, None)
            self._unread.pop(folder_id, None)
            if self._current is not None and self._current.id == folder_id:
                self._skip = True
                self._changed.notify_all()

    def pause(self) -> None:
        """Pause at the next file."""
        with self._changed:
            self._paused = True
            self._report_if_paused()

    def resume(self) -> None:
        """Continue."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def cancel(self) -> None:
        """Drop the waiting folders and end the current scan; what was found is kept."""
        with self._changed:
            self._queue.clear()
            self._unread.clear()
            self._skip = self._current is not None
            self._paused = False
            self._changed.notify_all()
            if not self._busy():
                self._report(ActivityState.IDLE)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._unread.clear()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=10)
        self._readers.close()

    # ------------------------------------------------------------------------------ inside

    def _loop(self) -> None:
        while (found := self._next()) is not None:
            folder, scope = found
            problem: BaseException | None = None
            try:
                if scope is None:
                    self._read_completely(folder)
                else:
                    self._scan(folder, scope)
            except BaseException as error:
                problem = error
            if problem is not None:
                until_done(partial(self._tell, folder, problem), TRIES)
            with self._changed:
                self._current = None
                self._changed.notify_all()
            until_done(self._found, TRIES)
            until_done(self._report_if_idle, TRIES)

    def _tell(self, folder: Folder, error: BaseException) -> None:
        """Say why a scan has ended before its end."""
        if isinstance(error, NotInCatalogue) and self._was_absorbed(folder):
            log.info("the scan of %s was dropped: %s", folder.path, error)
        elif isinstance(error, CatalogueError):
            self._failed(folder, str(error), repr(error))
        else:
            log.error("the scan of %s failed", folder.path, exc_info=error)
            reason = message_of(error) if isinstance(error, Exception) else repr(error)
            message = _("The folder could not be read completely: {error}").format(error=reason)
            self._failed(folder, message, "")

    def _report_if_idle(self) -> None:
        with self._changed:
            if not self._busy():
                self._report(ActivityState.IDLE)

    def _was_absorbed(self, folder: Folder) -> bool:
        """Whether it has become part of an enclosing folder, which is scanned instead."""
        try:
            return all(item.id != folder.id for item in self._catalogue.folders.all(hidden=True))
        except CatalogueError:
            return False

    def _next(self) -> tuple[Folder, Scope | None] | None:
        """The next folder and what to scan of it; None for the scope: read it completely."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or ((self._queue or self._unread) and not self._paused)
            )
            if self._closed:
                return None
            self._skip = False
            found: tuple[Folder, Scope | None]
            if self._queue:
                found = self._queue.pop(next(iter(self._queue)))
            else:
                found = self._unread.pop(next(iter(self._unread))), None
            self._current = found[0]
            return found

    def _read_completely(self, folder: Folder) -> None:
        """Compute the hashes that a folder's photos lack, and read what they say of themselves,
        until something more urgent comes."""
        self._count = (0, 0)
        self._message = _("Reading every photo once, to recognise it wherever it is moved")

        def should_stop() -> bool:
            with self._changed:
                return self._closed or self._skip or self._paused or bool(self._queue)

        def progress(read: int) -> None:
            self._count = (read, 0)
            self._report(ActivityState.RUNNING, self._message)

        def described(read: int) -> None:
            progress(read)
            self._found()

        report = fill_hashes(self._catalogue.images, folder, should_stop, progress)
        finished = report.finished
        if finished:
            self._count = (0, 0)
            self._message = _("Reading cameras, dates and keywords of photos")
            finished = fill_details(self._catalogue.photo_details, folder, should_stop, described)
        with self._changed:
            if not (finished or self._closed or self._skip):
                self._unread[folder.id] = folder
            self._report_if_paused()
        if report.changed:
            self.scan([folder])

    def _scan(self, folder: Folder, scope: Scope) -> None:
        self._count = (0, 0)
        self._message = _("Scanning {name}").format(name=folder.path.name or folder.path)
        if scope == EVERYTHING:
            self._report(ActivityState.RUNNING, self._message)
        report = sync(
            self._catalogue,
            folder.id,
            self._progress,
            self._should_stop,
            self._found,
            scope=scope,
            ignore=self._ignore(),
            readers=self._readers,
            raw_pairs=self._raw_pairs(),
            make_way=self._attention.make_way,
        )
        for pairs in report.paired:
            self._paired(pairs)
        if scope == EVERYTHING and report.available and not report.stopped:
            self._scanned(folder.id, report)
        for batch in report.followed:
            self._followed(batch)
        if report.displaced:
            self._replaced()
        if report.problems:
            shown = report.problems[:MAX_PROBLEMS]
            details = "\n".join(
                f"{isolated(str(folder.path / item.path))}: {item.reason}" for item in shown
            )
            if len(report.problems) > len(shown):
                details += "\n" + _("... and {count} more").format(
                    count=len(report.problems) - len(shown)
                )
            if report.available:
                message = _(
                    "Some folders or links could not be read. Their photos stay as they were."
                )
            else:
                message = _(
                    "{reason} Its photos are shown as missing; their annotations are kept."
                ).format(reason=shown[0].reason)
            self._notify(
                Problem(_("{path} could not be read").format(path=folder.path), message, details)
            )

    def _should_stop(self) -> bool:
        """Called by the scan between files; blocks while paused."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._skip or not self._paused)
            return self._closed or self._skip

    def _progress(self, progress: SyncProgress) -> None:
        reading = progress.phase is SyncPhase.READING
        self._count = (progress.done, progress.total if reading else 0)
        if reading:
            self._message = _("Reading photos")
        now = time.monotonic()
        if now - self._last_report >= REPORT_SECONDS:
            self._last_report = now
            self._report(ActivityState.RUNNING, self._message)

    def _busy(self) -> bool:
        return self._current is not None or bool(self._queue or self._unread)

    def _report_if_paused(self) -> None:
        if self._paused and self._busy():
            self._report(ActivityState.PAUSED)

    def _report(self, state: ActivityState, message: str = "") -> None:
        done, total = self._count
        # Several threads report; what is said last must be what holds.
        with self._changed:
            if state is ActivityState.RUNNING and self._paused:
                state = ActivityState.PAUSED
            activity = Activity(ActivityKind.SCAN, state, done, total, None, message)
            self._notify(ActivityChanged(activity))

    def _failed(self, folder: Folder, message: str, details: str) -> None:
        self._report(ActivityState.FAILED, message)
        self._notify(
            Problem(_("{path} was not scanned").format(path=folder.path), message, details)
        )
