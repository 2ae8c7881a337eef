"""Verifies the files of an open library in the background, one run at a time (Qt-free)."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    Notice,
    Problem,
)
from lmpt_desktop.engine.scanner import Scanner
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.ingest.verify import LISTED, QUIET, Finding, FindingKind, FolderPart, verify
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.findings import write_findings
from lmpt_desktop.translation import _
from trainer.threads import start_thread, until_done

log = logging.getLogger(__name__)

REPORT_SECONDS = 0.2
RATE_SECONDS = 1.0
"""Reading for less than this says nothing of how long the rest takes."""
MOST_FINDINGS = 100_000
"""Files of each kind that are listed; the rest are only counted."""


@dataclass(frozen=True)
class VerificationReport:
    """What a run has found.

    Attributes:
        folders: what was verified.
        counts: photos of each kind that was found.
        findings: those that need attention, in the order found, and files that are online only;
            at most ``MOST_FINDINGS`` of a kind.
        total: photos that the folders have.
        began, ended: UTC.
        stopped: whether it was cancelled, or failed, before the end.
        error: why it failed, a sentence; "" if it did not.
        taken_over: images whose changes the next scan takes over.
        catalogue: whether the library's own records are sound; None if that was not found out.
        repaired: what was mended of them; None if nothing was.
    """

    folders: tuple[Folder, ...]
    counts: Mapping[FindingKind, int]
    findings: tuple[Finding, ...]
    total: int
    began: datetime
    ended: datetime
    stopped: bool = False
    error: str = ""
    taken_over: frozenset[int] = frozenset()
    catalogue: Soundness | None = None
    repaired: Soundness | None = None

    @property
    def done(self) -> int:
        """How many photos have a finding."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class VerificationProgress:
    """How far a run is.  ``bytes_per_second`` is None until it is known."""

    done: int = 0
    total: int = 0
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: float | None = None
    problems: int = 0
    """Photos so far that need attention."""
    paused: bool = False

    @property
    def seconds_left(self) -> float | None:
        if self.bytes_per_second is None:
            return None
        return (self.total_bytes - self.done_bytes) / self.bytes_per_second


@dataclass
class _Run:
    """A run in progress; only its thread changes it."""

    folders: tuple[Folder, ...]
    total: int
    total_bytes: int
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    counts: Counter[FindingKind] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    listed: Counter[FindingKind] = field(default_factory=Counter)
    done_bytes: int = 0
    read_bytes: int = 0
    """Without those of files that were not read."""
    read_seconds: float = 0.0
    stopped: bool = False
    error: str = ""
    catalogue: Soundness | None = None


class Verification:
    """``session.verification``: checks the catalogue and reads every photo again, on a thread of
    its own.

    Progress is an :class:`Activity` of kind VERIFY; when that is idle, :attr:`report` has what was
    found.  It is kept until the next run.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        scanner: Scanner,
        notify: Callable[[Notice], None],
        *,
        show_repaired: Callable[[], None],
    ) -> None:
        """``show_repaired`` reads verdicts and features again."""
        self._show_repaired = show_repaired
        self._catalogue = catalogue
        self._scanner = scanner
        self._notify = notify
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._run: _Run | None = None
        self._report: VerificationReport | None = None
        self._progress = VerificationProgress()
        self._paused = self._cancelled = self._closed = False
        self._resumed = 0.0
        self._shown = 0.0

    @property
    def running(self) -> bool:
        """A run is in progress or paused."""
        with self._changed:
            return self._run is not None

    @property
    def progress(self) -> VerificationProgress:
        """How far the run is, or the last one was."""
        with self._changed:
            return self._progress

    @property
    def report(self) -> VerificationReport | None:
        """What the last run has found; None if there was none."""
        with self._changed:
            return self._report

    def start(self, folder_ids: Collection[int] | None = None) -> bool:
        """Verify these folders, or all.  Reads the catalogue.

        Returns:
            False if a run is in progress; nothing is started then.

        Raises:
            CatalogueError: if the catalogue cannot be read.
        """
        folders = tuple(
            item
            for item in self._catalogue.folders.all()
            if folder_ids is None or item.id in folder_ids
        )
        total, total_bytes = self._catalogue.images.existing_size([item.id for item in folders])
        with self._changed:
            if self._run is not None or self._closed:
                return False
            run = self._run = _Run(folders, total, total_bytes)
            self._report = None
            self._paused = self._cancelled = False
            self._progress = VerificationProgress(total=total, total_bytes=total_bytes)
            self._resumed = time.monotonic()
            try:
                self._thread = start_thread(partial(self._verify, run), "verification")
            except BaseException:
                self._run = None
                raise
        self._show(ActivityState.RUNNING)
        return True

    def pause(self) -> None:
        """Pause before the next photo."""
        with self._changed:
            if self._run is None or self._paused:
                return
            self._paused = True
            self._progress = replace(self._progress, paused=True)
        self._show(ActivityState.PAUSED)

    def resume(self) -> None:
        """Continue."""
        with self._changed:
            if self._run is None or not self._paused:
                return
            self._paused = False
            self._progress = replace(self._progress, paused=False)
            self._changed.notify_all()
        self._show(ActivityState.RUNNING)

    def cancel(self) -> None:
        """End the run before the next photo; the report has what was found until then."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10)

    def take_over(self, image_ids: Sequence[int]) -> None:
        """Accept what these files are now: the next scan, which starts at once, reads them as
        changed ones.  Writes the catalogue.

        Raises:
            CatalogueError: if it cannot be written.
        """
        ids = [int(i) for i in image_ids]
        self._catalogue.images.expect_change(ids)
        with self._changed:
            report = self._report
            if report is not None:
                taken = report.taken_over | frozenset(ids)
                self._report = replace(report, taken_over=taken)
        self._scanner.scan(self._catalogue.folders.all())

    def repair(self) -> Path | None:
        """Mend the catalogue as far as the last report says that it can be.  Writes the catalogue.

        Returns:
            The copy of what was there before; None if there is nothing to mend, or not any more.

        Raises:
            CatalogueError: if it cannot be copied or written; then nothing is changed.
        """
        report = self.report
        found = report.catalogue if report is not None else None
        if found is None or not found.can_be_repaired:
            return None
        # The user may have gone on working since.
        found = self._catalogue.check_soundness()
        if not found.can_be_repaired:
            return None
        copy = self._catalogue.repair(found)
        after = self._catalogue.check_soundness()
        with self._changed:
            if self._report is not None:
                self._report = replace(self._report, catalogue=after, repaired=found)
        self._show_repaired()
        return copy

    def save_report(self, path: Path) -> int:
        """Write the report as CSV; returns the number of its rows.

        Raises:
            OSError: if it cannot be written; what was at ``path`` is still there then.
        """
        report = self.report
        with atomic_write(path) as file:
            return write_findings(report.findings if report else (), file)

    # ------------------------------------------------------------------------------ inside

    def _verify(self, run: _Run) -> None:
        parts = [FolderPart(folder) for folder in run.folders]
        images, record = self._catalogue.images, not self._catalogue.read_only
        problem: BaseException | None = None
        try:
            run.catalogue = self._catalogue.check_soundness(self._should_stop)
            found = verify(images, parts, self._should_stop, record=record)
            for finding in found:
                self._take(run, finding)
        except BaseException as error:
            problem = error
        # Else it would be in progress for ever.
        until_done(partial(self._conclude, run, problem))

    def _conclude(self, run: _Run, problem: BaseException | None) -> None:
        """Make the report of a run, which ended with ``problem`` if any, and tell of it."""
        if isinstance(problem, CatalogueError):
            run.error = str(problem)
        elif problem is not None:
            log.error("verifying failed", exc_info=problem)
            reason = message_of(problem) if isinstance(problem, Exception) else repr(problem)
            run.error = _("Verifying was ended by an unexpected problem: {error}").format(
                error=reason
            )
        with self._changed:
            run.stopped = bool(run.error) or self._cancelled or self._closed
            self._report = VerificationReport(
                run.folders,
                dict(run.counts),
                tuple(run.findings),
                run.total,
                run.began,
                datetime.now(UTC),
                run.stopped,
                run.error,
                catalogue=run.catalogue,
            )
            self._run = None
            closed = self._closed
        if closed:
            return
        self._show(ActivityState.IDLE)
        if run.error:
            self._notify(Problem(_("The library was not verified completely"), run.error))

    def _take(self, run: _Run, finding: Finding) -> None:
        run.counts[finding.kind] += finding.photos
        run.done_bytes += finding.size
        if finding.kind not in (FindingKind.UNREACHABLE, FindingKind.ONLINE_ONLY, FindingKind.GONE):
            run.read_bytes += finding.size
        if finding.kind in LISTED:
            run.listed[finding.kind] += 1
            if run.listed[finding.kind] <= MOST_FINDINGS:
                run.findings.append(finding)
        now = time.monotonic()
        if now - self._shown < REPORT_SECONDS:
            return
        self._shown = now
        with self._changed:
            seconds = run.read_seconds + now - self._resumed
            rate = run.read_bytes / seconds if seconds >= RATE_SECONDS and run.read_bytes else None
            self._progress = VerificationProgress(
                sum(run.counts.values()),
                run.total,
                run.done_bytes,
                run.total_bytes,
                rate,
                sum(count for kind, count in run.counts.items() if kind not in QUIET),
                self._paused,
            )
            paused = self._paused
        self._show(ActivityState.PAUSED if paused else ActivityState.RUNNING)

    def _should_stop(self) -> bool:
        """Called between photos; blocks while paused."""
        with self._changed:
            if self._paused and self._run is not None:
                self._run.read_seconds += time.monotonic() - self._resumed
                self._changed.wait_for(lambda: self._cancelled or self._closed or not self._paused)
                self._resumed = time.monotonic()
            return self._cancelled or self._closed

    def _show(self, state: ActivityState) -> None:
        progress = self.progress
        self._notify(
            ActivityChanged(
                Activity(
                    ActivityKind.VERIFY,
                    state,
                    progress.done,
                    progress.total,
                    progress.seconds_left,
                )
            )
        )
