"""Photos are encoded on another computer, behind a real sshd, and that is out of reach."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from drawn_photos import draw
from loopback_ssh import NAME, SUPPORT, FarComputer
from pytestqt.qtbot import QtBot

from lmpt_desktop import app
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.settings import ENCODE_AWAY, MACHINE, TRAIN_AWAY
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.window.library_opening import LibraryOpener
from lmpt_desktop.ui.window.main_window import MainWindow

ENCODER = SUPPORT / "flat_encoder.py"
COUNT = 60
WAIT_MS = 60_000


def encoders() -> list[psutil.Process]:
    """The encoder's processes that run."""
    children = psutil.Process().children(recursive=True)
    return [process for process in children if str(ENCODER) in process.cmdline()]


def encoded(page: LibraryPage) -> int:
    return int((~np.isnan(page.session.snapshot().scores).any(axis=1)).sum())


@pytest.fixture
def start(
    qtbot: QtBot, other: FarComputer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], LibraryPage]:
    """Show the window on the photos, which the other computer is to encode."""
    monkeypatch.setenv("PATH", f"{other.path}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "photos"
    folder.mkdir()
    draw(folder, COUNT)
    settings = ComputerSettings()
    settings.set(TRAIN_AWAY, True)
    settings.set(ENCODE_AWAY, True)
    settings.set(MACHINE, NAME)
    settings.flush()
    commands = Commands(encode=(sys.executable, str(ENCODER)))

    def show() -> LibraryPage:
        opener = LibraryOpener(lambda library: app.open_session(library, commands=commands))
        window = app.make_window(ComputerSettings(), opener)
        qtbot.addWidget(window)
        window.show()
        window.open_paths([folder])
        qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
        assert window.page is not None
        return window.page

    return show


def window_of(page: LibraryPage) -> MainWindow:
    window = page.window()
    assert isinstance(window, MainWindow)
    return window


def test_the_window_closes_while_the_connection_is_lost_and_the_next_start_goes_on(
    start: Callable[[], LibraryPage],
    other: FarComputer,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    log, once = tmp_path / "answered", tmp_path / "once"
    there = [str(SUPPORT / "flat_far_side.py"), "0", str(log)]
    # It ends in the middle; what is connected to after that never greets.
    Path(f"{log}.cut").touch()
    seen = shlex.quote(str(once))
    other.python(*there, before=f"[ -e {seen} ] && exec sleep 300\ntouch {seen}")
    page = start()
    window = window_of(page)
    qtbot.waitUntil(lambda: "lost" in window.status.activity.text(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: bool(other.connections()), timeout=WAIT_MS)
    assert encoders()
    began = time.monotonic()
    window.close()
    print(f"closing took {time.monotonic() - began:.2f} s")
    assert not other.connections() and not encoders()

    other.python(*there)
    page = start()
    qtbot.waitUntil(lambda: encoded(page) == COUNT, timeout=WAIT_MS)
    window_of(page).close()
    assert not other.connections() and not encoders()
