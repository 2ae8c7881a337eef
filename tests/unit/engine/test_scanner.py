"""What the scanner says of itself, whichever thread says it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.engine.attention import Attention
from lmpt_desktop.engine.notices import ActivityChanged, ActivityState, Notice, Problem
from lmpt_desktop.engine.scanner import Scanner
from lmpt_desktop.ingest import sync

WAIT = 30


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    opened = Catalogue.open(tmp_path / "library")
    yield opened
    opened.close()


@pytest.fixture
def folder(catalogue: Catalogue, tmp_path: Path) -> Folder:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (30, 20), "red").save(photos / "dog.jpg")
    return catalogue.folders.add(photos)


class Heard:
    """The states a scanner reports; the first report of one of them can be held up."""

    def __init__(self, held: ActivityState | None = None) -> None:
        self.states: list[ActivityState] = []
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self.idle = threading.Event()
        self._held = held

    def __call__(self, notice: Notice) -> None:
        if not isinstance(notice, ActivityChanged):
            return
        state = notice.activity.state
        if state is self._held:
            self._held = None
            self.arrived.set()
            self.go_on.wait(WAIT)
        self.states.append(state)
        if state is ActivityState.IDLE:
            self.idle.set()


def scanner(catalogue: Catalogue, heard: Callable[[Notice], None]) -> Scanner:
    nothing: Any = lambda *_: None  # noqa: E731
    return Scanner(catalogue, heard, nothing, nothing, nothing)


def test_a_scan_that_was_held_and_resumed_is_not_called_paused_at_the_end(
    catalogue: Catalogue, folder: Folder
) -> None:
    heard = Heard(held=ActivityState.PAUSED)
    made = scanner(catalogue, heard)
    made.pause()
    asking = threading.Thread(target=lambda: made.scan([folder]))
    asking.start()
    assert heard.arrived.wait(WAIT)
    resuming = threading.Thread(target=made.resume)
    resuming.start()
    resuming.join(1)  # it need not wait, but the scan must not end before "paused" was said
    heard.idle.wait(1)
    heard.go_on.set()
    asking.join(WAIT)
    resuming.join(WAIT)
    assert heard.idle.wait(WAIT)
    made.close()
    assert heard.states[-1] is ActivityState.IDLE


def test_progress_that_comes_late_does_not_hide_a_pause(
    catalogue: Catalogue, folder: Folder
) -> None:
    heard = Heard(held=ActivityState.RUNNING)
    made = scanner(catalogue, heard)
    made.scan([folder])
    assert heard.arrived.wait(WAIT)
    pausing = threading.Thread(target=made.pause)
    pausing.start()
    pausing.join(1)
    heard.go_on.set()
    pausing.join(WAIT)
    made.close()
    assert ActivityState.PAUSED in heard.states
    assert ActivityState.RUNNING not in heard.states[heard.states.index(ActivityState.PAUSED) :]


def test_cancelling_what_is_paused_says_that_nothing_goes_on(
    catalogue: Catalogue, folder: Folder
) -> None:
    heard = Heard()
    made = scanner(catalogue, heard)
    made.pause()
    made.scan([folder])
    made.cancel()
    made.close()
    assert heard.states == [ActivityState.PAUSED, ActivityState.IDLE]


class Told:
    """Everything a scanner says, by a function that at first has no memory to say it."""

    def __init__(self, failures: int = 0) -> None:
        self.problems: list[Problem] = []
        self.idle = threading.Event()
        self._failures = failures

    def __call__(self, notice: Notice) -> None:
        if isinstance(notice, Problem):
            if self._failures:
                self._failures -= 1
                raise MemoryError
            self.problems.append(notice)
        elif isinstance(notice, ActivityChanged) and notice.activity.state is ActivityState.IDLE:
            self.idle.set()


@pytest.mark.parametrize("raised", [MemoryError(), SystemExit(3), RuntimeError("no thread")])
def test_whatever_ends_a_scan_is_told_and_the_next_one_runs(
    catalogue: Catalogue, folder: Folder, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    monkeypatch.setattr("trainer.threads.RETRY_SECONDS", 0.0)

    def ends(*_: object, **__: object) -> None:
        raise raised

    told = Told(failures=2)
    made = scanner(catalogue, told)
    with monkeypatch.context() as patch:
        patch.setattr("lmpt_desktop.engine.scanner.sync", ends)
        made.scan([folder])
        assert told.idle.wait(WAIT)
    assert len(told.problems) == 1
    assert made.idle
    told.idle.clear()
    made.scan([folder])
    assert told.idle.wait(WAIT)
    made.close()
    assert len(catalogue.images.table().ids) == 1


def test_a_scan_needs_no_new_thread(
    catalogue: Catalogue, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python waits for ever for a thread that found no memory to begin."""
    told = Told()
    made = scanner(catalogue, told)
    never = threading.Event()
    monkeypatch.setattr(threading.Thread, "start", lambda _thread: never.wait())
    made.scan([folder])
    try:
        assert told.idle.wait(WAIT / 3)
    finally:
        never.set()
    made.close()
    assert len(catalogue.images.table().ids) == 1


def test_photos_of_an_earlier_version_are_described_when_nothing_else_is_to_do(
    catalogue: Catalogue, folder: Folder
) -> None:
    """What is done is said, and so is the end."""
    sync(catalogue, folder.id)
    ids = catalogue.images.table().ids
    with catalogue._store.write() as connection:
        connection.exec_driver_sql("DELETE FROM photo_details")
    messages: list[str] = []
    ended = threading.Event()

    def hear(notice: Notice) -> None:
        if isinstance(notice, ActivityChanged):
            messages.append(notice.activity.message)
            if notice.activity.state is ActivityState.IDLE:
                ended.set()

    def nothing(*_: object) -> None:
        pass

    scanner = Scanner(catalogue, hear, nothing, nothing, nothing)
    scanner.read_completely([folder])
    assert ended.wait(30)
    scanner.close()
    assert set(catalogue.photo_details.of(ids)) == set(ids.tolist())
    assert "Reading cameras, dates and keywords of photos" in messages


def test_reading_makes_way_for_what_is_made_for_the_screen(
    catalogue: Catalogue, folder: Folder
) -> None:
    class Asked(Attention):
        count = 0

        def make_way(self, seconds: float = 0.0) -> None:
            self.count += 1

    attention, heard = Asked(), Heard()
    nothing: Any = lambda *_: None  # noqa: E731
    made = Scanner(catalogue, heard, nothing, nothing, nothing, attention=attention)
    made.scan([folder])
    assert heard.idle.wait(WAIT)
    made.close()
    assert attention.count
    assert len(catalogue.images.table()) == 1
