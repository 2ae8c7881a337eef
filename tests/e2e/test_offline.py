"""The app goes online only when the user asks for it: a day's work connects to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

import lmpt_desktop
from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine import network
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.training.retrain import RetrainDialog
from lmpt_desktop.ui.training.run_page import RunDialog
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 60_000
GUARD = Path(__file__).parents[1] / "support" / "offline"
MAY_BE_ONLINE = network.may_be_online


@pytest.fixture
def attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Guards this process and those that it starts; returns what was attempted."""
    record = tmp_path / "attempts.txt"
    record.touch()
    monkeypatch.setenv("NETWORK_ATTEMPTS", str(record))
    path = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{GUARD}{os.pathsep}{path}" if path else str(GUARD))
    import socket

    for name in ("socket", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, getattr(socket, name))  # to be put back
    source = compile((GUARD / "sitecustomize.py").read_text("utf-8"), "sitecustomize", "exec")
    exec(source, {"__name__": "sitecustomize"})
    return lambda: record.read_text(encoding="utf-8")


def in_child(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_the_guard_guards(attempts: Callable[[], str]) -> None:
    import socket

    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("huggingface.co", 443))
    program = "import socket; socket.socket().connect(('127.0.0.1', 9))"
    assert "no network" in in_child(program).stderr
    assert len(attempts().splitlines()) == 2


@pytest.fixture
def window(
    attempts: Callable[[], str],
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
) -> MainWindow:
    """Scanned, encoded and predicted behind the guard."""
    assert attempts() == ""
    window = launch(photos)
    settled(window)
    return window


def test_a_days_work_connects_to_nothing(
    window: MainWindow,
    attempts: Callable[[], str],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 2}))
    page = window.page
    assert page is not None
    session = page.session

    # Verdicts and a review.
    snapshot = session.snapshot()
    for row, name in enumerate(snapshot.names):
        words = name.rpartition("/")[2].split("_")[0].split("+")
        shown = [entry.id for entry in snapshot.classes if entry.name in words]
        image = int(snapshot.image_ids[row])
        session.annotations.annotate([image], shown, Verdict.PRESENT)
        session.annotations.mark_reviewed([image])
    window.commands.trigger("view.review")
    qtbot.waitUntil(lambda: page.pages.current == "review", timeout=WAIT_MS)
    page.show_grid()

    # A search.
    field = page.panel.search_bar.field
    qtbot.keyClicks(field, "boat")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(page.panel.search_bar.status.text()), timeout=WAIT_MS)

    # A retraining.
    window.commands.trigger("model.retrain")
    qtbot.waitUntil(lambda: window.findChild(RetrainDialog) is not None, timeout=WAIT_MS)
    dialog = window.findChild(RetrainDialog)
    assert dialog is not None
    qtbot.waitUntil(dialog.start.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(RunDialog) is not None, timeout=WAIT_MS)
    run = window.findChild(RunDialog)
    assert run is not None
    qtbot.waitUntil(
        lambda: run.page.status is not None and run.page.status.state is RunState.FINISHED,
        timeout=WAIT_MS,
    )
    run.close()

    # An export.
    out = tmp_path / "tags.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_o: (str(out), ""))
    window.commands.trigger("file.export-tags")
    qtbot.waitUntil(out.is_file, timeout=WAIT_MS)

    # Whether a better backbone may be offered.
    assert MAY_BE_ONLINE() in (True, False)
    window.close_library()
    assert attempts() == ""


def test_lite_itself_connects_to_nothing(attempts: Callable[[], str]) -> None:
    """The real model, in a process of its own, as the encoder loads it."""
    program = (
        "from trainer.backbone import load_backbone\n"
        "print(load_backbone('lite', 'cpu').encode_texts(['a dog']).shape)"
    )
    found = in_child(program)
    assert found.stdout.startswith("(1, "), found.stderr
    assert attempts() == ""


def test_no_part_of_the_app_speaks_to_the_network_by_itself() -> None:
    """Only the trainer's download does; and Qt's classes for it are not used."""
    root = Path(lmpt_desktop.__file__).parents[1]
    speaking = (
        "urllib.request", "http.client", "create_connection", "import requests", "import httpx",
        "QNetworkAccessManager", "QTcpSocket", "QUdpSocket",
        "hf_hub_download(", "get_hf_file_metadata(", "pooch.retrieve",
    )  # fmt: skip
    found = {
        path.relative_to(root).as_posix()
        for package in ("lmpt_desktop", "trainer")
        for path in (root / package).rglob("*.py")
        if any(word in path.read_text("utf-8") for word in speaking)
    }
    assert found == {"trainer/download.py"}
