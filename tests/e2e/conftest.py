"""The real window on a library of drawn photos, with a fake encoder behind it.

The session, the catalogue, the scan and the thumbnails are the real ones; only the model is
replaced, by a program that reads the classes off the file names (``dog+person_2.jpg``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from gui_thread_guard import no_catalogue_use
from other_computer_fixtures import other, server  # noqa: F401
from PIL import Image, ImageDraw
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop import app
from lmpt_desktop.domain.records import ClassSpec, ImageState
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.window.library_opening import LibraryOpener
from lmpt_desktop.ui.window.main_window import MainWindow

SUPPORT = Path(__file__).parents[1] / "support"
FAKES = Commands(
    encode=(sys.executable, str(SUPPORT / "fake_encoder.py")),
    fit=(sys.executable, str(SUPPORT / "fake_fit.py")),
)
CLASSES = tuple(ClassSpec(name) for name in ("dog", "person", "kite", "cup", "boat"))
NAMES = (
    "dog_1.jpg", "dog_2.jpg", "dog+person_3.jpg", "person_4.jpg", "cup_5.jpg", "dog_6.jpg",
    "trip/kite_7.jpg", "trip/boat_8.jpg", "trip/dog+boat_9.jpg", "trip/day two/person_10.jpg",
    "trip/day two/cup_11.jpg",
)  # fmt: skip
WAIT_MS = 30_000


def draw(path: Path, number: int) -> None:
    """A picture that no other number has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = ((number * 67) % 190 + 40, (number * 131) % 190 + 40, (number * 29) % 190 + 40)
    image = Image.new("RGB", (360, 240 if number % 3 else 420), colour)
    pen = ImageDraw.Draw(image)
    pen.ellipse((40, 40, 200, 200), fill="white")
    pen.text((70, 100), f"{path.stem}", fill="black")
    image.save(path, quality=85)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything the app writes goes below here."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def window_never_waits_for_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_catalogue_use(monkeypatch):
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no backbone is offered."""
    monkeypatch.setattr("lmpt_desktop.engine.network.may_be_online", lambda: False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eleven photos in three folders, and one file that is not a photo."""
    folder = tmp_path / "my photos"
    for number, name in enumerate(NAMES):
        draw(folder / name, number)
    (folder / "empty_12.jpg").touch()
    return folder


Launch = Callable[..., MainWindow]


@pytest.fixture
def launch(qapp: QApplication, qtbot: QtBot, home: Path) -> Iterator[Launch]:
    """Show a window, with a library if folders are named; closed when the test ends."""
    windows: list[MainWindow] = []

    def start(*folders: Path) -> MainWindow:
        opener = LibraryOpener(
            lambda library: app.open_session(library, commands=FAKES, classes=CLASSES)
        )
        window = app.make_window(ComputerSettings(), opener)
        window.resize(1280, 800)
        windows.append(window)
        with qtbot.waitActive(window, timeout=WAIT_MS):  # else no shortcut would be heard
            window.show()
            window.activateWindow()
        if folders:
            window.open_paths(list(folders))
            qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
        return window

    yield start
    for window in windows:
        window.close()
        window.deleteLater()
    qapp.processEvents()


@pytest.fixture
def settled(qtbot: QtBot) -> Callable[[MainWindow], LibraryPage]:
    """Wait until the window shows every photo and every prediction; gives its page."""

    def wait(window: MainWindow) -> LibraryPage:
        page = window.page
        assert page is not None
        session = page.session

        def shown() -> bool:
            snapshot = page.panel.model.snapshot
            if snapshot is None or snapshot.version != session.snapshot().version:
                return False
            readable = snapshot.images.states == ImageState.OK
            # Between scan and encoding there is a moment when nothing seems to go on.
            predicted = not np.isnan(snapshot.scores[readable]).any()
            return bool(readable.any()) and predicted and not window.status.working

        qtbot.waitUntil(shown, timeout=WAIT_MS)
        return page

    return wait
