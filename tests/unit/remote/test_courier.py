from __future__ import annotations

import json
import random
import shlex
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from loopback_ssh import NAME, SUPPORT, FarComputer

from trainer import job as jobs
from trainer import prompt_set
from trainer.cancel import CancelToken
from trainer.events import (
    Away,
    FarHello,
    FitAway,
    FitFailed,
    FitFinished,
    FitProgress,
    FitStarted,
    RunEvent,
    to_line,
)
from trainer.remote import PROTOCOL
from trainer.remote import courier as couriers
from trainer.remote import machine as machines
from trainer.remote.courier import NOT_TOLD, Courier, Note, read_note, relayed, write_note
from trainer.remote.machine import SshMachine
from trainer.remote.streams import JOB_FILES
from trainer.remote.trouble import Trouble

FAKE = str(SUPPORT / "fake_fit.py")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couriers, "PAUSES", (0.05, 0.1))


def slow(other: FarComputer, steps: int, seconds: float = 0.02, **more: object) -> None:
    options = shlex.quote(json.dumps({"steps": steps, "seconds_per_step": seconds} | more))
    other.real_program(before=f"export FAKE_FIT={options}", fit=FAKE)


class Carried:
    """A courier at work on a thread."""

    def __init__(self, folder: Path, ssh: tuple[str, ...]) -> None:
        self.events: list[RunEvent] = []
        self.cancel = CancelToken()
        self.courier = Courier(folder, SshMachine(NAME, ssh), self.events.append, self.cancel)
        self._thread = threading.Thread(target=self.courier.run, daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline and not self.over, self.events
            time.sleep(0.01)

    def outcome(self) -> RunEvent:
        self._thread.join(90)
        assert self.over, self.events
        return self.events[-1]

    @property
    def steps(self) -> list[int]:
        return [event.step for event in self.events if isinstance(event, FitProgress)]

    @property
    def ways(self) -> list[Away]:
        return [event.state for event in self.events if isinstance(event, FitAway)]


def clients() -> list[psutil.Process]:
    """The ssh processes of this test."""
    found = []
    for process in psutil.Process().children():
        try:
            if process.name() == "ssh":
                found.append(process)
        except psutil.Error:
            continue
    return found


def there(other: FarComputer) -> list[Path]:
    return list(other.jobs.iterdir())


def runs_there(other: FarComputer) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(other.jobs) in word for word in process.info["cmdline"] or ())
        and FAKE in (process.info["cmdline"] or ())
    ]


def failed(event: RunEvent) -> str:
    assert isinstance(event, FitFailed), event
    return event.message


def test_a_run_there_ends_as_one_here_would(other: FarComputer, job_folder: Path) -> None:
    carried = Carried(job_folder, other.ssh)
    outcome = carried.outcome()
    assert isinstance(outcome, FitFinished), outcome
    assert outcome.prompt_set == str(job_folder / jobs.RESULT_NAME)
    assert prompt_set.load(job_folder / jobs.RESULT_NAME).classes == ["dog", "cat"]
    assert carried.steps == [1, 2, 3]
    assert carried.ways == [Away.SENDING, Away.RUNNING, Away.FETCHING]
    assert isinstance(carried.events[2], FitStarted)
    assert not there(other), "nothing stays there"
    left = {path.name for path in job_folder.iterdir()}
    assert left == {*JOB_FILES, couriers.NOTE_NAME, jobs.RESULT_NAME}


def test_connections_cut_at_random_lose_and_repeat_nothing(
    other: FarComputer, job_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "SENDINGS", 100)
    slow(other, 150)
    chance = random.Random(17)
    carried = Carried(job_folder, other.ssh)
    kills = 0
    while not carried.over and kills < 12:
        time.sleep(chance.uniform(0.05, 0.8))
        for process in clients():
            kills += 1
            process.kill()
    outcome = carried.outcome()
    assert isinstance(outcome, FitFinished), outcome
    assert carried.steps == list(range(1, 151))
    assert Away.LOST in carried.ways
    assert prompt_set.load(job_folder / jobs.RESULT_NAME).classes == ["dog", "cat"]
    assert not there(other)


def test_a_connection_that_stands_still_is_made_again(
    other: FarComputer, job_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(other, 200)
    carried = Carried(job_folder, other.ssh)
    carried.until(lambda: len(carried.steps) > 3)
    monkeypatch.setattr(machines, "SILENCE_SECONDS", 20.0)
    assert carried.courier._connection is not None
    carried.courier._connection.patience(1.0)
    for process in clients():
        process.suspend()
    outcome = carried.outcome()
    assert isinstance(outcome, FitFinished), outcome
    assert carried.steps == list(range(1, 201))
    lost = next(e for e in carried.events if isinstance(e, FitAway) and e.state is Away.LOST)
    assert lost.reason == Trouble.SILENT.sentence


def test_what_is_sent_in_part_is_thrown_away_there_and_sent_again(
    other: FarComputer, job_folder: Path
) -> None:
    # The first time, the other side greets and ends after a while of reading.
    once = other.folder / "once"
    once.unlink(missing_ok=True)
    hello = shlex.quote(to_line(FarHello(PROTOCOL, "1")).strip())
    cut = f"touch {once}; echo {hello}; head -c 2000 >/dev/null; kill -9 $PPID; exit 255"
    other.real_program(before=f'if [ "$2" = start ] && [ ! -e {once} ]; then {cut}; fi', fit=FAKE)
    carried = Carried(job_folder, other.ssh)
    outcome = carried.outcome()
    assert isinstance(outcome, FitFinished), outcome
    assert carried.steps == [1, 2, 3]
    assert Away.LOST in carried.ways


def test_the_best_so_far_is_kept_when_it_is_cancelled(other: FarComputer, job_folder: Path) -> None:
    slow(other, 100_000)
    carried = Carried(job_folder, other.ssh)
    carried.until(lambda: len(carried.steps) > 2)
    carried.cancel.request()
    outcome = carried.outcome()
    assert isinstance(outcome, FitFinished), outcome
    assert outcome.cancelled
    assert (job_folder / jobs.RESULT_NAME).is_dir()
    assert not runs_there(other)
    assert not there(other)


def test_it_is_cancelled_although_its_connection_stands_still(
    other: FarComputer, job_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "STALLED_SECONDS", 0.5)
    slow(other, 100_000)
    carried = Carried(job_folder, other.ssh)
    carried.until(lambda: len(carried.steps) > 2)
    for process in clients():
        process.suspend()
    carried.cancel.request()
    outcome = carried.outcome()
    assert isinstance(outcome, FitFinished), outcome
    assert outcome.cancelled
    assert not runs_there(other)


def test_one_that_cannot_be_told_is_cancelled_here_and_says_so(
    other: FarComputer, job_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "CANCEL_SECONDS", 0.5)
    slow(other, 100_000)
    carried = Carried(job_folder, other.ssh)
    carried.until(lambda: len(carried.steps) > 2)
    other.no_program()  # as if it were out of reach
    for process in clients():
        process.kill()
    carried.until(lambda: Away.LOST in carried.ways)
    carried.cancel.request()
    assert failed(carried.outcome()) == NOT_TOLD
    slow(other, 1)
    note = read_note(job_folder)
    assert note is not None
    SshMachine(NAME, other.ssh).ask("cancel", note.job_id)
    SshMachine(NAME, other.ssh).ask("forget", note.job_id)
    assert not runs_there(other)
    assert not there(other)


def test_a_courier_started_again_finds_the_run_and_goes_on(
    other: FarComputer, job_folder: Path
) -> None:
    slow(other, 100)
    first = Carried(job_folder, other.ssh)
    first.until(lambda: len(first.steps) > 5)
    first.courier._given_up.set()  # as if it were killed
    first.courier._cut()
    first.outcome()
    with (job_folder / jobs.EVENTS_NAME).open("w") as file:
        file.writelines(to_line(event) for event in first.events[:-1])
        file.write('{"type": "FitProg')
    assert relayed(job_folder) == len(first.steps) + 1
    second = Carried(job_folder, other.ssh)
    outcome = second.outcome()
    assert isinstance(outcome, FitFinished), outcome
    assert first.steps + second.steps == list(range(1, 101))
    assert Away.SENDING not in second.ways


def test_a_job_that_is_there_is_not_sent_again(other: FarComputer, job_folder: Path) -> None:
    slow(other, 60)
    first = Carried(job_folder, other.ssh)
    first.until(lambda: first.steps)
    note = read_note(job_folder)
    assert note is not None
    assert note.started
    # As if the connection had been lost just before it was known that the job had arrived.
    first.courier._given_up.set()
    first.courier._cut()
    first.outcome()
    write_note(job_folder, Note(NAME, note.job_id))
    second = Carried(job_folder, other.ssh)
    outcome = second.outcome()
    assert isinstance(outcome, FitFinished), outcome
    assert second.steps == list(range(1, 61))


def test_a_run_that_is_not_there_any_more_says_so(other: FarComputer, job_folder: Path) -> None:
    write_note(job_folder, Note(NAME, "0" * 32, started=True))
    assert failed(Carried(job_folder, other.ssh).outcome()) == Trouble.NO_JOB.sentence


@pytest.mark.parametrize("end", ["die", "fail", "fail_after_result", "die_after_result"])
def test_a_run_that_fails_there_fails_as_one_here(
    other: FarComputer, job_folder: Path, end: str
) -> None:
    slow(other, 2, end=end)
    outcome = Carried(job_folder, other.ssh).outcome()
    kept = (job_folder / jobs.RESULT_NAME).is_dir()
    assert kept == end.endswith("result")
    if end == "die_after_result":
        assert isinstance(outcome, FitFinished)
    elif end == "die":
        assert failed(outcome) == Trouble.NO_RESULT.sentence
    else:
        assert failed(outcome) == "The loss is not a number any more."
    assert not there(other)


def test_a_full_disk_there_is_said(other: FarComputer, job_folder: Path) -> None:
    other.real_program(before="ulimit -f 4", fit=FAKE)
    assert failed(Carried(job_folder, other.ssh).outcome()) == Trouble.FULL.sentence
    assert not there(other)


def test_what_cannot_be_reached_at_first_fails_at_once(
    other: FarComputer, job_folder: Path
) -> None:
    carried = Carried(job_folder, (*other.ssh, "-o", "Port=1"))
    assert failed(carried.outcome()) == Trouble.UNREACHABLE.sentence
    assert carried.ways == [Away.SENDING]


@pytest.mark.parametrize("mode", ["outside", "link", "huge", "not-valid"])
def test_a_result_that_is_none_is_thrown_away(
    other: FarComputer, job_folder: Path, mode: str
) -> None:
    before = {path.name for path in job_folder.iterdir()} | {couriers.NOTE_NAME}
    other.python(str(SUPPORT / "hostile_far_side.py"), mode)
    outcome = Carried(job_folder, other.ssh).outcome()
    assert failed(outcome) == Trouble.BAD_RESULT.sentence
    assert {path.name for path in job_folder.iterdir()} == before
    assert not (job_folder.parent / "outside").exists()


def test_events_without_end_are_bounded(
    other: FarComputer, job_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "MOST_EVENTS", 500)
    other.python(str(SUPPORT / "hostile_far_side.py"), "endless-events")
    carried = Carried(job_folder, other.ssh)
    assert failed(carried.outcome()) == Trouble.FLOOD.sentence
    assert len(carried.steps) == 500


@pytest.mark.parametrize("change", ["classes", "held_out", "backbone"])
def test_a_result_of_another_training_is_thrown_away(
    other: FarComputer, job_folder: Path, change: str
) -> None:
    fit = other.folder / "other_fit.py"
    fit.write_text(
        "import fake_fit, json\nfrom trainer import prompt_set\n"
        "save = prompt_set.save\n"
        "def other(made, folder):\n"
        f"    object.__setattr__(made, {change!r}, {{'classes': ['a', 'b'], 'held_out': [999], "
        f"'backbone': 'x'}}[{change!r}])\n"
        "    save(made, folder)\n"
        "prompt_set.save = other\nfake_fit.main()\n"
    )
    other.real_program(fit=str(fit))
    carried = Carried(job_folder, other.ssh)
    assert failed(carried.outcome()) == Trouble.BAD_RESULT.sentence
    assert not (job_folder / jobs.RESULT_NAME).exists()
    note = read_note(job_folder)
    assert note is not None
    SshMachine(NAME, other.ssh).ask("forget", note.job_id)
