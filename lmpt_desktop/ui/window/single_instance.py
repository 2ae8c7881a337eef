"""One window per library: opening a library again brings its window to the front.

The catalogue's lock decides who is first.  Only where it is held, a process that is about to open
the library connects to the local socket of the window that has it, and passes on what it was asked
to open.  Both ends check that the other belongs to the same user: what is passed on are names of
folders.  A socket left behind by a killed window is replaced by the process that holds the lock.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QDeadlineTimer, QObject, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from lmpt_desktop.catalogue.disk_access import LOCK_NAME, may_be_held
from lmpt_desktop.paths import APP_NAME, socket_dir
from lmpt_desktop.real_paths import canonical
from lmpt_desktop.ui.window.peer import is_own_user

CONNECT_MS = 500
ANSWER_MS = 4000
"""How long to wait for a busy window; afterwards the catalogue's lock decides."""
REQUEST_MS = 3000
"""How long a connection may take to make its request."""
POLL_MS = 10
MAX_MESSAGE = 1 << 20
MAX_ANSWER = 64
MAX_CONNECTIONS = 8
SHOWN = b"shown\n"
REFUSED = b"refused\n"

log = logging.getLogger(__name__)


def socket_name(library: Path) -> str | None:
    """The name of a library's socket; None where no folder is safe for one."""
    real = str(canonical(library.expanduser()))
    digest = hashlib.sha256(real.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    if (folder := socket_dir()) is not None:
        return str(folder / digest)
    return f"{APP_NAME}-{digest}" if os.name == "nt" else None


def hand_over(library: Path, paths: Sequence[Path] = ()) -> bool:
    """Ask the window that has ``library`` open to come to the front and open ``paths``.

    Returns whether there is such a window and it complied.  This waits for its answer, so call it
    off the window's thread, or before there is a window.
    """
    if not may_be_held(library.expanduser() / LOCK_NAME) or (name := socket_name(library)) is None:
        return False
    message = json.dumps({"open": [str(path) for path in paths]}).encode() + b"\n"
    ask = _ask_pipe if os.name == "nt" else _ask_socket
    return ask(name, message) == SHOWN


def _ask_socket(name: str, message: bytes) -> bytes:
    """The line that is answered to ``message``; empty if there is none.

    Python's socket, as Qt's must not be used off the window's thread (docs/adr/0033).
    """
    assert sys.platform != "win32"  # where _ask_pipe does it
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(CONNECT_MS / 1000)
            connection.connect(name)
            if not is_own_user(connection.fileno()):
                log.warning("another user listens in place of this library's window")
                return b""
            connection.settimeout(ANSWER_MS / 1000)
            connection.sendall(message)
            return _line(connection)
        except OSError:
            return b""


def _line(connection: socket.socket) -> bytes:
    """The first line, complete or not, that comes within ``ANSWER_MS``."""
    line = b""
    until = time.monotonic() + ANSWER_MS / 1000
    while b"\n" not in line and len(line) < MAX_ANSWER and time.monotonic() < until:
        connection.settimeout(max(0.001, until - time.monotonic()))
        if not (more := connection.recv(MAX_ANSWER - len(line))):
            break
        line += more
    return line


def _ask_pipe(name: str, message: bytes) -> bytes:
    """The same on Windows, whose named pipes Python cannot wait for with a limit of time."""
    pipe = QLocalSocket()
    pipe.setReadBufferSize(MAX_ANSWER)
    pipe.connectToServer(name)
    if not pipe.waitForConnected(CONNECT_MS):
        return b""
    pipe.write(message)
    waiting = QDeadlineTimer(ANSWER_MS)
    while not pipe.canReadLine() and not waiting.hasExpired():
        # In short intervals: PySide holds Python's lock while it waits, which blocks the window.
        if not pipe.waitForReadyRead(POLL_MS):
            if pipe.state() is not QLocalSocket.LocalSocketState.ConnectedState:
                break
            time.sleep(POLL_MS / 1000)
        if pipe.bytesAvailable() >= MAX_ANSWER:
            break
    answer = bytes(pipe.readLine().data())
    pipe.abort()
    return answer


class SingleInstanceServer(QObject):
    """Listens for other processes that want to open this window's library.

    A connection makes one request and has one answer; what is no request, too long or too slow is
    refused, and the connection ends.
    """

    activation_requested = Signal(list)
    """Another process was asked to open these paths in this library."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server: QLocalServer | None = None
        self._connections: set[_Connection] = set()

    def open(self, library: Path) -> bool:
        """Listen for ``library``, whose lock this process holds; returns whether that works."""
        self.close()
        name = socket_name(library)
        if name is None:
            log.warning("no folder is safe for this library's socket")
            return False
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._connected)
        # This process holds the lock, so an existing socket belongs to a dead window.
        QLocalServer.removeServer(name)
        if not server.listen(name):
            # Not worth a message: the lock still prevents a second window.
            log.warning("no socket for this library: %s", server.errorString())
            return False
        self._server = server
        return True

    def close(self) -> None:
        """Stop listening."""
        server, self._server = self._server, None
        for connection in list(self._connections):
            connection.end()
        if server is not None:
            server.close()
            server.deleteLater()

    def _connected(self) -> None:
        while self._server is not None and (other := self._server.nextPendingConnection()):
            own = is_own_user(int(other.socketDescriptor()))
            if not own or len(self._connections) >= MAX_CONNECTIONS:
                other.abort()
                other.deleteLater()
                continue
            connection = _Connection(other, self)
            self._connections.add(connection)
            connection.requested.connect(self.activation_requested)
            connection.ended.connect(self._connections.discard)
            connection.begin()


class _Connection(QObject):
    """One request and its answer."""

    requested = Signal(list)
    ended = Signal(object)
    """With itself."""

    def __init__(self, other: QLocalSocket, parent: QObject) -> None:
        super().__init__(parent)
        other.setParent(self)
        other.setReadBufferSize(MAX_MESSAGE + 1)
        self._socket = other
        self._answered = False
        self._timer = QTimer(self, singleShot=True, interval=REQUEST_MS)
        self._timer.timeout.connect(self._cut)
        other.readyRead.connect(self._read)
        other.disconnected.connect(self._disconnected)

    def begin(self) -> None:
        """Read what has come before the signals were connected."""
        self._timer.start()
        self._read()

    def end(self) -> None:
        """Cut the connection, whatever its state."""
        self._socket.abort()
        self._disconnected()

    def _read(self) -> None:
        if self._answered:
            return
        if not self._socket.canReadLine():
            if self._socket.bytesAvailable() > MAX_MESSAGE:
                self._answer(REFUSED)
            return
        requested = _requested(bytes(self._socket.readLine(MAX_MESSAGE + 2).data()))
        self._answer(REFUSED if requested is None else SHOWN)
        if requested is not None:
            self.requested.emit(requested)

    def _answer(self, answer: bytes) -> None:
        self._answered = True
        self._socket.write(answer)
        self._socket.flush()
        self._socket.disconnectFromServer()

    def _cut(self) -> None:
        """The other end made no request, or does not take the answer."""
        if not self._answered:
            self._answer(REFUSED)
        self.end()

    def _disconnected(self) -> None:
        self._timer.stop()
        self.ended.emit(self)
        self.deleteLater()


def _requested(message: bytes) -> list[Path] | None:
    """The paths of a request; None if it is none."""
    try:
        paths = json.loads(message)["open"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(paths, list):
        return None
    return [Path(path) for path in paths if isinstance(path, str) and path and "\0" not in path]
