"""The socket between two windows of one library: hostile, dead, slow and foreign other ends."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue.disk_access import LOCK_NAME, may_be_held
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.ui.window import peer, single_instance
from lmpt_desktop.ui.window.single_instance import (
    MAX_CONNECTIONS,
    MAX_MESSAGE,
    REFUSED,
    SHOWN,
    SingleInstanceServer,
    hand_over,
    socket_name,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="named pipes are not sockets of files")
WAIT_MS = 30_000


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A private folder with a short name."""
    with tempfile.TemporaryDirectory(prefix="lmpt-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    """A library whose lock is held."""
    folder = tmp_path / "library"
    folder.mkdir()
    with ProcessLock(folder / LOCK_NAME):
        yield folder


@pytest.fixture
def server(qtbot: QtBot, library: Path) -> Iterator[SingleInstanceServer]:
    made = SingleInstanceServer()
    assert made.open(library)
    yield made
    made.close()


def name_of(library: Path) -> str:
    name = socket_name(library)
    assert name is not None
    return name


@contextlib.contextmanager
def squatting(library: Path, behave: Callable[[socket.socket], None]) -> Iterator[list[bytes]]:
    """Somebody listens where the library's window should; gives what was sent to it."""
    received: list[bytes] = []
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(name_of(library))
    listening.listen()
    kept: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                kept.append(connection)
                with contextlib.suppress(OSError):
                    behave(connection)
                    connection.settimeout(0.2)
                    received.append(connection.recv(1 << 16))

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield received
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for connection in kept:
        connection.close()
    thread.join()


def silent(_connection: socket.socket) -> None:
    """Accepts and never answers."""


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\xff\x00{[" * 1000)


def endless_line(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(1000):
            connection.sendall(b"x" * 4096)


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("behave", [silent, garbage, endless_line, hang_up])
def test_a_squatter_is_given_up_on(
    library: Path, monkeypatch: pytest.MonkeyPatch, behave: Callable[[socket.socket], None]
) -> None:
    monkeypatch.setattr(single_instance, "ANSWER_MS", 300)
    with squatting(library, behave):
        assert not hand_over(library, [Path("/home/me/private")])


def test_another_users_process_is_told_nothing(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "peer_uid", lambda _descriptor: os.getuid() + 1)
    with squatting(library, silent) as received:
        assert not hand_over(library, [Path("/home/me/private")])
    assert b"".join(received) == b""


def test_credentials_that_cannot_be_read_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> int:
        raise OSError

    monkeypatch.setattr(peer, "peer_uid", fail)
    assert not peer.is_own_user(0)


@pytest.mark.skipif(sys.platform != "linux", reason="the pair's credentials are Linux's")
def test_the_peers_user_is_known() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert peer.peer_uid(one.fileno()) == os.getuid()
        assert peer.is_own_user(other.fileno())


def test_nobody_is_asked_while_the_lock_is_free(tmp_path: Path) -> None:
    """So that who listens there can keep nobody from opening the library."""
    library = tmp_path / "free"
    library.mkdir()
    with squatting(library, silent) as received:
        assert not hand_over(library)
        (library / LOCK_NAME).write_text("1")
        assert not hand_over(library)
    assert received == []


def test_the_lock_is_only_tried(library: Path, tmp_path: Path) -> None:
    assert may_be_held(library / LOCK_NAME)
    assert not may_be_held(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    free = tmp_path / "free"
    with ProcessLock(free):
        pass
    before = free.read_bytes()
    assert not may_be_held(free)
    assert free.read_bytes() == before
    with ProcessLock(free):
        pass


def test_a_dead_socket_is_replaced(qtbot: QtBot, library: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(name_of(library))
    assert not hand_over(library)
    server = SingleInstanceServer()
    assert server.open(library)
    assert ask(qtbot, library, b'{"open": []}\n') == SHOWN
    server.close()


# ------------------------------------------------------------------- what the window is sent


def ask(qtbot: QtBot, library: Path, message: bytes) -> bytes:
    """Send ``message`` and return all that comes until the other end closes."""
    answer: list[bytes] = []

    def talk() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(WAIT_MS / 1000)
            client.connect(name_of(library))
            got = b""
            with contextlib.suppress(OSError):
                client.sendall(message)
            with contextlib.suppress(ConnectionError):
                while block := client.recv(100):
                    got += block
            answer.append(got)

    thread = threading.Thread(target=talk)
    thread.start()
    qtbot.waitUntil(lambda: bool(answer), timeout=WAIT_MS)
    thread.join()
    return answer[0]


def test_a_request_is_answered_and_passed_on(
    qtbot: QtBot, library: Path, server: SingleInstanceServer
) -> None:
    requests: list[list[Path]] = []
    server.activation_requested.connect(requests.append)
    answers: list[bool] = []
    paths = [Path("/a"), Path("/b \udcff")]
    thread = threading.Thread(target=lambda: answers.append(hand_over(library, paths)))
    thread.start()
    qtbot.waitUntil(lambda: bool(answers), timeout=WAIT_MS)
    thread.join()
    assert answers == [True]
    assert requests == [paths]


def test_many_paths_fit(qtbot: QtBot, library: Path, server: SingleInstanceServer) -> None:
    requests: list[list[Path]] = []
    server.activation_requested.connect(requests.append)
    answers: list[bool] = []
    paths = [Path(f"/photos/2026/summer/{number:06}.jpg") for number in range(20_000)]
    thread = threading.Thread(target=lambda: answers.append(hand_over(library, paths)))
    thread.start()
    qtbot.waitUntil(lambda: bool(answers), timeout=WAIT_MS)
    thread.join()
    assert answers == [True]
    assert requests == [paths]


@pytest.mark.parametrize(
    "message",
    [
        b"no json\n",
        b"[]\n",
        b"\n",
        b"null\n",
        b'{"open": 3}\n',
        b'{"open": "abc"}\n',
        b'{"open": null}\n',
        b'{"other": []}\n',
        b"\xff\n",
        b"[" * 200_000 + b"\n",
        b'{"open": ' + b"[" * 200_000 + b"\n",
        b"9" * 100_000 + b"\n",
    ],
)
def test_a_malformed_request_is_refused(
    qtbot: QtBot, library: Path, server: SingleInstanceServer, message: bytes
) -> None:
    requests: list[object] = []
    server.activation_requested.connect(requests.append)
    assert ask(qtbot, library, message) == REFUSED
    assert requests == []


def test_what_is_no_path_is_left_out(
    qtbot: QtBot, library: Path, server: SingleInstanceServer
) -> None:
    requests: list[list[Path]] = []
    server.activation_requested.connect(requests.append)
    message = b'{"open": ["/a", 3, null, "", "/b\\u0000c", ["/d"]]}\n'
    assert ask(qtbot, library, message) == SHOWN
    assert requests == [[Path("/a")]]


def test_an_endless_request_is_cut(
    qtbot: QtBot, library: Path, server: SingleInstanceServer
) -> None:
    assert ask(qtbot, library, b"x" * (MAX_MESSAGE * 8)) in (REFUSED, b"")
    assert ask(qtbot, library, b'{"open": []}\n') == SHOWN


def test_a_slow_request_is_refused(
    qtbot: QtBot, library: Path, server: SingleInstanceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "REQUEST_MS", 100)
    assert ask(qtbot, library, b'{"open": [') == REFUSED
    assert ask(qtbot, library, b"") == REFUSED


def test_idle_connections_are_limited(
    qtbot: QtBot, library: Path, server: SingleInstanceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "REQUEST_MS", 2000)
    with contextlib.ExitStack() as held:
        clients = [
            held.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3 * MAX_CONNECTIONS)
        ]
        for client in clients:
            client.settimeout(WAIT_MS / 1000)
            with contextlib.suppress(OSError):
                client.connect(name_of(library))
            qtbot.wait(1)  # the window accepts
        assert len(server._connections) <= MAX_CONNECTIONS
        qtbot.waitUntil(lambda: not server._connections, timeout=WAIT_MS)
    assert ask(qtbot, library, b'{"open": []}\n') == SHOWN


def test_another_users_request_is_cut(
    qtbot: QtBot, library: Path, server: SingleInstanceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "peer_uid", lambda _descriptor: os.getuid() + 1)
    requests: list[object] = []
    server.activation_requested.connect(requests.append)
    assert ask(qtbot, library, b'{"open": ["/a"]}\n') == b""
    assert requests == []


def test_closing_leaves_nobody_waiting(
    qtbot: QtBot, library: Path, server: SingleInstanceServer
) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(WAIT_MS / 1000)
        client.connect(name_of(library))
        qtbot.waitUntil(lambda: bool(server._connections), timeout=WAIT_MS)
        server.close()
        assert client.recv(10) == b""
        assert not server._connections


def test_the_socket_is_in_a_private_folder(library: Path, server: SingleInstanceServer) -> None:
    place = Path(name_of(library))
    assert place.exists()
    assert place.parent.stat().st_mode & 0o077 == 0


def test_without_a_safe_folder_the_lock_alone_decides(
    qtbot: QtBot, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "socket_dir", lambda: None)
    assert not hand_over(library)
    assert not SingleInstanceServer().open(library)
