"""The library of the other tests, with processes that the tests play."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from played_runs import WAITING_FIT, PlayedRun
from ui_libraries import OpenSession

from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.engine.training import fit_process

ENCODER = Path(__file__).parents[3] / "support" / "fake_encoder.py"

StartRun = Callable[..., PlayedRun]


@pytest.fixture
def commands() -> Commands:
    return Commands(encode=(sys.executable, str(ENCODER)), fit=WAITING_FIT)


@pytest.fixture
def session(library: Path, open_session: OpenSession, commands: Commands) -> LibrarySession:
    return open_session(library, commands=commands)


@pytest.fixture
def start_run(session: LibrarySession, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartRun]:
    """Starts retrainings, or takes over one that was started, and ends their processes."""
    monkeypatch.setattr(fit_process, "POLL_SECONDS", 0.01)
    runs: list[PlayedRun] = []

    def start(run_id: int | None = None) -> PlayedRun:
        runs.append(PlayedRun(session, run_id))
        return runs[-1]

    yield start
    for run in runs:
        run.end()
