"""A fit process: start it so that it outlives the window, follow its events, find it again.

The process writes its events to ``events.jsonl`` in the job folder, not to a pipe, so nothing is
lost while no window is open.  Its pid and creation time together identify it after a restart of
the app.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmpt_desktop.engine.child_process import TRAINER, child_environment
from trainer.children import CLOSE_FILES, NO_WINDOW
from trainer.events import FitFailed, FitFinished, Message, Stop, to_line
from trainer.job import CANCEL_NAME, EVENTS_NAME, LOG_NAME
from trainer.run_files import EventFile, ProcessIdentity, is_alive, job_line
from trainer.threads import start_thread, until_done

if TYPE_CHECKING:
    import psutil

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
STUCK_SECONDS = 5.0
"""A run that was asked to stop and does not work for so long is terminated."""
WORKING_SHARE = 0.02
"""A process works if it uses at least this share of one processor."""
STOP_SECONDS = 60.0
"""A run that was asked to stop is terminated after this time, even if it works."""
AWAY_STOP_SECONDS = 180.0
"""The same of one on another computer, which is waited for without working here."""
KILL_SECONDS = 2.0
"""A run that was terminated and goes on for so long is killed, also where it is stopped."""
GONE_SECONDS = 5.0
"""A run that was killed counts as ended after this time: it waits for a disk that does not answer,
and ends when that does."""


def start_fit(
    job_folder: Path, command: Sequence[str] = (*TRAINER, "fit")
) -> tuple[subprocess.Popen[bytes], ProcessIdentity]:
    """Start ``command`` on a job folder, in its own session.

    Raises:
        OSError: if it cannot be started or its files cannot be made.
    """
    events, log_path = job_folder / EVENTS_NAME, job_folder / LOG_NAME
    with events.open("ab") as stdout, log_path.open("ab") as stderr:
        process = subprocess.Popen(
            [*command, str(job_folder), "--events"],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            env=child_environment(),
            start_new_session=True,
            creationflags=NO_WINDOW,
            close_fds=CLOSE_FILES,
        )
    log.info("started fit %d in %s", process.pid, job_folder)
    return process, _identity(process)


def _identity(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    import psutil  # noqa: PLC0415 - not needed to open a window

    try:
        created = psutil.Process(process.pid).create_time()
    except psutil.Error:
        created = time.time()
    return ProcessIdentity(process.pid, created)


class WaitingFit:
    """A process that loads what a run needs, and then waits for its job."""

    def __init__(self, jobs_folder: Path, command: Sequence[str] = (*TRAINER, "fit")) -> None:
        """Start ``command`` for a job that will be in ``jobs_folder``, in its own session.

        Raises:
            OSError: if it cannot be started.
        """
        self._process = subprocess.Popen(
            [*command, str(jobs_folder), "--wait"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            start_new_session=True,
            creationflags=NO_WINDOW,
            close_fds=CLOSE_FILES,
        )
        self._identity = _identity(self._process)
        log.info("a fit %d waits for its job", self._process.pid)

    def begin(self, job_folder: Path) -> tuple[subprocess.Popen[bytes], ProcessIdentity]:
        """Tell it its job.

        Raises:
            OSError: if it has ended.
        """
        process = self._process
        if process.poll() is not None or process.stdin is None:
            raise OSError(f"the fit that waited has ended with code {process.returncode}")
        process.stdin.write(job_line(job_folder))
        process.stdin.flush()
        log.info("fit %d begins in %s", process.pid, job_folder)
        return process, self._identity

    def end(self) -> None:
        """No job will come."""
        with self._process:  # closes its stdin, and waits for its end
            self._process.kill()


def request_stop(job_folder: Path, process: subprocess.Popen[bytes] | None) -> None:
    """Ask a run to stop: by a file, and by stdin where it is a child of this process.

    Raises:
        OSError: if neither works.
    """
    sent = False
    if process is not None and process.stdin is not None:
        with contextlib.suppress(OSError, ValueError):
            process.stdin.write(to_line(Stop()).encode())
            process.stdin.flush()
            sent = True
    try:
        (job_folder / CANCEL_NAME).touch()
    except OSError:
        if not sent:
            raise


@dataclass(frozen=True)
class FitOutcome:
    """How a process ended: its final message, or None where there was none.

    ``exit_code`` is None for a process that was not a child of this one.  ``forced``: it was asked
    to stop, did not, and was terminated or killed.
    """

    last: FitFinished | FitFailed | None
    exit_code: int | None
    forced: bool = False


class _ForcedEnd:
    """Ends a process that was asked to stop and does not do so in time."""

    def __init__(self, pid: int, *, away: bool) -> None:
        import psutil  # noqa: PLC0415

        self._away = away
        self._error = psutil.Error
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)
        self._asked = self._worked = time.monotonic()
        self._used = 0.0
        self._terminated = self._killed = 0.0

    @property
    def forced(self) -> bool:
        return self._terminated > 0

    def look(self, *, asked: bool) -> bool:
        """Do what is due now; True where nothing more can be done.

        ``asked``: the request to stop could be sent; else the process is terminated at once.
        """
        if self._process is None:
            return False
        now = time.monotonic()
        try:
            if not self._terminated:
                times = self._process.cpu_times()
                used = times.user + times.system
                if used - self._used >= WORKING_SHARE * STUCK_SECONDS:
                    self._used, self._worked = used, now
                stuck = not self._away and now - self._worked > STUCK_SECONDS
                most = AWAY_STOP_SECONDS if self._away else STOP_SECONDS
                if not asked or stuck or now - self._asked > most:
                    log.warning("fit %d does not stop and is terminated", self._process.pid)
                    self._terminated = now
                    self._process.terminate()
            elif not self._killed:
                if now - self._terminated > KILL_SECONDS:
                    log.warning("fit %d is killed", self._process.pid)
                    self._killed = now
                    self._process.kill()
            else:
                return now - self._killed > GONE_SECONDS
        except self._error as error:
            log.info("fit %d: %s", self._process.pid, error)
        return False


class FitFollower:
    """Follows one run on a thread: reports every event once, in order, then the outcome."""

    def __init__(
        self,
        job_folder: Path,
        identity: ProcessIdentity | None,
        process: subprocess.Popen[bytes] | None,
        on_event: Callable[[Message], None],
        on_end: Callable[[FitOutcome], None],
        *,
        away: bool = False,
    ) -> None:
        """``identity`` None: the process has ended; only its events are read.  ``away``: the
        process only follows a run on another computer."""
        self._away = away
        self._events = EventFile(job_folder / EVENTS_NAME)
        self._identity = identity
        self._job_folder = job_folder
        self._process = process
        self._on_event = on_event
        self._on_end = on_end
        self._closed = threading.Event()
        self._stop: bool | None = None
        """Whether a request to stop could be sent; None where there was none."""
        self._last: FitFinished | FitFailed | None = None
        self._end: _ForcedEnd | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start following; events that are already written come first.

        Raises:
            MemoryError, RuntimeError: if there can be no thread for it.
        """
        self._thread = start_thread(self._follow, "fit follower")

    def expect_end(self, *, asked: bool = True) -> None:
        """The process was asked to stop, or (not ``asked``) cannot be: end it if it does not."""
        self._stop = asked

    def close(self) -> None:
        """Stop following; the process keeps running."""
        self._closed.set()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def _follow(self) -> None:
        ended = False
        while not ended:
            try:
                ended = self._look()
            except MemoryError:
                pass  # logging it would take some, too
            except Exception:  # nobody else would notice that the run has ended
                log.exception("a run could not be followed")
            if not ended and self._closed.wait(POLL_SECONDS):
                return
        until_done(self._tell_end)

    def _look(self) -> bool:
        """Report what is new, and end the process if that is due; True once it has ended."""
        # Checked before reading, so that everything written before the end is read.
        alive = self._alive()
        for message in self._events.read():
            if isinstance(message, FitFinished | FitFailed):
                self._last = message
            try:
                self._on_event(message)
            except Exception:  # the next one may be the last
                log.exception("an event of a run could not be shown")
        if not alive:
            return True
        if self._stop is None or self._identity is None:
            return False
        self._end = self._end or _ForcedEnd(self._identity.pid, away=self._away)
        return self._end.look(asked=self._stop)

    def _tell_end(self) -> None:
        code = self._process.poll() if self._process is not None else None
        forced = self._end is not None and self._end.forced
        self._on_end(FitOutcome(self._last, code, forced=forced))

    def _alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return self._identity is not None and is_alive(self._identity, self._job_folder)
