"""A real session on a small library of its own for every test; no model is ever loaded.

The library (``tests/support/ui_libraries.py``) is made once per test process and copied.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from gui_thread_guard import no_catalogue_use
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot
from shells import BareLibrary, make_context
from ui_libraries import (
    Locked,
    OpenSession,
    another_writer,
    copy_library,
    make_library,
    open_library,
)

from lmpt_desktop.catalogue import store
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.shell.context import ShellContext


@pytest.fixture(scope="session")
def library_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of which every test gets a copy."""
    folder = tmp_path_factory.mktemp("template") / "sample"
    make_library(folder / "library", folder / "photos")
    return folder


@pytest.fixture
def library(library_template: Path, tmp_path: Path) -> Path:
    """Twelve photos in two folders, of which number 11 is missing and number 12 unreadable."""
    copy_library(library_template, tmp_path / "sample")
    return tmp_path / "sample" / "library"


@pytest.fixture
def open_session() -> Iterator[OpenSession]:
    """:func:`open_library`; what it opened is closed when the test ends."""
    sessions: list[LibrarySession] = []

    def opened(library: Path, **options: Any) -> LibrarySession:
        sessions.append(open_library(library, **options))
        return sessions[-1]

    yield opened
    for session in sessions:
        session.close()


@pytest.fixture
def session(library: Path, open_session: OpenSession) -> LibrarySession:
    """The library, open and with its predictions."""
    return open_session(library)


@pytest.fixture
def bridge(session: LibrarySession, qtbot: QtBot) -> Iterator[SessionBridge]:
    made = SessionBridge(session)
    yield made
    made.close()


@pytest.fixture
def context(tmp_path: Path, qtbot: QtBot) -> Iterator[ShellContext]:
    """The shell with every command of the app, its own settings, and no library."""
    window = QMainWindow()
    qtbot.addWidget(window)
    yield make_context(window, tmp_path / "window.ini")


@pytest.fixture
def opened(context: ShellContext, session: LibrarySession) -> Iterator[BareLibrary]:
    """The library, open in the shell."""
    library = BareLibrary(session)
    context.set_library(library)
    yield library
    context.set_library(None)
    library.close()


@pytest.fixture
def locked(session: LibrarySession, monkeypatch: pytest.MonkeyPatch) -> Locked:
    """``with locked():`` another program writes to the catalogue, and nobody waits long for it,
    so that no change is saved."""
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    return lambda: another_writer(session.library_folder)


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Window memory and logs of a test stay in its own folder."""
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path / "home"))
    yield


@pytest.fixture(autouse=True)
def window_thread_leaves_the_catalogue_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test passes in which the window's thread waits for the disk, but for a verdict."""
    with no_catalogue_use(monkeypatch):
        yield
