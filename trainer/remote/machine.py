"""Another computer, reached by the system's ``ssh`` (imports no torch).

The user's own program is used, so that their configuration, keys, agents and jump hosts work, and
nothing is asked: what ssh would have to ask is a trouble with a sentence.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shlex
import shutil
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from trainer.children import NO_WINDOW
from trainer.events import (
    MAX_LINE_BYTES,
    FarAlive,
    FarHello,
    FarMachine,
    FarRefused,
    Message,
    ProtocolError,
    parse_line,
)
from trainer.printable import one_line
from trainer.remote import PROTOCOL
from trainer.remote.streams import JOB_FILES, RESULT_FILES, pack, unpack
from trainer.remote.trouble import MachineError, Trouble
from trainer.threads import start_thread

log = logging.getLogger(__name__)

DESTINATION = re.compile(
    r"(ssh://)?([\w.+][\w.+-]*@)?([\w.][\w.-]*|\[?[0-9A-Fa-f:.]+(%\w+)?\]?)(:\d{1,5})?/?"
)
"""Of ``user@host``, an entry of the user's configuration, or ``ssh://user@host:port``.  It can be
read neither as an option nor, where the configuration hands it on, by a shell."""
LONGEST_DESTINATION = 255

HELLO_SECONDS = 45.0
"""Until the other side has said its first line: ssh connects, and Python starts there."""
SILENCE_SECONDS = 30.0
"""Without a byte in either direction a connection counts as dead: there is a line every few
seconds."""
PROBE_SECONDS = 90.0
"""torch may take this long to be loaded there for the first time."""
CONNECT_SECONDS = 20
MOST_BYTES = 16 * 1024**2
"""Of all the lines of one connection."""
DETAIL_LINES = 20
_DETAIL_CHARACTERS = 300
_OPTIONS = (
    "-T",
    "-o", "BatchMode=yes",
    "-o", f"ConnectTimeout={CONNECT_SECONDS}",
    "-o", "ClearAllForwardings=yes",
    "-o", "RemoteCommand=none",
    "-o", "LogLevel=ERROR",
    # Whoever started it may have been killed: then nobody else notices that there is no way.
    "-o", "ServerAliveInterval=30",
    "-o", "ServerAliveCountMax=3",
)  # fmt: skip
_PROGRAM = 'env PATH="$HOME/.lmpt-desktop/bin:$HOME/.local/bin:$PATH" lmpt-trainer remote'
"""Found as it is in a terminal there, or where docs/another-computer.md says to install it: what
ssh runs sees less of the user's path.  Constant; nothing is put into it."""

_PYTHON = (
    'env PATH="$HOME/.local/bin:$PATH:/usr/local/bin:/opt/homebrew/bin" python3 -c '
    '"import sys; exec(sys.stdin.buffer.read({size}))"'
)
"""Runs the program that comes on stdin.  Only its size is put into it."""

INSTALL = (
    "python3 -m venv ~/.lmpt-desktop",
    "~/.lmpt-desktop/bin/pip install lmpt-desktop",
)
"""What to type there, a line each."""

_SSH_SAYS = (
    (Trouble.HOST_KEY, ("host key verification failed", "identification has changed")),
    (Trouble.DENIED, ("permission denied", "too many authentication failures")),
    (Trouble.UNKNOWN_HOST, ("could not resolve hostname", "name or service not known")),
)


def checked_destination(text: str) -> str:
    """``text`` without spaces around it, if ssh can be given it.

    Raises:
        MachineError: if it is no name of a computer.
    """
    name = text.strip()
    if len(name) > LONGEST_DESTINATION or DESTINATION.fullmatch(name) is None:
        raise MachineError(Trouble.BAD_NAME)
    return name


@dataclass(frozen=True)
class Found:
    """What :meth:`SshMachine.probe` found.

    ``trouble``: why it cannot be used; None if it can.  ``detail``: what ssh or the other side
    wrote about that.  ``python``: the version that is there, "" if unknown; ``version`` of LMPT
    Desktop; ``machine``: what it has.
    """

    trouble: Trouble | None = None
    detail: str = ""
    python: str = ""
    version: str = ""
    machine: FarMachine | None = None


class SshMachine:
    """Another computer; makes a connection for each request."""

    def __init__(self, destination: str, ssh: Sequence[str] = ("ssh",)) -> None:
        """``ssh``: the program, and arguments before any other.

        Raises:
            MachineError: if ``destination`` is no name of a computer.
        """
        self.destination = checked_destination(destination)
        self._ssh = tuple(ssh)
        self._lock = threading.Lock()
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._closed = False

    def close(self) -> None:
        """End every connection at once, also one that is being made, and make no more; from any
        thread."""
        with self._lock:
            self._closed = True
            connections = list(self._connections)
        for connection in connections:
            connection.close()

    def _connection(self, command: Sequence[str]) -> Connection:
        # With the lock, so that none is begun that close() does not see.
        with self._lock:
            if self._closed:
                raise MachineError(Trouble.CUT)
            connection = Connection(command, HELLO_SECONDS)
            self._connections.add(connection)
        return connection

    def command(self, *words: str) -> list[str]:
        """The command that runs ``lmpt-trainer remote WORDS`` there."""
        return self._raw(f"{_PROGRAM} {shlex.join(words)}")

    def _raw(self, there: str) -> list[str]:
        return [*self._ssh, *_OPTIONS, "--", self.destination, there]

    def connect(self, *words: str) -> Connection:
        """Run ``lmpt-trainer remote WORDS`` there, and wait until it has greeted.

        Raises:
            MachineError: if it cannot be reached or used.
        """
        connection = self._connection(self.command(*words))
        try:
            connection.greet()
        except BaseException:
            connection.close()
            raise
        return connection

    def run_program(self, source: bytes) -> Connection:
        """Run a Python program there that greets as ours does; what is written to the connection is
        its stdin.

        Raises:
            MachineError: if it cannot be reached, or Python is not there.
        """
        connection = self._connection(self._raw(_PYTHON.format(size=len(source))))
        try:
            # If there is no Python, the other side says so next.
            with contextlib.suppress(OSError):
                connection.write(source)
            connection.greet()
        except MachineError as error:
            connection.close()
            if error.trouble is Trouble.NO_TRAINER:
                raise MachineError(Trouble.NO_PYTHON, error.detail) from error
            raise
        except BaseException:
            connection.close()
            raise
        return connection

    def ask(self, *words: str, seconds: float = SILENCE_SECONDS) -> list[Message]:
        """The answer to a request.

        Args:
            words: of the request.
            seconds: that may pass between two lines.

        Raises:
            MachineError: if it cannot be reached or used, or refuses.
        """
        with self.connect(*words) as connection:
            connection.patience(seconds)
            return list(connection.messages())

    def probe(self) -> Found:
        """Look what is there; never raises for what goes wrong with the other computer."""
        try:
            with self.connect("probe") as connection:
                connection.patience(PROBE_SECONDS)
                hello = connection.hello
                for message in connection.messages():
                    if isinstance(message, FarMachine):
                        return Found(python=message.python, version=hello.version, machine=message)
            return Found(Trouble.OTHER, version=hello.version)
        except MachineError as error:
            python = self._python() if error.trouble is Trouble.NO_TRAINER else ""
            return Found(error.trouble, error.detail, python)

    def _python(self) -> str:
        """The version of Python there, "" if there is none."""
        try:
            with self._connection(self._raw("python3 -V")) as connection:
                found = re.match(rb"Python (\d[\w.+]{0,20})", connection.readline())
        except MachineError:
            return ""
        return found[1].decode() if found else ""


class Connection:
    """A running ssh.  Whoever reads or writes waits no longer than its patience: then ssh is
    killed, also one that was stopped, and the reader is told.
    """

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        """Start it.

        Raises:
            MachineError: if there is no ssh.
        """
        program = shutil.which(command[0])
        if program is None:
            raise MachineError(Trouble.NO_SSH)
        self.hello = FarHello(0, "")
        self._greeted = self._silent = False
        self._received = 0
        self._stderr: deque[str] = deque(maxlen=DETAIL_LINES)
        try:
            self._process = subprocess.Popen(
                [program, *command[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                creationflags=NO_WINDOW,
                # Without a terminal nothing asks there.
                start_new_session=True,
            )
        except OSError as error:
            raise MachineError(Trouble.NO_SSH, str(error)) from error
        self._seconds = seconds
        self._fed = time.monotonic()
        self._closed = threading.Event()
        try:
            self._said = start_thread(self._read_stderr, "ssh stderr")
            start_thread(self._watch, "ssh watch")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def patience(self, seconds: float) -> None:
        """Wait this long for the next byte from now on."""
        self._fed = time.monotonic()
        self._seconds = seconds

    def close(self) -> None:
        """End it at once, from any thread."""
        self._closed.set()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        for stream in (self._process.stdin, self._process.stdout):
            # Another thread may be reading it; its end follows by itself.
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                if stream is self._process.stdin and stream is not None:
                    stream.close()

    # ---------------------------------------------------------------------------- reading

    def greet(self) -> None:
        """Read until the other side has said which protocol it speaks.

        Raises:
            MachineError: if it does not, or speaks another one.
        """
        for message in self._parsed():
            if isinstance(message, FarHello):
                self.hello, self._greeted = message, True
                if message.protocol != PROTOCOL:
                    older = message.protocol < PROTOCOL
                    raise MachineError(Trouble.TOO_OLD if older else Trouble.TOO_NEW)
                self.patience(SILENCE_SECONDS)
                return
        raise self._failure()

    def messages(self) -> Iterator[Message]:
        """What it says, until it ends by itself.

        Raises:
            MachineError: if it refuses, or the connection ends before.
        """
        for message in self._parsed():
            if isinstance(message, FarRefused):
                raise MachineError(Trouble.of(message.trouble), one_line(message.detail[:1000]))
            if not isinstance(message, FarAlive):
                yield message
        if (code := self._ended()) != 0:
            raise self._failure(code)

    def readline(self) -> bytes:
        """A line, or the beginning of one that is too long; b"" at the end.

        Raises:
            MachineError: after :data:`MOST_BYTES`.
        """
        stream = self._process.stdout
        assert stream is not None
        try:
            line = stream.readline(MAX_LINE_BYTES + 1)
        except (OSError, ValueError):
            line = b""
        self._count(len(line))
        return line

    def read(self, size: int) -> bytes:
        """As of a file: some bytes, b"" at the end."""
        stream: Any = self._process.stdout
        try:
            data: bytes = stream.read1(size)
        except (OSError, ValueError):
            data = b""
        self._fed = time.monotonic()
        return data

    def receive_result(self, folder: Path) -> None:
        """Write the result that follows into ``folder``.

        Raises:
            StreamError, OSError: as of :func:`trainer.remote.streams.unpack`.
        """
        unpack(self, folder, RESULT_FILES)

    def count_anew(self) -> None:
        """What was said so far does not count towards :data:`MOST_BYTES`."""
        self._received = 0

    def _count(self, size: int) -> None:
        self._fed = time.monotonic()
        self._received += size
        if self._received > MOST_BYTES:
            raise MachineError(Trouble.FLOOD)

    def _parsed(self) -> Iterator[Message]:
        whole = True
        while line := self.readline():
            if whole and line.strip():
                # What the user's shell prints there comes before the first line.
                with contextlib.suppress(ProtocolError):
                    yield parse_line(line.decode("utf-8", "replace"))
            whole = line.endswith(b"\n")

    # ---------------------------------------------------------------------------- writing

    def send_job(self, folder: Path) -> None:
        """Send a job, and that nothing follows.

        Raises:
            OSError: if a file of it cannot be read.
        """
        self.patience(SILENCE_SECONDS)
        # Where the other side does not want the rest, it says why, which is read next.
        with contextlib.suppress(BrokenPipeError):
            pack(folder, JOB_FILES, self)
        self.end_input()
        self.patience(SILENCE_SECONDS)

    def write(self, data: bytes, *, feeds: bool = True) -> None:
        """As of a file.  ``feeds``: that it could be written says that the connection is not dead,
        which of little is not so: ssh takes it in any case."""
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(data)
            stream.flush()
        except ValueError as error:  # closed by another thread
            raise BrokenPipeError from error
        if feeds:
            self._fed = time.monotonic()

    def end_input(self) -> None:
        """Tell the other side that nothing follows."""
        stream = self._process.stdin
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()

    # ---------------------------------------------------------------------------- its end

    def _ended(self) -> int:
        try:
            return self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _failure(self, code: int | None = None) -> MachineError:
        code = self._ended() if code is None else code
        # A master connection that ssh left in the background keeps stderr open.
        self._said.join(1)
        detail = "\n".join(self._stderr)
        return MachineError(self._trouble(code, detail.lower()), detail)

    def _trouble(self, code: int, said: str) -> Trouble:
        if self._greeted:
            return Trouble.SILENT if self._silent else _after_greeting(code)
        if self._silent:
            return Trouble.UNREACHABLE
        if code in (126, 127):
            return Trouble.NO_TRAINER
        if code == 2 and "invalid choice" in said:
            return Trouble.TOO_OLD  # of before there was this command
        if code == 255:
            found = (trouble for trouble, texts in _SSH_SAYS if any(map(said.__contains__, texts)))
            return next(found, Trouble.UNREACHABLE)
        return Trouble.CUT if code < 0 else Trouble.OTHER

    def _read_stderr(self) -> None:
        stream = self._process.stderr
        if stream is None:
            return
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(_DETAIL_CHARACTERS):
                text = one_line(line.decode("utf-8", "replace").strip())
                if text:
                    self._stderr.append(text)

    def _watch(self) -> None:
        while (left := self._fed + self._seconds - time.monotonic()) > 0:
            if self._closed.wait(min(left, 1.0)) or self._process.poll() is not None:
                return
        self._silent = True
        log.info("ssh %d was silent for too long and is ended", self._process.pid)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


def _after_greeting(code: int) -> Trouble:
    return Trouble.CUT if code == 255 or code < 0 else Trouble.OTHER
