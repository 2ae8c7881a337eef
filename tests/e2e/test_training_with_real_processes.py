"""The whole loop with the real encoder and trainer processes, on a tiny random backbone.

The random model knows nothing, but it sees colours; what the tests want of it is that the
processes, files and pages work together, not that it is clever.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_backbone
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop import app
from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ingest import ThumbnailStore
from lmpt_desktop.settings import INSTANT
from lmpt_desktop.ui.kit.thumbnails import SessionThumbnails
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.training.log import LogDialog
from lmpt_desktop.ui.training.retrain import RetrainDialog
from lmpt_desktop.ui.training.run_page import RunDialog
from lmpt_desktop.ui.training.run_story import story_of
from lmpt_desktop.ui.versions.comparison import ComparisonDialog
from lmpt_desktop.ui.versions.dialog import VersionsDialog
from lmpt_desktop.ui.window.library_opening import LibraryOpener, Opened
from lmpt_desktop.ui.window.main_window import MainWindow

COLOURS = {"red": (200, 40, 40), "green": (40, 170, 60), "blue": (50, 70, 210), "grey": (120,) * 3}
EACH = 9
WAIT_MS = 90_000


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local-dir:{tiny_backbone.written_once(tmp_path_factory)}"


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Noisy photos of four colours."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "colours"
    folder.mkdir()
    for name, shade in COLOURS.items():
        for number in range(EACH):
            noise = rng.integers(-40, 40, (96, 128, 3))
            pixels = np.clip(np.array(shade) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}_{number}.jpg")
    return folder


@pytest.fixture
def launch_real(
    qapp: QApplication, qtbot: QtBot, home: Path, colours: Path, backbone: str
) -> Iterator[Callable[[], MainWindow]]:
    """Show the window on the colours, with the trainer's own programs behind it."""
    windows: list[MainWindow] = []

    def open_session(library: Path) -> Opened:
        session = LibrarySession.open(library, device="cpu", backbone=backbone)
        if not session.snapshot().classes:
            session.vocabulary.set_all([ClassSpec(name) for name in COLOURS])
        store = ThumbnailStore(library)
        return Opened(session, SessionThumbnails(session, store), store.close)

    def start() -> MainWindow:
        window = app.make_window(ComputerSettings(), LibraryOpener(open_session))
        window.resize(1280, 800)
        window.show()
        windows.append(window)
        window.open_paths([colours])
        qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
        page = window.page
        assert page is not None
        qtbot.waitUntil(lambda: scored(page), timeout=WAIT_MS)
        return window

    yield start
    for window in windows:
        window.close()
        window.deleteLater()
    qapp.processEvents()


def scored(page: LibraryPage) -> bool:
    scores = page.session.snapshot().scores
    return len(scores) == len(COLOURS) * EACH and not np.isnan(scores).any()


@pytest.fixture
def window(launch_real: Callable[[], MainWindow]) -> MainWindow:
    """Predicted, then annotated: each photo has its colour and no other."""
    window = launch_real()
    page = window.page
    assert page is not None
    snapshot = page.session.snapshot()
    for entry in snapshot.classes:
        rows = [i for i, name in enumerate(snapshot.names) if name.startswith(entry.name)]
        ids = snapshot.image_ids[rows].tolist()
        page.session.annotations.annotate(ids, [entry.id], Verdict.PRESENT)
    page.session.annotations.mark_reviewed(snapshot.image_ids.tolist())
    return window


@pytest.fixture
def page(window: MainWindow) -> LibraryPage:
    assert window.page is not None
    return window.page


def pure(page: LibraryPage, qtbot: QtBot) -> np.ndarray:
    """The scores of the version in use, without what verdicts have taught since."""
    page.session.settings.set(INSTANT, False)
    qtbot.waitUntil(lambda: page.session.wait_until_idle(0.1), timeout=WAIT_MS)
    return page.session.snapshot().scores.copy()


def start_run(window: MainWindow, qtbot: QtBot) -> RunDialog:
    window.commands.trigger("model.retrain")
    qtbot.waitUntil(lambda: window.findChild(RetrainDialog) is not None, timeout=WAIT_MS)
    dialog = window.findChild(RetrainDialog)
    assert dialog is not None
    qtbot.waitUntil(dialog.start.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(RunDialog) is not None, timeout=WAIT_MS)
    run = window.findChild(RunDialog)
    assert run is not None
    return run


def state(run: RunDialog) -> RunState | None:
    return run.page.status.state if run.page.status is not None else None


def same(first: np.ndarray, second: np.ndarray) -> bool:
    return np.allclose(first, second, atol=1e-4, equal_nan=True)


def test_retrain_compare_promote_and_roll_back(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    before = pure(page, qtbot)
    run = start_run(window, qtbot)
    qtbot.waitUntil(lambda: state(run) is RunState.FINISHED, timeout=WAIT_MS)
    status = run.page.status
    assert status is not None
    story = story_of(status)
    assert story.loss[-1][1] < story.loss[0][1]
    assert run.page.plot.points("both") == len(story.loss) > 1
    assert run.page.plot.points("total") > 0

    qtbot.mouseClick(run.page.compare, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(ComparisonDialog) is not None, timeout=WAIT_MS)
    comparison = window.findChild(ComparisonDialog)
    assert comparison is not None
    qtbot.waitUntil(lambda: window.findChild(RunDialog) is None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: comparison.comparison is not None, timeout=WAIT_MS)
    result = comparison.comparison
    assert result is not None and result.measurement is not None
    assert {item.name for item in result.measurement.classes} == set(COLOURS)
    assert result.measurement.images > 0
    measured = [item for item in result.measurement.classes if item.measurable]
    assert all(item.change is not None for item in measured)
    qtbot.mouseClick(comparison.promote, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.session.snapshot().trained.all()), timeout=WAIT_MS)
    assert not same(page.session.snapshot().scores, before)
    qtbot.waitUntil(
        lambda: window.status.currentMessage() == "The new version is in use.", timeout=WAIT_MS
    )

    window.commands.trigger("model.versions")
    versions = window.findChild(VersionsDialog)
    assert versions is not None
    qtbot.waitUntil(versions.roll_back.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(versions.roll_back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: same(page.session.snapshot().scores, before), timeout=WAIT_MS)


def fit_process(page: LibraryPage) -> int:
    status = page.session.training.current_run()
    assert status is not None
    pid = page.session.catalogue.runs.get(status.run_id).pid
    assert pid is not None
    return pid


def test_a_killed_trainer_is_reported_and_only_its_run_is_lost(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    before, annotations = pure(page, qtbot), page.session.snapshot().annotations.copy()
    run = start_run(window, qtbot)
    os.kill(fit_process(page), signal.SIGKILL)
    qtbot.waitUntil(lambda: state(run) is RunState.FAILED, timeout=WAIT_MS)
    assert "killed" in run.page.details.text()
    assert "Predictions have not changed" in run.page.details.text()
    assert same(page.session.snapshot().scores, before)
    np.testing.assert_array_equal(page.session.snapshot().annotations, annotations)
    qtbot.mouseClick(run.page.log, Qt.MouseButton.LeftButton)
    assert window.findChild(LogDialog) is not None
    # and the next one works
    run.close()
    qtbot.waitUntil(lambda: window.findChild(RunDialog) is None, timeout=WAIT_MS)
    run = start_run(window, qtbot)
    qtbot.waitUntil(lambda: state(run) is RunState.FINISHED, timeout=WAIT_MS)


def test_the_window_can_be_closed_during_a_run(
    window: MainWindow, launch_real: Callable[[], MainWindow], page: LibraryPage, qtbot: QtBot
) -> None:
    start_run(window, qtbot)
    pid = fit_process(page)
    window.close()
    again = launch_real()
    assert again.page is not None
    assert fit_process(again.page) == pid
    qtbot.waitUntil(again.commands.action("model.run").isEnabled, timeout=WAIT_MS)
    again.commands.trigger("model.run")
    run = again.findChild(RunDialog)
    assert run is not None
    qtbot.waitUntil(lambda: state(run) is RunState.FINISHED, timeout=WAIT_MS)
    assert len(again.page.session.versions.all()) == 2
