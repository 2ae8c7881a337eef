"""Work off the window's thread: its answer, and when there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task, call_soon
from trainer import threads

WAIT_SECONDS = 10


class Work:
    """A piece of work that goes on until it is let go, and then returns its name or raises."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self._error = error
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self) -> str:
        self.thread = threading.current_thread()
        self.begun.set()
        assert self.gate.wait(WAIT_SECONDS)
        if self._error is not None:
            raise self._error
        return self.name

    def let_go(self) -> Work:
        self.gate.set()
        return self


class Answers:
    """What was answered, and on which thread."""

    def __init__(self) -> None:
        self.results: list[str] = []
        self.errors: list[Exception] = []
        self.threads: set[threading.Thread] = set()

    def done(self, result: str) -> None:
        self.results.append(result)
        self.threads.add(threading.current_thread())

    def failed(self, error: Exception) -> None:
        self.errors.append(error)
        self.threads.add(threading.current_thread())


@pytest.fixture
def owner(qtbot: QtBot) -> QObject:
    return QObject()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """One thread, so that what was submitted runs in order."""
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def everything_answered(pool: ThreadPoolExecutor, qtbot: QtBot) -> Callable[[], None]:
    """Waits until the pool's work is over and the window's thread has heard of it."""

    def wait() -> None:
        pool.submit(int).result(WAIT_SECONDS)
        heard: list[int] = []
        call_soon(lambda: heard.append(1))
        qtbot.waitUntil(lambda: bool(heard))

    return wait


# ------------------------------------------------------------------------------------- Task


def test_work_runs_on_a_pool_thread_and_its_answer_comes_on_the_windows(
    owner: QObject, answers: Answers, qtbot: QtBot
) -> None:
    work = Work("answer").let_go()
    Task(work, answers.done, answers.failed, owner=owner)
    qtbot.waitUntil(lambda: answers.results == ["answer"])
    assert work.thread is not threading.main_thread()
    assert answers.threads == {threading.main_thread()} and not answers.errors


def test_an_error_comes_on_the_windows_thread(
    owner: QObject, answers: Answers, qtbot: QtBot
) -> None:
    error = OSError("no room")
    Task(Work("", error).let_go(), answers.done, answers.failed, owner=owner)
    qtbot.waitUntil(lambda: answers.errors == [error])
    assert answers.threads == {threading.main_thread()} and not answers.results


def test_an_error_that_nobody_handles_is_logged(
    owner: QObject, caplog: pytest.LogCaptureFixture, qtbot: QtBot
) -> None:
    Task(Work("", OSError("no room")).let_go(), owner=owner)
    qtbot.waitUntil(lambda: "background work failed" in caplog.text)
    assert "no room" in caplog.text


@pytest.mark.parametrize("error", [None, OSError("no room")])
def test_nothing_is_answered_once_the_owner_is_deleted(
    answers: Answers,
    pool: ThreadPoolExecutor,
    everything_answered: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
    error: Exception | None,
) -> None:
    owner, work = QObject(), Work("answer", error)
    Task(work, answers.done, answers.failed, owner=owner, pool=pool)
    assert work.begun.wait(WAIT_SECONDS)
    delete(owner)
    work.let_go()
    everything_answered()
    assert not answers.results and not answers.errors and not caplog.records


def test_without_an_owner_the_answer_always_comes(answers: Answers, qtbot: QtBot) -> None:
    Task(Work("closed").let_go(), answers.done, owner=None)
    qtbot.waitUntil(lambda: answers.results == ["closed"])


def test_nothing_is_answered_once_cancelled(
    owner: QObject,
    answers: Answers,
    pool: ThreadPoolExecutor,
    everything_answered: Callable[[], None],
) -> None:
    work = Work("answer")
    task = Task(work, answers.done, answers.failed, owner=owner, pool=pool)
    assert work.begun.wait(WAIT_SECONDS)
    task.cancel()
    work.let_go()
    everything_answered()
    assert not answers.results and not answers.errors


def test_work_that_has_not_begun_does_not_begin_once_cancelled(
    owner: QObject,
    answers: Answers,
    pool: ThreadPoolExecutor,
    everything_answered: Callable[[], None],
) -> None:
    first, second = Work("first"), Work("second").let_go()
    Task(first, answers.done, owner=owner, pool=pool)
    Task(second, answers.done, owner=owner, pool=pool).cancel()
    first.let_go()
    everything_answered()
    assert answers.results == ["first"] and not second.begun.is_set()


# ---------------------------------------------------------------------------- LatestRequest


def test_of_overlapping_requests_the_newest_wins_though_an_older_one_ends_later(
    owner: QObject, answers: Answers, qtbot: QtBot
) -> None:
    with ThreadPoolExecutor(2) as threads:
        request = LatestRequest(answers.done, answers.failed, owner=owner, pool=threads)
        old, new = Work("old"), Work("new")
        request.ask(old)
        assert old.begun.wait(WAIT_SECONDS)
        request.ask(new)
        assert new.begun.wait(WAIT_SECONDS), "it does not wait for the one before it"
        new.let_go()
        qtbot.waitUntil(lambda: answers.results == ["new"])
        assert not request.busy
        old.let_go()
    qtbot.wait(20)
    assert answers.results == ["new"]


def test_the_error_of_an_older_request_is_dropped(
    owner: QObject,
    answers: Answers,
    pool: ThreadPoolExecutor,
    everything_answered: Callable[[], None],
) -> None:
    request = LatestRequest(answers.done, answers.failed, owner=owner, pool=pool)
    old = Work("", OSError("no room"))
    request.ask(old)
    assert old.begun.wait(WAIT_SECONDS)
    request.ask(Work("new").let_go())
    old.let_go()
    everything_answered()
    assert answers.results == ["new"] and not answers.errors


def test_without_overlap_the_running_request_is_answered_then_the_newest_that_waits(
    owner: QObject, answers: Answers, qtbot: QtBot
) -> None:
    request = LatestRequest(answers.done, owner=owner, overlap=False)
    first, second, third = Work("first"), Work("second").let_go(), Work("third").let_go()
    request.ask(first)
    assert first.begun.wait(WAIT_SECONDS)
    request.ask(second)
    request.ask(third)
    assert not third.begun.is_set(), "one request runs at a time"
    first.let_go()
    qtbot.waitUntil(lambda: answers.results == ["first", "third"])
    assert not second.begun.is_set() and not request.busy


def test_without_overlap_the_one_that_waits_runs_after_an_error_too(
    owner: QObject, answers: Answers, qtbot: QtBot
) -> None:
    request = LatestRequest(answers.done, answers.failed, owner=owner, overlap=False)
    error = OSError("no room")
    first = Work("", error)
    request.ask(first)
    request.ask(Work("second").let_go())
    first.let_go()
    qtbot.waitUntil(lambda: answers.results == ["second"])
    assert answers.errors == [error]


@pytest.mark.parametrize("overlap", [True, False])
def test_it_is_busy_until_the_last_answer(owner: QObject, qtbot: QtBot, overlap: bool) -> None:
    busy: list[bool] = []
    request: LatestRequest[str] = LatestRequest(
        lambda _result: busy.append(request.busy), owner=owner, overlap=overlap
    )
    assert not request.busy
    first = Work("first")
    request.ask(first)
    assert request.busy
    request.ask(Work("second").let_go())
    first.let_go()
    qtbot.waitUntil(lambda: not request.busy)
    # Within the first of two answers another one is still to come.
    assert busy == ([False] if overlap else [True, False])


@pytest.mark.parametrize("overlap", [True, False])
def test_a_cancelled_request_is_not_answered_and_neither_is_the_one_that_waits(
    owner: QObject,
    answers: Answers,
    pool: ThreadPoolExecutor,
    everything_answered: Callable[[], None],
    overlap: bool,
) -> None:
    request = LatestRequest(answers.done, owner=owner, overlap=overlap, pool=pool)
    first, second = Work("first"), Work("second").let_go()
    request.ask(first)
    assert first.begun.wait(WAIT_SECONDS)
    request.ask(second)
    request.cancel()
    assert not request.busy
    first.let_go()
    everything_answered()
    assert not answers.results and not second.begun.is_set()
    request.ask(Work("third").let_go())
    everything_answered()
    assert answers.results == ["third"]


@pytest.mark.parametrize("overlap", [True, False])
def test_the_next_request_can_be_made_from_within_an_answer(
    owner: QObject, qtbot: QtBot, overlap: bool
) -> None:
    results: list[str] = []

    def done(result: str) -> None:
        results.append(result)
        if len(results) < 3:
            request.ask(Work(f"{result}+").let_go())

    request: LatestRequest[str] = LatestRequest(done, owner=owner, overlap=overlap)
    request.ask(Work("a").let_go())
    qtbot.waitUntil(lambda: results == ["a", "a+", "a++"])
    assert not request.busy


def test_a_request_made_within_an_answer_replaces_the_one_that_waited(
    owner: QObject, qtbot: QtBot
) -> None:
    results: list[str] = []

    def done(result: str) -> None:
        results.append(result)
        if result == "first":
            request.ask(Work("newest").let_go())

    request: LatestRequest[str] = LatestRequest(done, owner=owner, overlap=False)
    first, waiting = Work("first"), Work("waiting").let_go()
    request.ask(first)
    request.ask(waiting)
    first.let_go()
    qtbot.waitUntil(lambda: not request.busy)
    assert results == ["first", "newest"] and not waiting.begun.is_set()


@pytest.mark.parametrize("overlap", [True, False])
def test_requests_are_dropped_with_their_owner(
    owner: QObject,
    answers: Answers,
    pool: ThreadPoolExecutor,
    everything_answered: Callable[[], None],
    overlap: bool,
) -> None:
    request = LatestRequest(answers.done, answers.failed, owner=owner, overlap=overlap, pool=pool)
    first = Work("first")
    request.ask(first)
    request.ask(Work("second").let_go())
    assert first.begun.wait(WAIT_SECONDS)
    delete(owner)
    first.let_go()
    everything_answered()
    assert not answers.results and not answers.errors


def test_an_error_of_a_request_that_nobody_handles_is_logged(
    owner: QObject, answers: Answers, caplog: pytest.LogCaptureFixture, qtbot: QtBot
) -> None:
    request = LatestRequest(answers.done, owner=owner)
    request.ask(Work("", OSError("no room")).let_go())
    qtbot.waitUntil(lambda: not request.busy)
    assert "background work failed" in caplog.text


def test_an_answer_comes_once_there_is_memory_for_it(
    owner: QObject, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "RETRY_SECONDS", 0)
    left = [MemoryError(), MemoryError()]

    def call(function: Callable[[], object]) -> None:
        if left:
            raise left.pop()
        call_soon(function)

    monkeypatch.setattr(tasks, "call_soon", call)
    answers = Answers()
    Task(lambda: "done", answers.done, answers.failed, owner=owner)
    qtbot.waitUntil(lambda: bool(answers.results), timeout=WAIT_SECONDS * 1000)
    assert answers.results == ["done"] and not left
