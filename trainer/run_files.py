"""What a run leaves in its job folder, and whether it still works (imports no torch).

Read by the app beside it, and by the other side of a connection (:mod:`trainer.remote`).
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from trainer.events import MAX_LINE_BYTES, Message, ProtocolError, parse_line
from trainer.job import LOG_NAME
from trainer.regular_file import open_regular

log = logging.getLogger(__name__)

LOG_TAIL_BYTES = 4000
_BLOCK_BYTES = 4 * MAX_LINE_BYTES


@dataclass(frozen=True)
class ProcessIdentity:
    """Identifies a process: pids are reused, but not with the same creation time."""

    pid: int
    created: float
    """Seconds since the epoch, from psutil."""


def is_alive(identity: ProcessIdentity, job_folder: Path | None = None) -> bool:
    """Whether that process still runs.

    When the clock is set, the times at which processes were created seem to be others; the process
    is then known by ``job_folder``, or the folder that this is in, which is in its command.
    """
    import psutil  # noqa: PLC0415

    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.created) < 1.0 or (
            job_folder is not None
            # A process that has waited for its job was told the folder of all jobs only.
            and not {str(job_folder), str(job_folder.parent)}.isdisjoint(process.cmdline())
        )
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def job_line(folder: Path) -> bytes:
    """What tells a process that waits for its job (:mod:`trainer.waiting`) which it is."""
    # JSON: a folder's name may hold a line break, or bytes that are no text.
    return (json.dumps(str(folder)) + "\n").encode("ascii")


def log_tail(job_folder: Path) -> str:
    """The end of the run's log, "" if there is none."""
    try:
        with open_regular(job_folder / LOG_NAME) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


class EventFile:
    """Reads whole lines of a growing ``events.jsonl``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def read(self) -> list[Message]:
        """Messages written since the last call; an incomplete line is left for the next call, and
        so is what exceeds some megabytes."""
        try:
            with open_regular(self._path) as file:
                file.seek(self._offset)
                data = file.read(_BLOCK_BYTES)
        except OSError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        # The rest of a line that is too long is none either.
        self._rest = self._rest[: MAX_LINE_BYTES + 1]
        messages: list[Message] = []
        for line in lines:
            if not line.strip():
                continue
            try:
                messages.append(parse_line(line.decode("utf-8", "replace")))
            except ProtocolError as error:
                log.warning("%s: %s", self._path, error)
        return messages
