"""One window per library: opening it again brings the window that has it to the front.

The window that holds a library listens on a local socket named after the library's folder.
A process that wants to open the same library asks there first and hands over what it was asked
to open.  What really keeps two windows apart is the catalogue's lock; so a socket that a killed
window left behind belongs to the process that holds the lock now, and is simply replaced.
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

CONNECT_MS = 500
ANSWER_MS = 4000
"""A window that is busy for longer is not waited for: the lock then says who has the library."""
LISTEN_MS = 10
MAX_MESSAGE = 1 << 20
SHOWN = b"shown\n"

log = logging.getLogger(__name__)


def socket_name(library: Path) -> str:
    """The name of a library's socket: short, since some systems allow 100 bytes for the path."""
    resolved = str(library.expanduser().resolve())
    digest = hashlib.sha256(resolved.encode("utf-8", "surrogatepass")).hexdigest()
    return f"lmpt-desktop-{digest[:16]}"


def hand_over(library: Path, paths: Sequence[Path] = ()) -> bool:
    """Ask the window that has ``library`` open to come to the front and to take ``paths``.

    Returns whether there is such a window and it did.  Waits for its answer, so call it off
    the window's thread, or before there is a window.
    """
    socket = QLocalSocket()
    socket.connectToServer(socket_name(library))
    if not socket.waitForConnected(CONNECT_MS):
        return False
    message = json.dumps({"open": [str(path) for path in paths]}).encode() + b"\n"
    socket.write(message)
    waiting = QDeadlineTimer(ANSWER_MS)
    while not socket.canReadLine() and not waiting.hasExpired():
        # In short turns: PySide keeps Python's lock while it waits, and with it the window.
        if not socket.waitForReadyRead(LISTEN_MS):
            if socket.state() is not QLocalSocket.LocalSocketState.ConnectedState:
                break
            time.sleep(LISTEN_MS / 1000)
    answer = bytes(socket.readLine().data())
    socket.disconnectFromServer()
    return answer == SHOWN


class SingleInstanceServer(QObject):
    """Listens for other processes that want the library which is open here."""

    activation_requested = Signal(list)
    """Somebody wants this library; the paths are what they were asked to open."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server: QLocalServer | None = None

    def open(self, library: Path) -> bool:
        """Listen for ``library``, whose lock is held here; returns whether that works."""
        self.close()
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._connected)
        name = socket_name(library)
        # The lock is ours, so a socket of that name is a dead window's.
        QLocalServer.removeServer(name)
        if not server.listen(name):
            # Not worth telling the user: the lock will refuse a second window.
            log.warning("no socket for this library: %s", server.errorString())
            return False
        self._server = server
        return True

    def close(self) -> None:
        """Listen no more."""
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
            wanted = [Path(path) for path in paths if isinstance(path, str)]
        except (ValueError, TypeError, KeyError):
            socket.abort()
            return
        socket.write(SHOWN)
        socket.flush()
        self.activation_requested.emit(wanted)
