from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.engine.training import fit_process
from lmpt_desktop.engine.training.fit_process import (
    FitFollower,
    FitOutcome,
    WaitingFit,
    request_stop,
    start_fit,
)
from trainer import job as jobs
from trainer import threads
from trainer.events import (
    MAX_LINE_BYTES,
    FitFailed,
    FitFinished,
    FitProgress,
    FitStarted,
    Message,
    to_line,
)
from trainer.run_files import EventFile, ProcessIdentity, is_alive, log_tail

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def job_folder(tmp_path: Path) -> Path:
    features = np.eye(3, 4, dtype=np.float16)
    job = jobs.FitJob(
        settings=jobs.JobSettings("fake"),
        classes=[jobs.JobClass("dog"), jobs.JobClass("cat")],
        image_ids=np.array([1, 2, 3]),
        features=features,
        targets=np.array([[1, 0], [0, 1], [1, -1]], np.int8),
        split=np.full(3, -1, np.int8),
        captions=["", "", ""],
        baseline_embeddings=np.eye(2, 4, dtype=np.float32),
        baseline_biases=np.zeros(2, np.float32),
        baseline_scale=1.0,
    )
    jobs.save(job, tmp_path / "job")
    return tmp_path / "job"


def follow(
    folder: Path,
    identity: ProcessIdentity | None,
    process: subprocess.Popen[bytes] | None,
) -> tuple[FitFollower, list[Message], list[FitOutcome]]:
    events: list[Message] = []
    outcomes: list[FitOutcome] = []
    follower = FitFollower(folder, identity, process, events.append, outcomes.append)
    follower.start()
    return follower, events, outcomes


def test_every_event_arrives_once_and_in_order(
    job_folder: Path, fit_command: list[str], until: Until
) -> None:
    process, identity = start_fit(job_folder, fit_command)
    _, events, outcomes = follow(job_folder, identity, process)
    until(lambda: outcomes)
    assert isinstance(events[0], FitStarted)
    assert [e.step for e in events if isinstance(e, FitProgress)] == [1, 2, 3]
    assert isinstance(outcomes[0].last, FitFinished)
    assert "a line of the log" in log_tail(job_folder)
    assert not is_alive(identity)


def test_a_run_goes_on_without_its_follower_and_can_be_followed_again(
    job_folder: Path, fit_command: list[str], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 20, "seconds_per_step": 0.05}))
    process, identity = start_fit(job_folder, fit_command)
    first, events, _ = follow(job_folder, identity, process)
    until(lambda: len(events) > 3)
    first.close()
    assert is_alive(identity)
    # The clock was set meanwhile.
    identity = ProcessIdentity(identity.pid, identity.created - 86_400)
    assert not is_alive(identity)
    assert is_alive(identity, job_folder)
    assert not is_alive(identity, job_folder.parent)
    _, events, outcomes = follow(job_folder, identity, None)
    until(lambda: process.poll() is not None)
    until(lambda: outcomes)
    assert [e.step for e in events if isinstance(e, FitProgress)] == list(range(1, 21))
    assert outcomes[0].exit_code is None


def test_a_stop_request_ends_the_run_and_keeps_its_result(
    job_folder: Path, fit_command: list[str], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 10_000, "seconds_per_step": 0.02}))
    process, identity = start_fit(job_folder, fit_command)
    _, events, outcomes = follow(job_folder, identity, process)
    until(lambda: len(events) > 2)
    request_stop(job_folder, process)
    until(lambda: outcomes)
    last = outcomes[0].last
    assert isinstance(last, FitFinished)
    assert last.cancelled


def test_a_killed_run_has_no_final_event(
    job_folder: Path, fit_command: list[str], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 10_000, "seconds_per_step": 0.02}))
    process, identity = start_fit(job_folder, fit_command)
    _, events, outcomes = follow(job_folder, identity, process)
    until(lambda: events)
    process.kill()
    until(lambda: outcomes)
    assert outcomes[0].last is None
    assert outcomes[0].exit_code == -9


def test_an_incomplete_line_is_read_once_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventFile(path)
    assert reader.read() == []
    line = to_line(FitFailed("error", "größer als erwartet")).encode()
    path.write_bytes(b"rubbish\n" + line[:40])
    assert reader.read() == []
    with path.open("ab") as file:
        file.write(line[40:])
    assert reader.read() == [FitFailed("error", "größer als erwartet")]
    assert reader.read() == []


def test_a_line_that_never_ends_takes_no_memory_and_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("wb") as file:
        file.truncate(5 * MAX_LINE_BYTES)
    reader = EventFile(path)
    for _ in range(3):
        assert reader.read() == []
        assert len(reader._rest) <= MAX_LINE_BYTES + 1
    with path.open("ab") as file:
        file.write(b"\n" + to_line(FitFailed("error", "at last")).encode())
    assert reader.read() == [FitFailed("error", "at last")]


def test_what_is_no_file_has_neither_events_nor_a_log(tmp_path: Path) -> None:
    for name in (jobs.EVENTS_NAME, jobs.LOG_NAME):
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / name)
        else:
            (tmp_path / name).mkdir()
    assert EventFile(tmp_path / jobs.EVENTS_NAME).read() == []
    assert log_tail(tmp_path) == ""


@given(lines=st.lists(st.binary(max_size=60) | st.sampled_from([b"[" * 5000, b'{"type": 3}'])))
def test_rubbish_among_the_events_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    line = to_line(FitFailed("error", "in the end")).encode()
    path.write_bytes(b"\n".join([*lines, b"", line]))
    assert EventFile(path).read() == [FitFailed("error", "in the end")]


def test_a_reused_pid_is_not_mistaken_for_the_run() -> None:
    mine = psutil.Process(os.getpid())
    assert is_alive(ProcessIdentity(mine.pid, mine.create_time()))
    assert not is_alive(ProcessIdentity(mine.pid, mine.create_time() - 3600))


def test_a_zombie_is_not_alive(until: Until) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    identity = ProcessIdentity(child.pid, time.time())
    try:
        identity = ProcessIdentity(child.pid, psutil.Process(child.pid).create_time())
        until(lambda: not is_alive(identity))
    finally:
        child.wait()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STUCK_SECONDS", "KILL_SECONDS"):
        monkeypatch.setattr(fit_process, name, 0.1)


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot stop a process with a signal")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("child", [True, False], ids=["of this app", "found again"])
def test_a_stopped_process_that_does_not_obey_is_killed(
    job_folder: Path, until: Until, *, child: bool
) -> None:
    process, identity = start_fit(job_folder, [sys.executable, "-c", "import time; time.sleep(99)"])
    process.send_signal(signal.SIGSTOP)
    follower, _, outcomes = follow(job_folder, identity, process if child else None)
    request_stop(job_folder, process)
    follower.expect_end()
    until(lambda: outcomes)
    assert outcomes[0].forced and outcomes[0].last is None
    assert process.wait() == -signal.SIGKILL


@pytest.mark.usefixtures("impatient")
def test_a_process_that_works_is_given_the_longer_time(
    job_folder: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it works at is to keep the best so far."""
    process, identity = start_fit(job_folder, [sys.executable, "-c", "while True: pass"])
    follower, _, outcomes = follow(job_folder, identity, process)
    until(lambda: psutil.Process(process.pid).cpu_times().user > 0.05)
    follower.expect_end()
    until(lambda: psutil.Process(process.pid).cpu_times().user > 0.3)
    assert not outcomes and process.poll() is None
    monkeypatch.setattr(fit_process, "STOP_SECONDS", 0.0)
    until(lambda: outcomes)
    assert outcomes[0].forced


def test_the_end_of_a_run_is_told_again_until_there_is_memory(
    job_folder: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "RETRY_SECONDS", 0)
    monkeypatch.setattr(fit_process, "POLL_SECONDS", 0)
    left = [MemoryError(), MemoryError(), MemoryError()]
    outcomes: list[FitOutcome] = []
    plain = FitFollower._alive

    def alive(follower: FitFollower) -> bool:
        if len(left) > 1:
            raise left.pop()
        return plain(follower)

    def tell(outcome: FitOutcome) -> None:
        if left:
            raise left.pop()
        outcomes.append(outcome)

    monkeypatch.setattr(FitFollower, "_alive", alive)
    FitFollower(job_folder, None, None, lambda _event: None, tell).start()
    until(lambda: outcomes)
    assert outcomes == [FitOutcome(None, None)]
    assert not left


WAITS = """
import json, os, pathlib, sys
jobs, wait = sys.argv[1:]
line = sys.stdin.readline()
folder = pathlib.Path(json.loads(line))
assert (str(folder.parent), wait) == (jobs, "--wait")
(folder / "told").write_text("yes")
sys.stdin.readline()
"""


def test_a_process_that_waits_is_told_its_job_and_known_when_the_clock_is_set(
    job_folder: Path, until: Until
) -> None:
    waiting = WaitingFit(job_folder.parent, [sys.executable, "-c", WAITS])
    process, identity = waiting.begin(job_folder)
    with process:
        until((job_folder / "told").exists)
        earlier = ProcessIdentity(identity.pid, identity.created - 86_400)
        assert is_alive(identity)
        assert not is_alive(earlier)
        assert is_alive(earlier, job_folder)
        request_stop(job_folder, process)
        assert process.wait(30) == 0


def test_a_process_that_waits_in_vain_is_ended(job_folder: Path) -> None:
    waiting = WaitingFit(job_folder.parent, [sys.executable, "-c", WAITS])
    waiting.end()
    with pytest.raises(OSError, match="has ended"):
        waiting.begin(job_folder)
