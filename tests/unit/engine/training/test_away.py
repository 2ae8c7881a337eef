"""Retraining on another computer, from the session's side."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable

import psutil
import pytest
from loopback_ssh import NAME, SUPPORT, FarComputer

from lmpt_desktop.catalogue import RunState
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.engine.training.jobs import RetrainOptions
from lmpt_desktop.engine.training.retrain import RunStatus
from trainer.events import Away, FitAway, FitFailed, FitProgress
from trainer.remote.trouble import Trouble

Until = Callable[..., None]
FAKE = str(SUPPORT / "fake_fit.py")
THERE = RetrainOptions(machine=NAME)


@pytest.fixture(autouse=True)
def reachable(other: FarComputer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's ssh knows the other computer."""
    monkeypatch.setenv("PATH", f"{other.path}{os.pathsep}{os.environ['PATH']}")


def slow(other: FarComputer, steps: int) -> None:
    options = shlex.quote(json.dumps({"steps": steps, "seconds_per_step": 0.02}))
    other.real_program(before=f"export FAKE_FIT={options}", fit=FAKE)


def status(session: LibrarySession) -> RunStatus:
    found = session.training.current_run()
    assert found is not None
    return found


def steps(session: LibrarySession) -> list[int]:
    return [event.step for event in status(session).events if isinstance(event, FitProgress)]


def ended(session: LibrarySession) -> bool:
    return status(session).state not in (RunState.PREPARING, RunState.RUNNING)


def courier(session: LibrarySession, run: int) -> psutil.Process:
    pid = session.catalogue.runs.get(run).pid
    assert pid is not None
    return psutil.Process(pid)


def test_a_retraining_there_makes_a_version_here(
    reviewed_session: LibrarySession, other: FarComputer, until: Until
) -> None:
    run = reviewed_session.training.start(THERE)
    until(lambda: ended(reviewed_session), 60)
    found = status(reviewed_session)
    assert found.state is RunState.FINISHED, found
    assert found.version_id is not None
    assert steps(reviewed_session) == [1, 2, 3]
    made = next(item for item in reviewed_session.versions.all() if item.run_id == run)
    reviewed_session.versions.promote(made.version_id)
    assert reviewed_session.wait_until_idle(60)
    assert reviewed_session.snapshot().trained.all()
    assert not list(other.jobs.iterdir())
    # How long it takes there says nothing of this computer.
    assert reviewed_session.training.preflight().expected_seconds is None
    there = reviewed_session.training.preflight(NAME)
    assert there.device == NAME
    assert there.expected_seconds is not None


def test_a_run_is_found_again_after_everything_here_has_died(
    reviewed_session: LibrarySession,
    other: FarComputer,
    until: Until,
    encoder_command: list[str],
    fit_command: list[str],
) -> None:
    slow(other, 150)
    run = reviewed_session.training.start(THERE)
    until(lambda: len(steps(reviewed_session)) > 3, 60)
    process = courier(reviewed_session, run)
    reviewed_session.training.close()
    process.kill()
    folder = reviewed_session.catalogue.library_folder
    reviewed_session.close()
    with LibrarySession.open(folder, commands=Commands(encoder_command, fit_command)) as again:
        until(lambda: ended(again), 60)
        assert status(again).state is RunState.FINISHED, status(again)
        assert steps(again) == list(range(1, 151))


def test_what_follows_a_run_there_is_started_again_where_it_dies(
    reviewed_session: LibrarySession, other: FarComputer, until: Until
) -> None:
    slow(other, 150)
    run = reviewed_session.training.start(THERE)
    until(lambda: len(steps(reviewed_session)) > 3, 60)
    courier(reviewed_session, run).kill()
    until(lambda: ended(reviewed_session), 60)
    assert status(reviewed_session).state is RunState.FINISHED
    assert steps(reviewed_session) == list(range(1, 151))


def test_it_is_cancelled_with_the_best_kept(
    reviewed_session: LibrarySession, other: FarComputer, until: Until
) -> None:
    slow(other, 100_000)
    run = reviewed_session.training.start(THERE)
    until(lambda: len(steps(reviewed_session)) > 3, 60)
    reviewed_session.training.cancel(run)
    until(lambda: ended(reviewed_session), 60)
    assert status(reviewed_session).state is RunState.CANCELLED
    assert status(reviewed_session).version_id is not None


def test_one_that_cannot_be_reached_says_so_and_changes_nothing(
    reviewed_session: LibrarySession, other: FarComputer, until: Until
) -> None:
    other.no_program()
    reviewed_session.training.start(THERE)
    until(lambda: ended(reviewed_session), 60)
    found = status(reviewed_session)
    assert found.state is RunState.FAILED
    assert found.message == Trouble.NO_TRAINER.sentence
    assert [type(event) for event in found.events] == [FitAway, FitFailed]
    assert found.events[0] == FitAway(NAME, Away.SENDING)
