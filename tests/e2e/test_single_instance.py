"""One window per library: the second start shows the first window and hands over the folders."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.library_places import library_for
from lmpt_desktop.settings import OPEN_FOLDER, FolderPlace
from lmpt_desktop.ui.window.main_window import MainWindow
from lmpt_desktop.ui.window.single_instance import hand_over

WAIT_MS = 60_000
HOLDER = Path(__file__).with_name("hold_library.py")


class Holder:
    """Another process with a library open."""

    def __init__(self, photos: Path) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(HOLDER), str(photos)], stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def hold(qtbot: QtBot, home: Path) -> Iterator[Callable[[Path], Holder]]:
    holders: list[Holder] = []

    def start(photos: Path) -> Holder:
        holder = Holder(photos)
        holders.append(holder)
        qtbot.waitUntil(lambda: "open" in holder.lines, timeout=WAIT_MS)
        return holder

    yield start
    for holder in holders:
        holder.kill()


def test_opening_a_library_of_another_window_brings_that_to_the_front(
    launch: Callable[..., MainWindow],
    hold: Callable[[Path], Holder],
    photos: Path,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    holder = hold(photos)
    window = launch()
    window.open_paths([photos])
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    assert "open in another window" in window.notifications.shown[0].title
    assert window.page is None
    assert window.stack.currentWidget() is window.welcome
    qtbot.waitUntil(lambda: f"asked {photos}" in holder.lines, timeout=WAIT_MS)
    # Another library can be opened beside it.
    other = tmp_path / "other"
    other.mkdir()
    window.settings.set(OPEN_FOLDER, FolderPlace.FRESH)
    window.open_paths([other])
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)


def test_a_second_start_hands_its_folder_to_the_first_window_and_ends(
    launch: Callable[..., MainWindow], photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    more = tmp_path / "more photos"
    more.mkdir()
    library = library_for(photos)
    with subprocess.Popen(
        [sys.executable, "-m", "lmpt_desktop", "--library", str(library), str(more)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    ) as second:
        qtbot.waitUntil(lambda: second.poll() is not None, timeout=WAIT_MS)
        assert second.returncode == 0
        assert second.stderr is not None
        assert "open in another window" in second.stderr.read()
    assert window.page is not None
    session = window.page.session
    qtbot.waitUntil(
        lambda: {folder.path for folder in session.folders.all()} == {photos, more}, timeout=WAIT_MS
    )


def test_a_library_of_a_killed_window_can_be_opened(
    launch: Callable[..., MainWindow], hold: Callable[[Path], Holder], photos: Path, qtbot: QtBot
) -> None:
    hold(photos).kill()
    window = launch(photos)
    assert window.page is not None
    # And the socket it left behind is this window's now.
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(hand_over(library_for(photos))))
    asking.start()
    qtbot.waitUntil(lambda: bool(answers), timeout=WAIT_MS)
    asking.join()
    assert answers == [True]


def test_a_library_locked_by_a_silent_process_names_the_process(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    with Catalogue.open(library_for(photos), exclusive=True):
        window = launch()
        window.open_paths([photos])
        qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
        assert f"process {os.getpid()}" in window.notifications.shown[0].message
        assert not window.opener.busy


def test_a_closed_library_accepts_no_requests(
    launch: Callable[..., MainWindow], photos: Path
) -> None:
    window = launch(photos)
    window.close_library()
    assert not hand_over(library_for(photos))


def test_a_minimised_window_is_restored(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    window.showMinimized()
    window.come_to_front([])
    qtbot.waitUntil(lambda: not window.isMinimized() and window.isVisible())
