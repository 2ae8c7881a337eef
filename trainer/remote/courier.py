"""Has a job trained on another computer: brings it there, relays its events, fetches its result.

To the app this is a process like ``fit``: it works on a job folder, writes events to stdout and
obeys the cancel file.  It outlives the window.  Killed and started again on the same folder, it
finds the run by the id it has noted there and goes on after the last event it has relayed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from trainer import checked_json, job, prompt_set
from trainer.cancel import CancelToken
from trainer.checked_json import JsonError, Limits
from trainer.events import (
    Away,
    FarEnded,
    FarStarted,
    FitAway,
    FitFailed,
    FitFailure,
    FitFinished,
    RunEvent,
)
from trainer.job import JobError
from trainer.printable import lines
from trainer.prompt_set import PromptSetError
from trainer.remote import JOB_ID
from trainer.remote.machine import Connection, SshMachine
from trainer.remote.streams import StreamError, TruncatedError
from trainer.remote.trouble import MachineError, Trouble
from trainer.run_files import EventFile
from trainer.temporary_files import sweep, temporary_folder, temporary_name
from trainer.texts import N_
from trainer.threads import start_thread

log = logging.getLogger(__name__)


NOTE_NAME = "remote.json"
"""In the job folder: :class:`Note`."""
PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds before each further attempt to connect; the last one is repeated."""
SENDINGS = 5
"""How often a job is sent whose sending is cut, before that is given up."""
CANCEL_SECONDS = 40.0
"""A run that was to be cancelled counts as such after this time, even if it cannot be told."""
STALLED_SECONDS = 5.0
"""After it was told, its end is to arrive; otherwise the connection is made again."""
RESULT_SECONDS = 60.0
"""After that, the best prompts so far are to arrive."""
POLL_SECONDS = 0.2
FORGET_SECONDS = 10.0
MOST_EVENTS = 100_000
FETCHES = 10
"""How often a result is fetched that does not come whole, before that is given up."""
_LIMITS = Limits(bytes=8192)
_FINAL = frozenset(
    {Trouble.TOO_OLD, Trouble.TOO_NEW, Trouble.NO_JOB, Trouble.FLOOD, Trouble.BAD_RESULT}
)
"""What no further attempt mends."""
_WORTH_SENDING_AGAIN = frozenset({Trouble.CUT, Trouble.SILENT, Trouble.BAD_JOB})

NOT_TOLD = N_(
    "The training was cancelled, but the other computer could not be told: it may go on there "
    "until it ends."
)
NO_ROOM = N_("The result of the other computer could not be saved: the disk here is full.")
Emit = Callable[[RunEvent], None]


@dataclass(frozen=True)
class Note:
    """What is known of a run on another computer.

    ``started``: it is sure to have got the job.
    """

    machine: str
    job_id: str
    started: bool = False


def read_note(folder: Path) -> Note | None:
    """The note in a job folder, None if there is none that can be read."""
    try:
        note = checked_json.to_type(checked_json.read(folder / NOTE_NAME, _LIMITS), Note)
    except (OSError, JsonError):
        return None
    return note if JOB_ID.fullmatch(note.job_id) else None


def write_note(folder: Path, note: Note) -> None:
    """Keep a note.

    Raises:
        OSError: if it cannot be written.
    """
    temporary = temporary_name(folder / NOTE_NAME)
    temporary.write_text(json.dumps(asdict(note), ensure_ascii=False), encoding="utf-8")
    temporary.replace(folder / NOTE_NAME)


def relayed(folder: Path) -> int:
    """How many events of the run on the other computer are in the job folder's file."""
    events = EventFile(folder / job.EVENTS_NAME)
    count = 0
    while found := events.read():
        count += sum(isinstance(item, RunEvent) and not isinstance(item, FitAway) for item in found)
    return count


class Courier:
    """Carries one job; see the module docstring."""

    def __init__(self, folder: Path, machine: SshMachine, emit: Emit, cancel: CancelToken) -> None:
        """``emit`` is called with every event, the last one included."""
        self._folder = folder
        self._machine = machine
        self._emit = emit
        self._cancel = cancel
        self._begun = time.monotonic()
        self._relayed = relayed(folder)
        self._last: FitFinished | FitFailed | None = None
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._told = threading.Event()
        """The other side has obeyed the request to cancel."""
        self._given_up = threading.Event()
        """It was cancelled and did not come to an end in time."""
        self._over = threading.Event()
        self._said: Away | None = None
        self._fetches = 0
        note = read_note(folder)
        if note is None or note.machine != machine.destination:
            note = Note(machine.destination, secrets.token_hex(16))
        self._note = note

    def run(self) -> RunEvent:
        """Return, and emit, how it ended; never raises but for KeyboardInterrupt."""
        start_thread(self._obey, "cancel")
        try:
            outcome = self._carry()
        except MachineError as error:
            log.error("%s %s", error, error.detail)
            outcome = FitFailed(_kind(error.trouble), error.trouble.sentence)
        except OSError as error:
            log.exception("the job cannot be carried")
            outcome = FitFailed(FitFailure.ERROR, NO_ROOM if _is_full(error) else str(error))
        except Exception as error:
            log.exception("the job cannot be carried")
            outcome = FitFailed(FitFailure.ERROR, str(error) or type(error).__name__)
        if self._cancel.requested and isinstance(outcome, FitFailed) and self._told.is_set():
            outcome = FitFailed(FitFailure.CANCELLED, FitFailure.CANCELLED.sentence)
        self._over.set()
        self._emit(outcome)
        return outcome

    # ----------------------------------------------------------------------------- the way

    def _carry(self) -> RunEvent:
        write_note(self._folder, self._note)
        failures = sendings = 0
        while True:
            known = self._relayed
            try:
                return self._outcome(self._converse())
            except MachineError as error:
                if self._given_up.is_set() or (self._cancel.requested and not self._note.started):
                    return self._cancelled()
                if error.trouble in _FINAL:
                    raise
                if not self._note.started:
                    sendings += 1
                    if error.trouble not in _WORTH_SENDING_AGAIN or sendings >= SENDINGS:
                        raise
                log.warning("%s %s", error, error.detail)
                self._say(Away.LOST, error.trouble.sentence)
                failures = 0 if self._relayed > known else failures + 1
                if not self._pause(PAUSES[min(failures, len(PAUSES) - 1)]):
                    return self._cancelled()

    def _pause(self, seconds: float) -> bool:
        """Wait, but not once a request to cancel has arrived there; False to give up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._told.is_set():
            if self._given_up.is_set() or (self._cancel.requested and not self._note.started):
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _converse(self) -> FarEnded:
        """Bring the job there if it is not, and relay its events until its end."""
        started = self._note.started
        if not started:
            self._say(Away.SENDING)
        action = "attach" if started else "start"
        with self._connected(action, "--skip", str(self._relayed)) as connection:
            if not started:
                if connection.hello.has_job:
                    connection.end_input()
                else:
                    connection.send_job(self._folder)
            for message in connection.messages():
                self._check()
                match message:
                    case FarStarted():
                        self._note = replace(self._note, started=True)
                        write_note(self._folder, self._note)
                        self._say(Away.RUNNING)
                    case FitFinished() | FitFailed():
                        self._last = message
                    case FarEnded():
                        return message
                    case RunEvent() if not isinstance(message, FitAway):
                        self._say(Away.RUNNING)
                        self._relayed += 1
                        if self._relayed > MOST_EVENTS:
                            raise MachineError(Trouble.FLOOD)
                        self._emit(message)
            raise MachineError(Trouble.CUT)

    def _connected(self, action: str, *words: str) -> Connection:
        connection = self._machine.connect(action, self._note.job_id, *words)
        with self._lock:
            self._connection = connection
        try:
            self._check()
        except MachineError:
            connection.close()
            raise
        if self._note.started:
            self._say(Away.RUNNING if action == "attach" else Away.FETCHING)
        return connection

    def _check(self) -> None:
        if self._given_up.is_set() or (self._cancel.requested and not self._note.started):
            raise MachineError(Trouble.CUT)

    def _say(self, state: Away, reason: str = "") -> None:
        if state is not self._said:
            self._said = state
            self._emit(FitAway(self._machine.destination, state, reason))

    # ----------------------------------------------------------------------------- its end

    def _outcome(self, ended: FarEnded) -> RunEvent:
        """What to tell of a run that has ended there; its result is here by then."""
        if ended.log:
            log.info("the end of the log there:\n%s", lines(ended.log))
        result = self._folder / job.RESULT_NAME
        last = self._last
        if ended.result and not (isinstance(last, FitFailed) and last.kind != "not-finite"):
            self._fetch(result)
        self._forget()
        if isinstance(last, FitFailed):
            full = last.kind == FitFailure.DISK_FULL
            return FitFailed(last.kind[:80], Trouble.FULL.sentence if full else last.message[:2000])
        if ended.result:
            seconds, cancelled = time.monotonic() - self._begun, self._cancel.requested
            ending = last or FitFinished("", seconds, False, cancelled)
            return replace(ending, prompt_set=str(result))
        if self._cancel.requested:
            return FitFailed(FitFailure.CANCELLED, FitFailure.CANCELLED.sentence)
        trouble = Trouble.FULL if ended.full else Trouble.NO_RESULT
        return FitFailed(_kind(trouble), trouble.sentence)

    def _fetch(self, target: Path) -> None:
        """Fetch the result and check it; only then it gets its name."""
        sweep(self._folder)
        with temporary_folder(self._folder, job.RESULT_NAME) as temporary:
            with self._connected("fetch") as connection:
                next((m for m in connection.messages() if isinstance(m, FarEnded)), None)
                try:
                    connection.receive_result(temporary)
                except TruncatedError as error:
                    self._fetches += 1
                    often = self._fetches >= FETCHES
                    trouble = Trouble.BAD_RESULT if often else Trouble.CUT
                    raise MachineError(trouble, str(error)) from error
                except StreamError as error:
                    raise MachineError(Trouble.BAD_RESULT, str(error)) from error
            try:
                check_result(temporary, self._folder)
            except (PromptSetError, JobError) as error:
                raise MachineError(Trouble.BAD_RESULT, str(error)) from error
            if target.exists():
                shutil.rmtree(target)
            temporary.rename(target)

    def _forget(self) -> None:
        with contextlib.suppress(MachineError):
            self._machine.ask("forget", self._note.job_id, seconds=FORGET_SECONDS)

    def _cancelled(self) -> FitFailed:
        """Of a run that was cancelled while it could not be reached, or had not begun."""
        if not self._note.started and not self._told.is_set():
            # It may have got the job in the very last moment.
            with contextlib.suppress(MachineError):
                self._machine.ask("cancel", self._note.job_id, seconds=FORGET_SECONDS)
                self._told.set()
                self._forget()
        told = self._told.is_set()
        return FitFailed(FitFailure.CANCELLED, FitFailure.CANCELLED.sentence if told else NOT_TOLD)

    def _obey(self) -> None:
        """Once it is to be cancelled, tell the other side, again until it has obeyed."""
        while not self._cancel.requested:
            if self._over.wait(POLL_SECONDS):
                return
        deadline = time.monotonic() + CANCEL_SECONDS
        if not self._note.started:
            self._cut()
        while not self._over.is_set() and time.monotonic() < deadline:
            if self._note.started:
                try:
                    self._machine.ask("cancel", self._note.job_id)
                    self._told.set()
                    break
                except MachineError as error:
                    log.warning("it could not be cancelled yet: %s %s", error, error.detail)
            self._over.wait(1.0)
        if self._told.is_set():
            if not self._over.wait(STALLED_SECONDS) and self._said is Away.RUNNING:
                self._cut()  # a connection that does not bring the end
            self._over.wait(RESULT_SECONDS)
        if not self._over.is_set():
            self._given_up.set()
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()


def check_result(folder: Path, job_folder: Path) -> None:
    """Whether the prompt set in ``folder`` can be one of this job.

    Raises:
        PromptSetError: if it is damaged, or of other classes, photos or features.
        JobError: if the job cannot be read.
    """
    result = prompt_set.load(folder)
    loaded = job.load(job_folder)
    if (
        result.backbone != loaded.settings.backbone
        or result.classes != [item.name for item in loaded.classes]
        or result.class_embeddings.shape[1] != loaded.features.shape[1]
        or not np.isin(np.array(result.held_out, np.int64), loaded.image_ids).all()
    ):
        raise PromptSetError("it is the result of another training")


def _kind(trouble: Trouble) -> FitFailure:
    return FitFailure.DISK_FULL if trouble is Trouble.FULL else FitFailure.ERROR


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
