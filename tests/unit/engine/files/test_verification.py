from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from altered_files import flip_bit, make_scanned_library, set_orientation

from lmpt_desktop.engine.files import verification as module
from lmpt_desktop.engine.files.verification import VerificationReport
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    Notice,
    Problem,
)
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.ingest import verify as ingest_verify
from lmpt_desktop.ingest.verify import Finding, FindingKind
from trainer import threads

NAMES = tuple(f"{number}.jpg" for number in range(6))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def notices() -> list[Notice]:
    return []


@pytest.fixture
def session(tmp_path: Path, photos: Path, notices: list[Notice]) -> Iterator[LibrarySession]:
    make_scanned_library(tmp_path / "library", photos, NAMES)
    with LibrarySession.open(
        tmp_path / "library", encode=False, folders=[], listener=notices.append
    ) as opened:
        assert opened.wait_until_idle(60)
        yield opened


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something that another thread does has happened."""
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.01)
    pytest.fail("it has not happened")


def ended(session: LibrarySession) -> VerificationReport:
    wait_for(lambda: not session.verification.running)
    report = session.verification.report
    assert report is not None
    return report


def activities(notices: list[Notice]) -> list[Activity]:
    return [
        notice.activity
        for notice in notices
        if isinstance(notice, ActivityChanged) and notice.activity.kind is ActivityKind.VERIFY
    ]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Semaphore]]:
    """A run waits before each photo: for the event, or for one turn of the semaphore."""
    free, turns = threading.Event(), threading.Semaphore(0)
    real = ingest_verify.inspect_file

    def waiting(*arguments: object, **options: object) -> object:
        while not free.is_set() and not turns.acquire(timeout=0.01):
            pass
        return real(*arguments, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(ingest_verify, "inspect_file", waiting)
    monkeypatch.setattr(module, "REPORT_SECONDS", 0.0)
    yield free, turns
    free.set()


def test_a_report_of_everything(
    session: LibrarySession, photos: Path, notices: list[Notice]
) -> None:
    flip_bit(photos / "1.jpg")
    set_orientation(photos / "2.jpg", 6)
    (photos / "3.jpg").unlink()
    assert session.verification.report is None
    assert session.verification.start()
    report = ended(session)
    assert report.counts == {
        FindingKind.FINE: 3,
        FindingKind.DAMAGED: 1,
        FindingKind.ALTERED: 1,
        FindingKind.GONE: 1,
    }
    assert [(item.path, item.kind) for item in report.findings] == [
        ("1.jpg", FindingKind.DAMAGED),
        ("2.jpg", FindingKind.ALTERED),
        ("3.jpg", FindingKind.GONE),
    ]
    assert (report.done, report.total, report.stopped, report.error) == (6, 6, False, "")
    wait_for(lambda: activities(notices)[-1].state is ActivityState.IDLE)
    assert activities(notices)[0].state is ActivityState.RUNNING


def test_one_run_at_a_time_and_only_the_chosen_folders(
    session: LibrarySession, held: tuple[threading.Event, threading.Semaphore]
) -> None:
    assert session.verification.start([99])
    assert ended(session).total == 0
    assert session.verification.start([1])
    assert not session.verification.start()
    held[0].set()
    assert ended(session).total == 6


def test_pause_resume_and_cancel(
    session: LibrarySession,
    notices: list[Notice],
    held: tuple[threading.Event, threading.Semaphore],
) -> None:
    _free, turns = held
    verification = session.verification
    verification.start()
    turns.release(2)
    wait_for(lambda: verification.progress.done == 2)
    session.activities.pause(ActivityKind.VERIFY)
    assert verification.progress.paused
    turns.release()
    wait_for(lambda: verification.progress.done == 3)
    turns.release()  # nobody reads while it is paused
    assert activities(notices)[-1].state is ActivityState.PAUSED
    session.activities.resume(ActivityKind.VERIFY)
    wait_for(lambda: verification.progress.done == 4)
    assert activities(notices)[-1].state is ActivityState.RUNNING
    verification.pause()
    turns.release()
    session.activities.cancel(ActivityKind.VERIFY)
    report = ended(session)
    assert report.stopped
    assert 4 <= report.done < 6


def test_closing_the_library_ends_the_run(
    session: LibrarySession, held: tuple[threading.Event, threading.Semaphore]
) -> None:
    session.verification.start()
    session.verification.pause()
    held[0].set()
    session.close()
    assert not session.verification.running
    assert not session.verification.report or session.verification.report.stopped


def test_changes_are_taken_over(session: LibrarySession, photos: Path) -> None:
    set_orientation(photos / "2.jpg", 6)
    session.verification.start()
    (finding,) = ended(session).findings
    session.verification.take_over([finding.image_id])
    report = session.verification.report
    assert report is not None
    assert report.taken_over == {finding.image_id}
    assert session.wait_until_idle(60)
    details = session.catalogue.images.details(finding.image_id)
    assert (details.width, details.height) == (120, 160)
    session.verification.start()
    assert ended(session).counts == {FindingKind.FINE: 6}


def test_the_report_as_a_file(session: LibrarySession, photos: Path, tmp_path: Path) -> None:
    flip_bit(photos / "4.jpg")
    session.verification.start()
    ended(session)
    out = tmp_path / "report.csv"
    assert session.verification.save_report(out) == 1
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["path"], row["finding"]) == (str(photos / "4.jpg"), "damaged")
    with pytest.raises(OSError, match="No such file"):
        session.verification.save_report(tmp_path / "nowhere" / "report.csv")


def test_a_failure_is_said_and_keeps_what_was_found(
    session: LibrarySession, notices: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object, **_options: object) -> Iterator[Finding]:
        yield Finding(FindingKind.GONE, Path("/photos"), "1.jpg", 1, 10)
        raise RuntimeError("no more")

    monkeypatch.setattr(module, "verify", failing)
    session.verification.start()
    report = ended(session)
    assert report.stopped
    assert "no more" in report.error
    assert len(report.findings) == 1
    wait_for(lambda: any(isinstance(notice, Problem) for notice in notices))


def test_the_list_is_bounded_and_the_count_is_not(
    session: LibrarySession, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_FINDINGS", 2)
    for name in NAMES[:4]:
        (photos / name).unlink()
    session.verification.start()
    report = ended(session)
    assert len(report.findings) == 2
    assert report.counts[FindingKind.GONE] == 4


def test_a_run_that_ends_without_memory_is_concluded_once_there_is_some(
    session: LibrarySession, notices: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "RETRY_SECONDS", 0)
    left = [MemoryError(), MemoryError()]

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    def text(error: object) -> str:
        if left:
            raise left.pop()
        return message_of(error)

    monkeypatch.setattr(module, "verify", fail)
    monkeypatch.setattr(module, "message_of", text)
    session.verification.start()
    assert "not enough memory" in ended(session).error
    wait_for(lambda: isinstance(notices[-1], Problem))
