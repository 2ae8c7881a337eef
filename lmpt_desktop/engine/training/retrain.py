"""Starts, follows and cancels retraining runs, and imports their results (Qt-free)."""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.catalogue.housekeeping import JOBS, PROMPT_SETS
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.catalogue.runs import RunRecord, RunState
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.engine.child_process import TRAINER
from lmpt_desktop.engine.class_weights import write_learned_texts
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    Notice,
    Problem,
    RunChanged,
    VersionsChanged,
)
from lmpt_desktop.engine.training.fit_process import (
    FitFollower,
    FitOutcome,
    WaitingFit,
    request_stop,
    start_fit,
)
from lmpt_desktop.engine.versions.versions import REPLACES
from lmpt_desktop.error_texts import message_of, reason_of
from lmpt_desktop.translation import N_, _
from trainer import checked_json
from trainer import job as jobs
from trainer import prompt_set as prompt_sets
from trainer.checked_json import Count, JsonError
from trainer.events import Away, FitAway, FitFailed, FitFinished, FitProgress, FitStarted, Message
from trainer.run_files import EventFile, ProcessIdentity, is_alive, log_tail
from trainer.temporary_files import temporary_name
from trainer.threads import no_memory

log = logging.getLogger(__name__)

T = TypeVar("T")

CLASS_IDS = "class ids"
"""In a run's settings: the class id of each name of its job, since classes may be renamed."""
DATA = "data"
"""In a run's settings: the numbers of annotations and images it learns from."""
MACHINE = "machine"
"""In a run's settings: the other computer that it is on, "" for this one."""
MOST_RESTARTS = 3
"""How often a process that follows a run on another computer is started again, where it dies."""
FULL_BYTES = 64 * 1024
"""A disk with less free space than this counts as full."""


@dataclass(frozen=True)
class RunStatus:
    """A run and every event it has sent so far (:mod:`trainer.events`, oldest first).

    ``version_id`` is the prompt set it made, if any; ``message`` says what went wrong;
    ``log`` is its log file.
    """

    run_id: int
    state: RunState
    events: tuple[Message, ...]
    version_id: int | None
    message: str
    log: Path
    started: str
    """ISO 8601, UTC."""


class RetrainRefusedError(RefusedError):
    """A retraining cannot be started; the message is a sentence for the user."""


class RetrainController:
    """The runs of one library, at most one at a time."""

    def __init__(
        self,
        catalogue: Catalogue,
        notify: Callable[[Notice], None],
        command: Sequence[str] = (*TRAINER, "fit"),
        away: Sequence[str] = (*TRAINER, "remote", "fit"),
    ) -> None:
        """``away``: the program that has a run done on another computer, whose name follows."""
        self._catalogue = catalogue
        self._jobs = catalogue.library_folder / JOBS
        self._prompt_sets = catalogue.library_folder / PROMPT_SETS
        self._notify = notify
        self._command = list(command)
        self._away = list(away)
        self._restarts = 0
        self._lock = threading.RLock()
        self._record: RunRecord | None = None
        self._events: list[Message] = []
        self._follower: FitFollower | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._expected = False
        self._waiting: WaitingFit | None = None

    # ------------------------------------------------------------------------------ asking

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._follower is not None

    def current(self) -> RunStatus | None:
        """The newest run, running or not, with all its events."""
        with self._lock:
            record = self._record or self._newest()
            if record is None:
                return None
            if not self._events and self._follower is None:
                self._events = EventFile(record.folder / jobs.EVENTS_NAME).read()
            self._record = record
            return self._status(record, tuple(self._events))

    def _status(self, record: RunRecord, events: tuple[Message, ...]) -> RunStatus:
        # A result is recorded a moment before the end of its run; it is hidden until then.
        made = None if record.state is RunState.RUNNING else self.result_of(record.id)
        return RunStatus(
            run_id=record.id,
            state=record.state,
            events=events,
            version_id=made.id if made is not None and not made.discarded else None,
            message=record.message,
            log=record.folder / jobs.LOG_NAME,
            started=record.created.isoformat(),
        )

    def result_of(self, run_id: int) -> PromptSetRecord | None:
        """The prompt set a run made, discarded or not."""
        records = self._catalogue.prompt_sets.all(discarded=True)
        return next((item for item in records if item.run_id == run_id), None)

    def _newest(self) -> RunRecord | None:
        return max(self._catalogue.runs.all(), key=lambda record: record.id, default=None)

    def expected_seconds(self, backbone: str, classes: int, machine: str = "") -> float | None:
        """Estimated duration of a run, from the last finished one with this backbone on this
        ``machine`` ("": this computer); None without one.  The text tower dominates, so time grows
        with the number of classes."""
        records = self._catalogue.runs.all()
        for record in sorted(records, key=lambda item: item.id, reverse=True):
            if record.backbone != backbone or record.state is not RunState.FINISHED:
                continue
            if _machine(record) != machine:
                continue
            seconds, then = None, 0
            for event in EventFile(record.folder / jobs.EVENTS_NAME).read():
                if isinstance(event, FitStarted):
                    then = event.classes
                elif isinstance(event, FitFinished):
                    seconds = event.seconds
            if seconds is not None and then:
                return seconds * max(classes, 1) / then
        return None

    # ---------------------------------------------------------------------------- starting

    def expect(self, expected: bool) -> None:
        """Say whether a run on this computer may be started soon; :meth:`settle` follows."""
        self._expected = expected

    def settle(self) -> None:
        """Have a process that loads what a run needs if one is expected, and none otherwise."""
        with self._lock:
            if self._expected:
                if self._waiting is None and not self.running:
                    try:
                        self._waiting = WaitingFit(self._jobs, self._command)
                    except OSError:
                        log.info("no fit can wait for its job", exc_info=True)
                return
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.end()

    def _begin(self, folder: Path, machine: str) -> tuple[subprocess.Popen[bytes], ProcessIdentity]:
        """The process of a run: the one that waits, or a new one.  Raises OSError."""
        if self._waiting is not None and not machine:
            waiting, self._waiting = self._waiting, None
            try:
                return waiting.begin(folder)
            except OSError:
                log.info("the run gets another process", exc_info=True)
                waiting.end()
        return start_fit(folder, self._command_for(machine))

    def start(self, job: jobs.FitJob, class_ids: Sequence[int] = (), machine: str = "") -> int:
        """Write the job and start a process on it; returns the run's id.

        Args:
            job: what to learn.
            class_ids: of the job's classes, in the same order.
            machine: the computer to train on, as for ssh; "" for this one.

        Raises:
            RetrainRefusedError: if a run is under way or the process cannot be started.
        """
        with self._lock:
            if self.running:
                raise RetrainRefusedError(_("A retraining is running. Wait for it, or cancel it."))
            active = self._catalogue.prompt_sets.active(job.settings.backbone)
            record = self._catalogue.runs.add(
                self._jobs / "{id}",
                job.settings.backbone,
                taken=lambda folder: folder.exists() or self._result_folder(folder).exists(),
                settings=asdict(job.settings)
                | {
                    REPLACES: active.id if active else None,
                    MACHINE: machine,
                    CLASS_IDS: [int(class_id) for class_id in class_ids],
                    DATA: {
                        "annotations": int((job.targets >= 0).sum()),
                        "images": len(job.image_ids),
                    },
                },
            )
            # A process takes a while to import torch and load the model, during which it says
            # nothing.
            self._report(ActivityState.RUNNING, note=N_("preparing"))
            try:
                self._catalogue.make_folder(JOBS, record.folder.name)
                jobs.save(job, record.folder)
                process, identity = self._begin(record.folder, machine)
            except (OSError, CatalogueError, MemoryError) as error:
                raise self._refused(record, error) from error
            self._process = process
            self._restarts = 0
            record = self._catalogue.runs.update(
                record.id, state=RunState.RUNNING, pid=identity.pid, pid_created=identity.created
            )
            if not machine:
                self._report(ActivityState.RUNNING, note=N_("loading the model"))
            try:
                self._follow(record, identity)
            except (MemoryError, RuntimeError) as error:  # no thread; nobody would see its end
                process.kill()
                self._record = self._follower = self._process = None
                raise self._refused(record, no_memory()) from error
            return record.id

    def _refused(self, record: RunRecord, error: Exception) -> RetrainRefusedError:
        """What the user is told of a run that could not be started."""
        self._report(ActivityState.IDLE)
        message = _("The retraining could not be started: {reason}.").format(
            reason=reason_of(error)
        )
        with contextlib.suppress(MemoryError):  # it is concluded at the next start
            self._catalogue.runs.update(record.id, state=RunState.FAILED, message=message)
        return RetrainRefusedError(
            _("{message} The current version stays in use.").format(message=message)
        )

    def recover(self) -> None:
        """Follow runs that were under way when the library was last closed."""
        with self._lock:
            for record in self._catalogue.runs.unfinished():
                if record.state is RunState.PREPARING:
                    message = _("The app was closed before the retraining had started.")
                    self._catalogue.runs.update(record.id, state=RunState.FAILED, message=message)
                else:
                    identity = (
                        ProcessIdentity(record.pid, record.pid_created)
                        if record.pid is not None and record.pid_created is not None
                        else None
                    )
                    log.info("found run %d again (process %s)", record.id, record.pid)
                    if not (self._is_lost(record, identity) and self._follow_again(record)):
                        self._follow(record, identity)

    def _command_for(self, machine: str) -> list[str]:
        return [*self._away, machine] if machine else self._command

    def _is_lost(self, record: RunRecord, identity: ProcessIdentity | None) -> bool:
        """Whether the run is on another computer and nothing here follows it any more."""
        if not _machine(record) or (identity and is_alive(identity, record.folder)):
            return False
        events = EventFile(record.folder / jobs.EVENTS_NAME)
        while found := events.read():
            if any(isinstance(item, FitFinished | FitFailed) for item in found):
                return False
        return True

    def _follow_again(self, record: RunRecord) -> bool:
        """Start another process that follows a run on another computer; False if that cannot be."""
        machine = _machine(record)
        if not machine or self._restarts >= MOST_RESTARTS:
            return False
        self._restarts += 1
        try:
            process, identity = start_fit(record.folder, self._command_for(machine))
        except OSError:
            log.exception("run %d on %s cannot be followed", record.id, machine)
            return False
        self._process = process
        record = self._catalogue.runs.update(
            record.id, pid=identity.pid, pid_created=identity.created
        )
        try:
            self._follow(record, identity)
        except (MemoryError, RuntimeError):
            log.exception("run %d cannot be followed", record.id)
            process.kill()
            return False
        return True

    def _follow(self, record: RunRecord, identity: ProcessIdentity | None) -> None:
        self._record = record
        self._events = []
        self._follower = FitFollower(
            record.folder,
            identity,
            self._process,
            lambda message: self._handle_event(record, message),
            lambda outcome: self._ended(record, outcome),
            away=bool(_machine(record)),
        )
        if (record.folder / jobs.CANCEL_NAME).exists():
            # It was asked to stop before the library was closed.
            self._follower.expect_end()
        self._follower.start()
        self._notify(RunChanged(record.id))

    def cancel(self, run_id: int) -> None:
        """Ask the run to stop; its end is reported like any other.

        One that does not answer, because it hangs or was stopped, is terminated and then killed;
        the times are in :mod:`lmpt_desktop.engine.training.fit_process`.
        """
        with self._lock:
            record, follower = self._record, self._follower
            if record is None or record.id != run_id or follower is None:
                return
            try:
                request_stop(record.folder, self._process)
                asked = True
            except OSError:
                log.warning("run %d cannot be asked to stop", run_id, exc_info=True)
                asked = False
            follower.expect_end(asked=asked)

    def close(self) -> None:
        """Stop following; a running process keeps running."""
        self.expect(False)
        self.settle()
        follower = self._follower
        if follower is not None:
            follower.close()

    # --------------------------------------------------------------------------- following

    def _handle_event(self, record: RunRecord, message: Message) -> None:
        with self._lock:
            self._events.append(message)
        match message:
            case FitStarted():
                self._report(ActivityState.RUNNING, 0, message.steps, None)
            case FitProgress():
                self._report(
                    ActivityState.RUNNING, message.step, message.steps, message.seconds_left
                )
            case FitAway():
                with self._lock:
                    steps = [event for event in self._events if isinstance(event, FitProgress)]
                done, total = (steps[-1].step, steps[-1].steps) if steps else (0, 0)
                self._report(ActivityState.RUNNING, done, total, note=_NOTES[message.state])
        self._notify(RunChanged(record.id))

    def _report(
        self,
        state: ActivityState,
        done: int = 0,
        total: int = 0,
        seconds: float | None = None,
        note: str = "",
    ) -> None:
        activity = Activity(
            ActivityKind.FIT, state, done, total, seconds, _("Retraining"), note=note
        )
        self._notify(ActivityChanged(activity))

    def _ended(self, record: RunRecord, outcome: FitOutcome) -> None:
        if outcome.last is None and not outcome.forced:
            # The run on another computer goes on whatever happens to what follows it here.
            with self._lock, contextlib.suppress(CatalogueError):
                if self._follow_again(record):
                    return
        try:
            state, message = self._final_state(record, outcome)
            self._catalogue.runs.update(record.id, state=state, message=message)
        except CatalogueError as error:
            # The run stays "running" in the catalogue and is concluded at the next start.
            log.exception("run %d cannot be concluded", record.id)
            state, message = RunState.FAILED, message_of(error)
        with self._lock:
            self._follower = self._process = None
            # Where the end could not be written, the catalogue still says that it runs.
            self._record = replace(record, state=state, message=message)
            with contextlib.suppress(CatalogueError):
                stored = self._catalogue.runs.get(record.id)
                if stored.state is state:
                    self._record = stored
        failed = state not in (RunState.FINISHED, RunState.CANCELLED)
        self._report(ActivityState.FAILED if failed else ActivityState.IDLE)
        if failed:
            details = f"{record.folder / jobs.LOG_NAME}\n\n{log_tail(record.folder)}"
            title = _("Retraining did not finish")
            self._notify(
                Problem(
                    title,
                    _("{message} The current version stays in use.").format(message=message),
                    details,
                )
            )
        self._notify(VersionsChanged())
        self._notify(RunChanged(record.id))

    def _final_state(self, record: RunRecord, outcome: FitOutcome) -> tuple[RunState, str]:
        last = outcome.last
        if isinstance(last, FitFailed):
            if last.kind == "not-finite" and (record.folder / jobs.RESULT_NAME).exists():
                # The last prompts with finite values, for the user to compare and promote.
                try:
                    self._import_result(record, record.folder / jobs.RESULT_NAME)
                except (prompt_sets.PromptSetError, jobs.JobError, OSError):
                    log.exception("the result of run %d cannot be read", record.id)
            state = RunState.CANCELLED if last.kind == "cancelled" else RunState.FAILED
            return state, last.message
        folder = Path(last.prompt_set) if last is not None else record.folder / jobs.RESULT_NAME
        # A result is renamed into place once complete, so an existing one is valid even where
        # the process died before it could report it.
        if last is not None or folder.exists():
            try:
                self._import_result(record, folder)
            except (prompt_sets.PromptSetError, jobs.JobError) as error:
                return RunState.FAILED, _("The result cannot be read: {error}.").format(error=error)
            except OSError as error:
                return RunState.FAILED, _("The result cannot be saved: {reason}.").format(
                    reason=reason_of(error)
                )
            cancelled = last.cancelled if last is not None else outcome.forced
            return (RunState.CANCELLED if cancelled else RunState.FINISHED), ""
        return _ended_without_result(record.folder, outcome)

    def _import_result(self, record: RunRecord, folder: Path) -> None:
        """Copy a result into the library's prompt sets and record it (once)."""
        if self.result_of(record.id) is not None:
            return
        result = prompt_sets.load(folder)
        names = [item.name for item in jobs.load_classes(record.folder)]
        target = self._result_folder(record.folder)
        if not target.exists():
            self._catalogue.make_folder(PROMPT_SETS)
            temporary = temporary_name(target)
            shutil.copytree(folder, temporary)
            learned = {item.name: item.prompt_text for item in jobs.load_classes(record.folder)}
            write_learned_texts(temporary, learned)
            temporary.rename(target)
        scores = asdict(result.evaluation.scores) if result.evaluation else {}
        # Before the version: once that is recorded, this run is not imported again.
        self._catalogue.runs.add_held_out(result.held_out)
        self._catalogue.prompt_sets.add(
            target,
            result.backbone,
            run_id=record.id,
            metrics=scores,
            data=_setting(record, DATA, dict[str, Count], {}),
            # Missing where the run was started before ids were kept.
            class_ids=dict(zip(names, _setting(record, CLASS_IDS, list[Count], []), strict=False)),
        )

    def _result_folder(self, job_folder: Path) -> Path:
        """Where the result of a run is kept."""
        return self._prompt_sets / job_folder.name


_NOTES = {
    Away.SENDING: N_("sending"),
    Away.RUNNING: N_("on another computer"),
    Away.LOST: N_("connection lost, trying again"),
    Away.FETCHING: N_("fetching the result"),
}


def _machine(record: RunRecord) -> str:
    """The other computer that a run is on, "" for this one."""
    return _setting(record, MACHINE, str, "")


def _setting(record: RunRecord, key: str, kind: Any, otherwise: T) -> T:
    """A value in a run's settings as ``kind``, or ``otherwise``."""
    try:
        return checked_json.to_type(record.settings.get(key), kind)
    except JsonError:
        return otherwise


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False


def _ended_without_result(folder: Path, outcome: FitOutcome) -> tuple[RunState, str]:
    """State and message of a run whose process ended without a final event."""
    exit_code = outcome.exit_code
    if outcome.forced:
        return RunState.CANCELLED, (
            _("The retraining did not answer when it was cancelled, and was ended.")
        )
    if _is_full(folder):
        # It could not even write its final event.
        return RunState.FAILED, (
            _("The retraining ended without a result: the disk that holds the library is full.")
        )
    if exit_code is None:
        return RunState.LOST, (
            _("The retraining ended without a result while the app was closed, or was killed.")
        )
    if exit_code == -9:
        return RunState.FAILED, (
            _("The retraining was killed, perhaps because the computer ran out of memory.")
        )
    return RunState.FAILED, _("The retraining crashed (exit code {exit_code}).").format(
        exit_code=exit_code
    )
