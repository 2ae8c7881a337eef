"""While another backbone encodes the library, the one in use predicts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmpt_desktop.domain.records import ClassSpec, ImageState
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    Notice,
    Problem,
)
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.settings import NEXT_BACKBONE

Until = Callable[[Callable[[], object]], None]
OpenSession = Callable[[], LibrarySession]

CHANGE = ActivityKind.CHANGE
COUNT = 40


def add_photos(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        Image.new("RGB", (40 + number, 30 + len(name)), (number * 5, 90, 20)).save(folder / name)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    add_photos(folder, "bad_1.jpg", *(f"{'dog' if i % 2 else 'cat'}_{i}.jpg" for i in range(COUNT)))
    return folder


@pytest.fixture
def open_session(tmp_path: Path, photos: Path, encoder_command: list[str]) -> Iterator[OpenSession]:
    """Open the library; its photos are encoded by Lite then."""
    sessions: list[LibrarySession] = []

    def make() -> LibrarySession:
        session = LibrarySession.open(tmp_path / "library", commands=Commands(encoder_command))
        sessions.append(session)
        if not session.snapshot().classes:
            session.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat")])
            session.folders.add(photos)
            assert session.wait_until_idle(60)
        return session

    yield make
    for session in sessions:
        session.close()


def scored(session: LibrarySession) -> int:
    """Photos with predictions."""
    return int((~np.isnan(session.snapshot().scores)).any(axis=1).sum())


def kept(session: LibrarySession, backbone: str) -> int:
    return session.catalogue.features.backbones().get(backbone, 0)


def slowly(monkeypatch: pytest.MonkeyPatch, **options: object) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"seconds_per_photo": 0.08} | options))


def activities(session: LibrarySession, kind: ActivityKind = CHANGE) -> list[Activity]:
    """Every activity of this kind, as it is reported from now on."""
    found: list[Activity] = []

    def listen(notice: Notice) -> None:
        if isinstance(notice, ActivityChanged) and notice.activity.kind is kind:
            found.append(notice.activity)

    session.subscribe(listen)
    return found


def test_the_old_one_predicts_until_every_readable_photo_is_encoded(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    assert scored(session) == COUNT
    slowly(monkeypatch)
    lowest: list[int] = []
    session.subscribe(lambda _notice: lowest.append(scored(session)))
    shown = activities(session)
    session.model.set_backbone("other")
    until(lambda: kept(session, "other") > 0)
    assert session.model.backbone == "lite"
    assert not session.idle
    until(lambda: session.model.backbone == "other")
    assert kept(session, "other") == COUNT
    assert session.wait_until_idle(60)
    assert scored(session) == COUNT
    assert session.settings.get(NEXT_BACKBONE) == ""
    assert session.catalogue.settings.get("backbone") == "other"
    # Class names were encoded before, too: there is no moment without predictions.
    assert min(lowest) == COUNT
    running = [item for item in shown if item.state is ActivityState.RUNNING and item.total]
    assert {item.total for item in running} == {COUNT}
    assert [item.done for item in running] == sorted(item.done for item in running)
    assert "until then Lite predicts" in running[0].message
    assert shown[-1].state is ActivityState.IDLE


def test_photos_added_meanwhile_are_encoded_by_both(
    open_session: OpenSession, photos: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    slowly(monkeypatch)
    session.model.set_backbone("other")
    until(lambda: kept(session, "other") > 0)
    add_photos(photos, "dog_late.jpg")
    session.folders.rescan(session.folders.all()[0].id)
    until(lambda: kept(session, "lite") == COUNT + 1)
    until(lambda: session.model.backbone == "other")
    assert session.wait_until_idle(60)
    assert kept(session, "other") == scored(session) == COUNT + 1


def test_cancelled_it_leaves_everything_as_it_was(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    slowly(monkeypatch)
    shown = activities(session)
    session.model.set_backbone("other")
    until(lambda: kept(session, "other") > 0)
    session.activities.cancel(CHANGE)
    assert session.wait_until_idle(60)
    assert session.model.backbone == "lite"
    assert session.model.change.name == ""
    assert scored(session) == COUNT
    assert session.settings.get(NEXT_BACKBONE) == ""
    assert shown[-1].state is ActivityState.IDLE
    # What it had encoded is not encoded again.
    already = kept(session, "other")
    monkeypatch.setenv("FAKE_ENCODER", "{}")
    session.model.set_backbone("other")
    until(lambda: session.model.backbone == "other")
    assert 0 < already <= kept(session, "other") == COUNT


def test_paused_it_waits_and_goes_on_where_it_was(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    slowly(monkeypatch)
    shown = activities(session)
    session.model.set_backbone("other")
    until(lambda: kept(session, "other") > 0)
    session.activities.pause(CHANGE)
    until(lambda: shown[-1].state is ActivityState.PAUSED)
    assert session.wait_until_idle(60)
    before = kept(session, "other")
    assert before < COUNT
    assert session.model.backbone == "lite"
    session.activities.resume(CHANGE)
    until(lambda: session.model.backbone == "other")
    starting = next(item for item in reversed(shown) if item.total)
    assert starting.total == COUNT
    assert kept(session, "other") == COUNT


def test_a_download_can_be_paused_and_goes_on_as_the_change(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"download": [3, 12], "seconds_to_load": 60}))
    downloads = activities(session, ActivityKind.DOWNLOAD)
    session.model.set_backbone("other")
    until(lambda: downloads)
    assert (downloads[0].done, downloads[0].total, downloads[0].pausable) == (3, 12, True)
    session.activities.pause(ActivityKind.DOWNLOAD)
    until(lambda: downloads[-1].state is ActivityState.IDLE)
    assert session.activities.current()[CHANGE].state is ActivityState.PAUSED
    monkeypatch.setenv("FAKE_ENCODER", "{}")
    session.activities.resume(CHANGE)
    until(lambda: session.model.backbone == "other")


def test_closed_in_between_it_goes_on_at_the_next_start(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    slowly(monkeypatch)
    session.model.set_backbone("other")
    until(lambda: kept(session, "other") > 0)
    session.close()
    again = open_session()
    assert again.model.backbone == "lite"
    until(lambda: again.model.backbone == "other")
    assert kept(again, "other") == COUNT


def test_without_a_network_it_waits_to_be_resumed(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    problems: list[Notice] = []
    session.subscribe(lambda n: problems.append(n) if isinstance(n, Problem) else None)
    shown = activities(session)
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"fail": {"other": "no-network"}}))
    session.model.set_backbone("other")
    until(lambda: problems)
    assert shown[-1].state is ActivityState.FAILED
    assert session.settings.get(NEXT_BACKBONE) == "other"
    assert session.wait_until_idle(60)
    session.close()
    # At the next start it is tried again, and says so in the status bar only.
    again = open_session()
    problems.clear()
    again.subscribe(lambda n: problems.append(n) if isinstance(n, Problem) else None)
    until(lambda: again.activities.current().get(CHANGE, Activity(CHANGE, ActivityState.IDLE)).state
          is ActivityState.FAILED)  # fmt: skip
    assert not problems
    monkeypatch.setenv("FAKE_ENCODER", "{}")
    again.activities.resume(CHANGE)
    until(lambda: again.model.backbone == "other")


def test_cancelling_a_download_cancels_it_and_cancelling_encoding_does_not(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"download": [3, 12], "seconds_to_load": 60}))
    downloads = activities(session, ActivityKind.DOWNLOAD)
    session.model.set_backbone("other")
    until(lambda: downloads)
    session.activities.cancel(ActivityKind.ENCODE)
    assert session.model.change.name == "other"
    session.activities.cancel(ActivityKind.DOWNLOAD)
    assert session.model.change.name == ""
    until(lambda: downloads[-1].state is ActivityState.IDLE)
    assert session.model.backbone == "lite"


def test_any_other_failure_ends_it(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    problems: list[Problem] = []
    session.subscribe(lambda n: problems.append(n) if isinstance(n, Problem) else None)
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"fail": {"other": "no-memory"}}))
    session.model.set_backbone("other")
    until(lambda: problems)
    assert "Lite stays in use" in problems[0].message
    assert session.model.change.name == ""
    assert session.settings.get(NEXT_BACKBONE) == ""
    assert scored(session) == COUNT


def test_photos_that_cannot_be_encoded_do_not_hold_it_up(
    open_session: OpenSession, photos: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    (photos / "dog_1.jpg").write_bytes(b"changed since the scan")
    session.model.set_backbone("other")
    until(lambda: session.model.backbone == "other")
    assert kept(session, "other") >= COUNT - 1


def test_choosing_another_one_meanwhile_replaces_it(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    slowly(monkeypatch)
    session.model.set_backbone("other")
    until(lambda: kept(session, "other") > 0)
    monkeypatch.setenv("FAKE_ENCODER", "{}")
    session.model.set_backbone("third")
    until(lambda: session.model.backbone == "third")
    assert kept(session, "third") == COUNT


def test_choosing_the_one_in_use_cancels_it(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    slowly(monkeypatch)
    session.model.set_backbone("other")
    until(lambda: kept(session, "other") > 0)
    session.model.set_backbone("lite")
    assert session.wait_until_idle(60)
    assert session.model.backbone == "lite"
    assert session.settings.get(NEXT_BACKBONE) == ""


def test_the_device_can_be_changed_meanwhile(
    open_session: OpenSession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    slowly(monkeypatch)
    session.model.set_backbone("other")
    until(lambda: kept(session, "other") > 0)
    monkeypatch.setenv("FAKE_ENCODER", "{}")
    session.model.set_device("cpu")
    until(lambda: session.model.backbone == "other")
    assert kept(session, "other") == COUNT
    assert session.snapshot().images.states.tolist().count(ImageState.UNREADABLE) == 1
