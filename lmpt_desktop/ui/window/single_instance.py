"""One window per library: opening a library again brings its window to the front.

The window of a library listens on a local socket named after the library's folder.  A process
that is about to open the same library connects to it first and passes on what it was asked to
open.  The catalogue's lock is what really prevents a second window; a socket left behind by a
killed window can therefore be replaced by the process that holds the lock.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QDeadlineTimer, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from lmpt_desktop.real_paths import canonical

CONNECT_MS = 500
ANSWER_MS = 4000
"""How long to wait for a busy window; afterwards the catalogue's lock decides."""
POLL_MS = 10
MAX_MESSAGE = 1 << 20
SHOWN = b"shown\n"

log = logging.getLogger(__name__)


def socket_name(library: Path) -> str:
    """The name of a library's socket; short, because some systems limit the path to 100 bytes."""
    real = str(canonical(library.expanduser()))
    digest = hashlib.sha256(real.encode("utf-8", "surrogatepass")).hexdigest()
    return f"lmpt-desktop-{digest[:16]}"


def hand_over(library: Path, paths: Sequence[Path] = ()) -> bool:
    """Ask the window that has ``library`` open to come to the front and open ``paths``.

    Returns whether there is such a window and it complied.  This waits for its answer, so call it
    off the window's thread, or before there is a window.
    """
    socket = QLocalSocket()
    socket.connectToServer(socket_name(library))
    if not socket.waitForConnected(CONNECT_MS):
        return False
    message = json.dumps({"open": [str(path) for path in paths]}).encode() + b"\n"
    socket.write(message)
    waiting = QDeadlineTimer(ANSWER_MS)
    while not socket.canReadLine() and not waiting.hasExpired():
        # In short intervals: PySide holds Python's lock while it waits, which blocks the window.
        if not socket.waitForReadyRead(POLL_MS):
            if socket.state() is not QLocalSocket.LocalSocketState.ConnectedState:
                break
            time.sleep(POLL_MS / 1000)
    answer = bytes(socket.readLine().data())
    socket.disconnectFromServer()
    return answer == SHOWN


class SingleInstanceServer(QObject):
    """Listens for other processes that want to open this window's library."""

    activation_requested = Signal(list)
    """Another process was asked to open these paths in this library."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server: QLocalServer | None = None

    def open(self, library: Path) -> bool:
        """Listen for ``library``, whose lock this process holds; returns whether that works."""
        self.close()
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._connected)
        name = socket_name(library)
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
        if server is not None:
            server.close()
            server.deleteLater()

    def _connected(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()):
            socket.disconnected.connect(socket.deleteLater)
            socket.readyRead.connect(lambda socket=socket: self._read(socket))
            self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() > MAX_MESSAGE:
                socket.abort()
            return
        try:
            paths = json.loads(bytes(socket.readLine().data()))["open"]
            requested = [Path(path) for path in paths if isinstance(path, str)]
        except (ValueError, TypeError, KeyError):
            socket.abort()
            return
        socket.write(SHOWN)
        socket.flush()
        self.activation_requested.emit(requested)
