"""A trainer process that speaks JSON lines, with threads that read its output (Qt-free)."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from lmpt_desktop.paths import log_dir
from trainer.children import NO_WINDOW, trainer_command
from trainer.crash_files import FOLDER_VARIABLE
from trainer.events import Message, ProtocolError, parse_line, to_line
from trainer.process_io import bounded_lines
from trainer.threads import no_memory, start_thread, until_done

log = logging.getLogger(__name__)

TRAINER = trainer_command()
STDERR_LINES = 60
"""How many of the last lines of a process's log are kept, to explain an error."""


def child_environment() -> dict[str, str]:
    """The environment of a trainer process: unbuffered UTF-8, and trainer importable."""
    environment = dict(os.environ)
    environment["PYTHONUTF8"] = "1"
    environment["PYTHONUNBUFFERED"] = "1"
    environment[FOLDER_VARIABLE] = str(log_dir())
    root = str(Path(__file__).resolve().parents[2])
    known = environment.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = f"{root}{os.pathsep}{known}" if known else root
    return environment


class ChildProcess:
    """A running process.

    ``on_message`` is called with every message, and after the last one ``on_exit`` with the exit
    code; both on the reading thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_message: Callable[[Message], None],
        on_exit: Callable[[int], None],
    ) -> None:
        """Start ``command``.

        Raises:
            OSError: if it cannot be started.
        """
        self._on_message = on_message
        self._on_exit = on_exit
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._requests: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=child_environment(),
                encoding="utf-8",
                # File names need not be Unicode; the child runs in UTF-8 mode and does the same.
                errors="surrogateescape",
                # Ctrl+C in a terminal is for the app, which then stops its children.
                start_new_session=True,
                creationflags=NO_WINDOW,
            )
        except MemoryError as error:
            raise no_memory() from error
        self.pid = self._process.pid
        log.info("started process %d: %s", self.pid, " ".join(command))
        try:
            self._stderr_thread = self._start(self._read_stderr, "stderr")
            self._start(self._write_stdin, "stdin")
            start_thread(self._follow, f"stdout of {self.pid}")
        except (MemoryError, RuntimeError) as error:
            # Nobody would read what it says, nor see its end.
            self._discard()
            raise no_memory() from error

    def _discard(self) -> None:
        """End it before it has done anything; whichever threads have begun end, too."""
        self.kill()
        self._process.wait()
        self._requests.put(None)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()

    def _start(self, act: Callable[[], None], name: str) -> threading.Thread:
        return start_thread(lambda: self._or_kill(act), f"{name} of {self.pid}")

    def _or_kill(self, act: Callable[[], None]) -> None:
        """Kill the process if ``act`` fails, as without memory: else it and whoever waits for its
        answer would wait for ever."""
        try:
            act()
        except BaseException as error:
            self.kill()
            if not isinstance(error, MemoryError):  # logging it would take some, too
                log.exception("process %d cannot be served", self.pid)

    def send(self, message: Message) -> None:
        """Send one message, without waiting until it is read: a process that hangs or was stopped
        reads none, and the caller goes on.  One that has ended gets none; its exit follows."""
        self._requests.put(message)

    def kill(self) -> None:
        """End it at once; ``on_exit`` follows."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def wait(self, timeout: float) -> bool:
        """Whether it has ended within ``timeout`` seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close_input(self) -> None:
        """Close stdin once everything is sent: no more requests follow."""
        self._requests.put(None)

    def log_tail(self) -> str:
        """The end of its log."""
        return "\n".join(self._stderr)

    def _write_stdin(self) -> None:
        stream = self._process.stdin
        if stream is None:
            return
        with contextlib.suppress(OSError, ValueError):
            while (message := self._requests.get()) is not None:
                stream.write(to_line(message))
                stream.flush()
        with contextlib.suppress(OSError, ValueError):
            stream.close()

    def _read_stderr(self) -> None:
        stream = self._process.stderr
        if stream is None:
            return
        for line in stream:
            self._stderr.append(line.rstrip())
            log.info("process %d: %s", self.pid, line.rstrip())

    def _follow(self) -> None:
        self._or_kill(self._read_stdout)
        until_done(self._tell_exit)

    def _read_stdout(self) -> None:
        stream = self._process.stdout
        if stream is not None:
            for line in bounded_lines(stream):
                if not line.strip():
                    continue
                try:
                    message = parse_line(line)
                except ProtocolError as error:
                    # A library that prints to stdout must not stop the encoder.
                    log.warning("process %d wrote an invalid line: %s", self.pid, error)
                    continue
                self._on_message(message)

    def _tell_exit(self) -> None:
        code = self._process.wait()
        self._requests.put(None)
        self._stderr_thread.join(timeout=2)
        log.info("process %d ended with %d", self.pid, code)
        self._on_exit(code)
