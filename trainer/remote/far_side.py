"""What ``lmpt-trainer remote`` does on the other computer (imports no torch until it must).

Jobs lie in a private folder, one folder each, named by the id that the courier chose::

    <id>/            a job folder (:mod:`trainer.job`), complete since it bears this name
    <id>/process.json   the run's process

A run is a process in a session of its own, which neither knows of the connection nor ends with it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

import platformdirs
from filelock import FileLock

from trainer import checked_json, job
from trainer.checked_json import JsonError, Limits
from trainer.children import NO_WINDOW, is_frozen, trainer_command
from trainer.events import (
    FarAlive,
    FarEnded,
    FarHello,
    FarMachine,
    FarRefused,
    FarStarted,
    Message,
    RunEvent,
    to_line,
)
from trainer.remote import JOB_ID, PROTOCOL
from trainer.remote.streams import JOB_FILES, RESULT_FILES, StreamError, pack, unpack
from trainer.remote.trouble import MachineError, Trouble
from trainer.run_files import EventFile, ProcessIdentity, is_alive, log_tail
from trainer.temporary_files import remove, sweep, temporary_folder, temporary_name

log = logging.getLogger(__name__)

ACTIONS = ("start", "attach", "cancel", "fetch", "forget")
"""What is done with a job."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

FOLDER_VARIABLE = "LMPT_TRAINER_JOBS"
"""Names another folder for jobs, say on a larger disk."""
PROCESS_NAME = "process.json"
LOCK_NAME = "start.lock"
FIT: Sequence[str] = (
    *(trainer_command() if is_frozen() else (sys.executable, "-P", "-m", "trainer")),
    "fit",
)
"""``-P``: a folder of the user's that is called ``trainer`` is not taken for this one."""
POLL_SECONDS = 0.2
ALIVE_SECONDS = 5.0
KEEP_SECONDS = 14 * 86_400.0
"""A job that nobody fetched is removed after this time."""
STOP_SECONDS = 30.0
"""A run that was asked to stop is terminated after this time."""
KILL_SECONDS = 2.0
FULL_BYTES = 64 * 1024
_LIMITS = Limits(bytes=4096)

Say = Callable[[Message], None]


def jobs_folder() -> Path:
    """Where jobs lie, made if missing, for this user only.

    Raises:
        OSError: if it cannot be made.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named) if named else platformdirs.user_data_path("lmpt-trainer", False) / "jobs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


@dataclass(frozen=True)
class Request:
    """What is asked of this computer.

    ``action``: one of :data:`ACTIONS`, ``probe`` or ``encode``; ``job_id``: of
    :data:`trainer.remote.JOB_ID`; ``skip``: how many events of the run the courier has already;
    ``backbone``: which one is to encode.
    """

    action: str
    job_id: str = ""
    skip: int = 0
    backbone: str = ""


def run(request: Request, stdin: IO[bytes], stdout: IO[bytes]) -> int:
    """Do what is asked and return the exit code; what there is to say goes to ``stdout``, of the
    connection like ``stdin``.
    """

    def say(message: Message) -> None:
        stdout.write(to_line(message).encode("utf-8", "backslashreplace"))
        stdout.flush()

    try:
        try:
            _act(request, say, stdin, stdout)
        except MachineError as error:
            say(FarRefused(error.trouble, error.detail))
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            log.exception("%s failed", request.action)
            full = error.errno in _FULL
            say(FarRefused(Trouble.FULL if full else Trouble.OTHER, str(error)))
        except Exception as error:
            if request.action != "encode":
                raise
            log.exception("photos cannot be encoded")
            say(FarRefused(Trouble.OTHER, str(error)))
    except BrokenPipeError:
        log.info("the connection is gone")
        # Nothing more can be flushed there at exit.
        os._exit(0)
    return 0


def _act(request: Request, say: Say, stdin: IO[bytes], stdout: IO[bytes]) -> None:
    if request.action == "probe":
        say(FarHello(PROTOCOL, _version()))
        say(_machine())
    elif request.action == "encode":
        from trainer.remote.encode_there import Voice, serve  # noqa: PLC0415

        say(FarHello(PROTOCOL, _version()))
        serve(request.backbone, stdin, Voice(stdout))
    elif JOB_ID.fullmatch(request.job_id) is None:
        raise MachineError(Trouble.NO_JOB, "not a job's name")
    else:
        _act_on_job(request, say, stdin, stdout)


def _act_on_job(request: Request, say: Say, stdin: IO[bytes], stdout: IO[bytes]) -> None:
    action = request.action
    folder = jobs_folder() / request.job_id
    say(FarHello(PROTOCOL, _version(), folder.is_dir()))
    if action == "start":
        _clear(folder.parent)
        if not folder.is_dir():
            _receive(stdin, folder)
        launch(folder)
        say(FarStarted())
        follow(folder, request.skip, say)
    elif not folder.is_dir():
        # One that is gone need not be stopped or removed.
        if action in ("attach", "fetch"):
            raise MachineError(Trouble.NO_JOB)
    elif action == "attach":
        follow(folder, request.skip, say)
    elif action == "cancel":
        _cancel(folder, say)
    elif action == "forget":
        if not _works(folder):
            remove(folder)
    elif action == "fetch":
        if _works(folder) or not (folder / job.RESULT_NAME).is_dir():
            raise MachineError(Trouble.NO_RESULT)
        say(FarEnded(True, False, ""))
        pack(folder / job.RESULT_NAME, RESULT_FILES, stdout)
        stdout.flush()


def _receive(stream: IO[bytes], folder: Path) -> None:
    """Write the job that ``stream`` holds to ``folder``, which is there when it is complete."""
    with temporary_folder(folder.parent, folder.name) as temporary:
        try:
            unpack(stream, temporary, JOB_FILES)
        except StreamError as error:
            raise MachineError(Trouble.BAD_JOB, str(error)) from error
        try:
            temporary.rename(folder)
        except OSError:
            # Another connection may have brought it meanwhile.
            if not folder.is_dir():
                raise


# ------------------------------------------------------------------------------------ the run


def launch(folder: Path) -> None:
    """Start the run of a job, unless it was started before.

    Raises:
        OSError: if it cannot be started.
    """
    with FileLock(folder / LOCK_NAME):
        if _identity(folder) is not None:
            return
        if (found := _process_of(folder)) is not None:
            _keep_identity(folder, found)
            return
        environment = os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        with (
            (folder / job.EVENTS_NAME).open("ab") as stdout,
            (folder / job.LOG_NAME).open("ab") as stderr,
        ):
            process = subprocess.Popen(
                [*FIT, str(folder), "--events"],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=environment,
                cwd=folder,
                start_new_session=True,
                creationflags=NO_WINDOW,
            )
        import psutil  # noqa: PLC0415

        try:
            created = psutil.Process(process.pid).create_time()
        except psutil.Error:
            created = time.time()
        _keep_identity(folder, ProcessIdentity(process.pid, created))


def _keep_identity(folder: Path, identity: ProcessIdentity) -> None:
    temporary = temporary_name(folder / PROCESS_NAME)
    temporary.write_text(json.dumps(asdict(identity)), encoding="utf-8")
    temporary.replace(folder / PROCESS_NAME)


def _identity(folder: Path) -> ProcessIdentity | None:
    """The run's process; None if it was not started, or that is not known."""
    try:
        stored = checked_json.read(folder / PROCESS_NAME, _LIMITS)
        return checked_json.to_type(stored, ProcessIdentity)
    except (OSError, JsonError):
        return None


def _process_of(folder: Path) -> ProcessIdentity | None:
    """A run whose starter was killed before it could write down which process that is."""
    import psutil  # noqa: PLC0415

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if str(folder) in command and "--events" in command:
                return ProcessIdentity(process.pid, process.create_time())
    return None


def _works(folder: Path) -> bool:
    identity = _identity(folder)
    return identity is not None and is_alive(identity, folder)


def follow(folder: Path, skip: int, say: Say) -> None:
    """Say every event of the run but the first ``skip``, as they come, and then how it ended."""
    events = EventFile(folder / job.EVENTS_NAME)
    seen = 0
    said = time.monotonic()
    while True:
        # Checked before reading, so that everything written before the end is read.
        works = _works(folder)
        found = events.read()
        for message in found:
            if isinstance(message, RunEvent):
                seen += 1
                if seen > skip:
                    say(message)
                    said = time.monotonic()
        if found:
            continue
        if not works:
            break
        if time.monotonic() - said > ALIVE_SECONDS:
            said = time.monotonic()
            say(FarAlive())
        time.sleep(POLL_SECONDS)
    result = (folder / job.RESULT_NAME).is_dir()
    say(FarEnded(result, _is_full(folder), log_tail(folder)))


def _is_full(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free < FULL_BYTES
    return False


def _cancel(folder: Path, say: Say) -> None:
    """Have the run stop, and wait until it has."""
    import psutil  # noqa: PLC0415

    with contextlib.suppress(OSError):  # a full disk: it is terminated below
        (folder / job.CANCEL_NAME).touch()
    identity = _identity(folder)
    if identity is None:
        return
    for seconds, force in (
        (STOP_SECONDS, psutil.Process.terminate),
        (KILL_SECONDS, psutil.Process.kill),
    ):
        if _has_ended(folder, identity, seconds, say):
            return
        with contextlib.suppress(psutil.Error):
            force(psutil.Process(identity.pid))
    _has_ended(folder, identity, KILL_SECONDS, say)


def _has_ended(folder: Path, identity: ProcessIdentity, seconds: float, say: Say) -> bool:
    """Whether a process ends within ``seconds``."""
    begun = said = time.monotonic()
    while is_alive(identity, folder):
        now = time.monotonic()
        if now - begun > seconds:
            return False
        if now - said > ALIVE_SECONDS:
            said = now
            say(FarAlive())
        time.sleep(POLL_SECONDS / 4)
    return True


# ------------------------------------------------------------------------------- housekeeping


def _clear(folder: Path) -> None:
    """Remove what was left half-received, and jobs that nobody has fetched for weeks."""
    sweep(folder)
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            ours = JOB_ID.fullmatch(path.name) is not None and not path.is_symlink()
            if ours and _age(path) > KEEP_SECONDS and not _works(path):
                remove(path)


def _age(folder: Path) -> float:
    """Seconds since anything was written in it."""
    newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return time.time() - newest


def _version() -> str:
    try:
        return version("lmpt-desktop")
    except PackageNotFoundError:
        return ""


def _machine() -> FarMachine:
    """What this computer has; loads torch."""
    import torch  # noqa: PLC0415

    from trainer.computer import cores  # noqa: PLC0415
    from trainer.device import choose_device, device_label  # noqa: PLC0415

    device = choose_device()
    memory = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0
    return FarMachine(
        python=platform.python_version(),
        device=device_label(device),
        gpu_bytes=memory,
        cores=cores(),
        free_bytes=shutil.disk_usage(jobs_folder()).free,
    )
