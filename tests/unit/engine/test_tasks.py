from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from lmpt_desktop.engine.tasks import Worker

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def worker(errors: list[Exception]) -> Iterator[Worker]:
    made = Worker("test", errors.append)
    yield made
    made.close()


def test_tasks_of_one_name_waiting_together_run_once(worker: Worker, until: Until) -> None:
    gate = threading.Event()
    ran: list[str] = []

    def wait() -> None:
        gate.wait()

    worker.post("gate", wait)
    for number in range(5):
        worker.post("predict", lambda number=number: ran.append(str(number)))
    worker.post("other", lambda: ran.append("other"))
    gate.set()
    until(lambda: worker.idle)
    assert sorted(ran) == ["4", "other"]


def test_a_spaced_task_runs_at_once_and_then_at_intervals(worker: Worker, until: Until) -> None:
    ran: list[int] = []
    worker.post("predict", lambda: ran.append(1), 3600)
    until(lambda: ran == [1])
    until(lambda: worker.idle)
    worker.post("predict", lambda: ran.append(2), 3600)
    assert not worker.idle
    worker.post("predict", lambda: ran.append(3))
    until(lambda: worker.idle)
    assert ran == [1, 3]


def test_a_failing_task_is_reported_and_the_next_one_runs(
    worker: Worker, errors: list[Exception], until: Until
) -> None:
    ran: list[int] = []

    def fail() -> None:
        raise RuntimeError("no")

    worker.post("a", fail)
    worker.post("b", lambda: ran.append(1))
    until(lambda: worker.idle)
    assert [str(error) for error in errors] == ["no"]
    assert ran == [1]


def test_nothing_runs_after_closing(worker: Worker) -> None:
    worker.close()
    worker.post("a", lambda: pytest.fail("ran"))
    assert worker.idle


@pytest.mark.parametrize("raised", [MemoryError(), SystemExit(3)])
def test_whatever_a_task_raises_is_told_and_the_next_one_runs(
    monkeypatch: pytest.MonkeyPatch, until: Until, raised: BaseException
) -> None:
    monkeypatch.setattr("trainer.threads.RETRY_SECONDS", 0.0)
    told: list[Exception] = []
    full = [True, True]

    def tell(error: Exception) -> None:
        if full:
            full.pop()
            raise MemoryError
        told.append(error)

    def ends() -> None:
        raise raised

    worker, ran = Worker("test", tell), threading.Event()
    worker.post("ends", ends)
    worker.post("runs", ran.set)
    assert ran.wait(30)
    until(lambda: worker.idle)
    worker.close()
    assert len(told) == 1
