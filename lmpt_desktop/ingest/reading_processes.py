"""Reads many photos in processes of their own, so that Python's lock is left to the window.

What reading a file finds out takes half a millisecond of Python: for 100,000 files, that is a
minute in which all other threads wait for the lock again and again, and in which one processor
works at most.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.ingest.inspect_file import inspect_file
from lmpt_desktop.ingest.read_worker import Answer, Asked, read_message, write_message
from lmpt_desktop.ingest.scan import FoundFile
from trainer.children import NO_WINDOW, is_frozen
from trainer.deadline import Deadline
from trainer.threads import start_thread

log = logging.getLogger(__name__)

GROUP_FILES = 16
GROUP_BYTES = 16 << 20
"""Files are handed over together up to this number, or this size."""
ANSWER_SECONDS = 120.0
"""A process that has not answered by then is ended.  A group of this size takes well under a second
from a disk; a server may be slow."""
START_SECONDS = 1.5
"""How long reading waits for the first process."""
NICE = 10
"""Steps of priority below the window's: what is looked at is decoded first."""
_PROGRAM = (
    f"from trainer.priority import lower_priority; lower_priority({NICE}); "
    "from lmpt_desktop.ingest.read_worker import main; main()"
)
"""Loading is the larger part of starting, and makes way, too."""
_ANSWERS = msgspec.json.Decoder(list[Answer])
_TROUBLE = (OSError, ValueError, EOFError, RuntimeError, MemoryError)


def reader_command() -> tuple[str, ...] | None:
    """Starts a process that reads photos; None where there is no Python to start."""
    if is_frozen() or sys.getfilesystemencoding() != "utf-8":
        return None
    return sys.executable, "-P", "-c", _PROGRAM


class ReadingProcesses:
    """A few processes that read the photos of one folder; a thread may ask at a time for each.

    Reading goes on without them: where none is ready in time, and where one cannot be started,
    ends or does not answer, whoever asks reads the files itself.
    """

    def __init__(self, folder: Path, count: int, command: Sequence[str] | None = None) -> None:
        """Begins to start them, without waiting.

        Args:
            folder: the top of the scan.
            count: how many.
            command: of a process, for tests.
        """
        self._folder = folder
        self._command = command or reader_command()
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._all: list[_Process] = []
        self._closed = False
        self._begun = threading.Event()
        """One is ready, or nobody waits for it any longer."""
        try:
            if self._command is not None:
                start_thread(lambda: self._start(count), "reading processes")
                return
        except (RuntimeError, MemoryError):
            pass
        self._begun.set()

    @property
    def ready(self) -> bool:
        """Whether there is any."""
        with self._lock:
            return bool(self._all)

    def wait_until_ready(self, seconds: float = START_SECONDS) -> bool:
        """Whether there is any, for which the first caller waits this long at most.

        Meanwhile the files could be read here, but with Python's lock held, for which the window
        would wait while it shows its first photos.
        """
        self._begun.wait(seconds)
        self._begun.set()
        return self.ready

    def inspect(self, files: Sequence[FoundFile]) -> list[ScannedFile | None]:
        """What is in these files, in their order, as :func:`inspect_file` says it."""
        answers = self._asked(files)
        if answers is None:
            answers = [False] * len(files)
        return [
            inspect_file(self._folder, file, sample=True) if isinstance(found, bool) else found
            for file, found in zip(files, answers, strict=True)
        ]

    def close(self) -> None:
        """End the processes at once."""
        with self._lock:
            self._closed = True
            processes, self._all, self._idle = self._all, [], []
        for process in processes:
            process.end()

    # -------------------------------------------------------------------------- inside

    def _start(self, count: int) -> None:
        try:
            for _ in range(count):
                if not self._add():
                    return
                self._begun.set()
        finally:
            self._begun.set()

    def _add(self) -> bool:
        """Start one; returns whether there may be more."""
        assert self._command is not None
        try:
            process = _Process(self._command)
        except _TROUBLE as error:
            log.warning("no process to read photos: %r", error)
            return False
        with self._lock:
            closed = self._closed
            if not closed:
                self._all.append(process)
                self._idle.append(process)
        if closed:
            process.end()
        return not closed

    def _asked(self, files: Sequence[FoundFile]) -> list[Answer] | None:
        """What a process answers; None if there is none."""
        with self._lock:
            if not self._idle:
                return None
            process = self._idle.pop()
        try:
            answers = process.ask(Asked(os.fspath(self._folder), list(files)))
            if not _are_of(answers, files):
                raise ValueError("an answer to another question")
        except UnicodeEncodeError:
            answers = None  # a name that is no text; nothing was sent
        except _TROUBLE as error:
            with self._lock:
                if process in self._all:
                    self._all.remove(process)
                    log.warning("a process that read photos ended: %r", error)
            process.end()
            return None
        with self._lock:
            if not self._closed:
                self._idle.append(process)
        return answers


def _are_of(answers: Sequence[Answer], files: Sequence[FoundFile]) -> bool:
    return len(answers) == len(files) and all(
        not isinstance(found, ScannedFile) or (found.path, found.size) == (file.path, file.size)
        for found, file in zip(answers, files, strict=True)
    )


class _Process:
    """One process."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it and wait until it is ready.

        Raises:
            OSError, ValueError, EOFError: if it does not get ready.
        """
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            # Ctrl+C in a terminal is for the app.
            start_new_session=True,
            creationflags=NO_WINDOW,
        )
        self._ended = threading.Lock()
        self._deadline = Deadline(self._process.kill)
        try:
            with self._deadline.within(ANSWER_SECONDS):
                self._answer()
        except BaseException:
            self.end()
            raise

    def ask(self, question: Asked) -> list[Answer]:
        """The answer to a question.

        Raises:
            UnicodeEncodeError: if it cannot be said; the process can be asked another.
            OSError, ValueError, EOFError: if there is none; the process is of no use then.
        """
        message = msgspec.json.encode(question)
        with self._deadline.within(ANSWER_SECONDS):
            write_message(_pipe(self._process.stdin), message)
            return self._answer()

    def end(self) -> None:
        """End it at once, without waiting: it may be waiting for a disk itself."""
        with contextlib.suppress(OSError):
            self._process.kill()
        # Only one thread may close the pipes, and not while another one reads.
        if self._ended.acquire(blocking=False):
            with contextlib.suppress(MemoryError, RuntimeError):
                start_thread(self._bury, "ended reading process")

    def _bury(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError, ValueError):
                _pipe(pipe).close()

    def _answer(self) -> list[Answer]:
        message = read_message(_pipe(self._process.stdout))
        if message is None:
            raise EOFError
        return _ANSWERS.decode(message)


def _pipe(pipe: object) -> BinaryIO:
    assert pipe is not None
    return cast(BinaryIO, pipe)


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root,
        "PYTHONUTF8": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
