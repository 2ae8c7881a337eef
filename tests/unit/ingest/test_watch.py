"""Changes in folders are noticed as they happen."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from watchdog.events import DirCreatedEvent, DirMovedEvent, FileCreatedEvent, FileMovedEvent

from lmpt_desktop.ingest import EVERYTHING, FolderWatch, Scope
from lmpt_desktop.ingest import watch as watch_module
from lmpt_desktop.ingest.watch import AT_ITS_LIMIT, CANNOT_WATCH, _Handler


class Told:
    """What a watch told of."""

    def __init__(self) -> None:
        self.scopes: list[tuple[int, Scope]] = []
        self.changed = threading.Condition()

    def __call__(self, folder_id: int, scope: Scope) -> None:
        with self.changed:
            self.scopes.append((folder_id, scope))
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[list[tuple[int, Scope]]], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self.scopes), timeout=60), self.scopes


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def watching(told: Told) -> Iterator[FolderWatch]:
    watch = FolderWatch(told, quiet_seconds=0.2, longest_seconds=5)
    yield watch
    watch.close()


def settle(watch: FolderWatch) -> None:
    deadline = time.monotonic() + 60
    while not watch.settled:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_new_moved_and_deleted_photos_are_reported_by_folder(
    watching: FolderWatch, told: Told, photos: Path, draw
) -> None:
    draw("a/one.jpg")
    draw("b/two.jpg")
    watching.watch({7: photos})
    settle(watching)
    assert watching.notes() == {}
    draw("a/new.jpg", seed=2)
    told.wait_for(lambda scopes: any(s.covers("a/new.jpg") for _, s in scopes))
    assert not any(scope.covers("b/two.jpg") for _, scope in told.scopes)
    (photos / "a" / "new.jpg").rename(photos / "b" / "new.jpg")
    told.wait_for(lambda scopes: any(s.covers("b/new.jpg") for _, s in scopes))
    told.scopes.clear()
    (photos / "b" / "two.jpg").unlink()
    told.wait_for(lambda scopes: any(s.covers("b/two.jpg") for _, s in scopes))
    assert {folder_id for folder_id, _ in told.scopes} == {7}


def test_changes_in_a_folder_given_by_a_link_are_reported(
    watching: FolderWatch, told: Told, photos: Path, tmp_path: Path, draw
) -> None:
    draw("a/one.jpg")
    (tmp_path / "link").symlink_to(photos)
    watching.watch({7: tmp_path / "link"})
    settle(watching)
    assert watching.notes() == {}
    draw("a/new.jpg", seed=2)
    told.wait_for(lambda scopes: any(s.covers("a/new.jpg") for _, s in scopes))


def test_a_burst_of_changes_is_reported_once(
    watching: FolderWatch, told: Told, photos: Path, draw
) -> None:
    watching.watch({1: photos})
    settle(watching)
    for number in range(40):
        draw(f"{number}.jpg", seed=number)
    told.wait_for(lambda scopes: len(scopes) > 0)
    assert len(told.scopes) < 40


def test_a_folder_taken_off_is_not_watched_any_more(
    watching: FolderWatch, told: Told, photos: Path, draw
) -> None:
    watching.watch({1: photos})
    settle(watching)
    watching.watch({})
    settle(watching)
    draw("a.jpg")
    time.sleep(0.5)
    assert told.scopes == []


def test_a_folder_that_is_not_there_has_a_note(watching: FolderWatch, tmp_path: Path) -> None:
    watching.watch({1: tmp_path / "gone"})
    settle(watching)
    assert watching.notes() == {1: CANNOT_WATCH}


def test_a_folder_for_whose_threads_there_is_no_memory_is_watched_once_there_is(
    watching: FolderWatch, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise MemoryError

    with monkeypatch.context() as little:
        little.setattr("lmpt_desktop.ingest.watch.require_room", refuse)
        watching.watch({1: photos})
        settle(watching)
        assert watching.notes() == {1: CANNOT_WATCH}
    watching.recheck()
    settle(watching)
    assert watching.notes() == {}


def test_a_folder_that_comes_back_is_watched_again_and_scanned(
    watching: FolderWatch, told: Told, photos: Path, draw
) -> None:
    photos.rename(photos.with_name("unplugged"))
    watching.watch({1: photos})
    settle(watching)
    photos.with_name("unplugged").rename(photos)
    watching.recheck()
    told.wait_for(lambda scopes: scopes == [(1, EVERYTHING)])
    assert watching.notes() == {}
    photos.rename(photos.with_name("unplugged"))
    watching.recheck()
    told.wait_for(lambda scopes: scopes == [(1, EVERYTHING)] * 2)
    assert watching.notes() == {1: CANNOT_WATCH}
    photos.with_name("unplugged").rename(photos)
    watching.recheck()
    told.wait_for(lambda scopes: scopes == [(1, EVERYTHING)] * 3)
    draw("a/new.jpg")
    told.wait_for(lambda scopes: any(s.covers("a/new.jpg") for _, s in scopes[3:]))


def test_at_the_limit_of_the_system_there_is_a_note_and_nothing_is_half_watched(
    watching: FolderWatch, told: Told, photos: Path, draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probe(_self: FolderWatch) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(FolderWatch, "_probe", probe)
    watching.watch({1: photos})
    settle(watching)
    assert watching.notes() == {1: AT_ITS_LIMIT}
    draw("a.jpg")
    time.sleep(0.5)
    assert told.scopes == []


class RecordedScopes:
    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    def note_change(self, _folder_id: int, scope: Scope) -> None:
        self.scopes.append(scope)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (FileCreatedEvent("/p/a/x.JPG"), [Scope(flat=frozenset({"a"}))]),
        (FileCreatedEvent("/p/a/x.txt"), [Scope(flat=frozenset({"a"}))]),
        (FileCreatedEvent("/p/x.png"), [Scope(flat=frozenset({""}))]),
        (FileCreatedEvent("/p/a/x.zip"), []),
        (FileCreatedEvent("/p/a/x"), [Scope(flat=frozenset({"a"}))]),
        (FileCreatedEvent("/p/a/x.jpg_large"), [Scope(flat=frozenset({"a"}))]),
        (FileCreatedEvent("/p/a/x.mov"), []),
        (FileCreatedEvent("/p/.cache/x.jpg"), []),
        (FileCreatedEvent("/p/a/.x.jpg"), []),
        (DirCreatedEvent("/p/a/b"), [Scope(deep=frozenset({"a/b"}))]),
        (DirCreatedEvent("/p"), [EVERYTHING]),
        (
            FileMovedEvent("/p/a/x.jpg", "/p/b/x.jpg"),
            [Scope(flat=frozenset({"a"})), Scope(flat=frozenset({"b"}))],
        ),
        (FileMovedEvent("/p/a/x.part", "/p/a/x.jpg"), [Scope(flat=frozenset({"a"}))]),
        (DirMovedEvent("/p/a", "/elsewhere/a"), [Scope(deep=frozenset({"a"}))]),
        (FileCreatedEvent("/p/a/x.jpg.XMP"), [Scope(flat=frozenset({"a"}))]),
        (FileCreatedEvent("/p/a/ours.xmp"), []),
        (FileCreatedEvent("/p/a/x.jpg.json"), [Scope(flat=frozenset({"a"}))]),
        (FileCreatedEvent("/p/a/@eaDir/x.jpg"), []),
        (DirCreatedEvent("/p/#recycle"), []),
        (FileCreatedEvent("/p/a/.nomedia"), [Scope(deep=frozenset({"a"}))]),
        (FileCreatedEvent("/p/.nomedia"), [EVERYTHING]),
    ],
)
def test_events_become_parts_to_look_at(event: Any, expected: list[Scope]) -> None:
    recorded: Any = RecordedScopes()
    handler = _Handler(recorded, 1, Path("/p"), ours=lambda path: path.endswith("ours.xmp"))
    handler.dispatch(event)
    assert recorded.scopes == expected


def test_changes_in_very_many_folders_lead_to_a_full_scan(
    watching: FolderWatch, told: Told, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "MAX_PARTS", 3)
    watching.watch({1: photos})
    settle(watching)
    for name in "abcde":
        watching.note_change(1, Scope(flat=frozenset({name})))
    told.wait_for(lambda scopes: (1, EVERYTHING) in scopes)
