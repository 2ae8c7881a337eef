"""Which backbone is offered to who uses Lite, when, and with which figures."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.engine import network
from lmpt_desktop.engine.backbone_offer import (
    OFFLINE_LOOKS,
    BackboneOffer,
    BackboneOffered,
    BackboneOffers,
    Machine,
)
from lmpt_desktop.engine.notices import Notice
from lmpt_desktop.engine.session import Commands, LibrarySession
from trainer.suggested import SUGGESTED

Until = Callable[[Callable[[], object]], None]
SUPPORT = Path(__file__).parents[2] / "support"
BETTER, FASTER = "ViT-B-16-SigLIP2-256/webli", "ViT-B-32-SigLIP2-256/webli"
LARGE = "PE-Core-L-14-336/meta"
COUNT = 40
LOTS = Machine(lambda: True, lambda: 64 * 10**9, lambda: 500 * 10**9)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Set the rates that are measured; the file that says what was asked for."""

    def measure(**rates: Any) -> Path:
        file = tmp_path / "asked.txt"
        rates = {"asked": str(file), "lite": 8.0} | rates
        monkeypatch.setenv("FAKE_RATE", json.dumps(rates))
        return file

    return measure


@pytest.fixture
def make_session(tmp_path: Path, encoder_command: list[str]) -> Iterator[Callable[..., Any]]:
    sessions: list[LibrarySession] = []

    def make(count: int = COUNT, **options: Any) -> LibrarySession:
        folder = tmp_path / "photos"
        folder.mkdir(exist_ok=True)
        for number in range(count):
            path = folder / f"dog_{number}.jpg"
            Image.new("RGB", (40 + number, 30), (number * 5, 90, 20)).save(path)
        commands = Commands(encoder_command)
        session = LibrarySession.open(tmp_path / "library", commands=commands, **options)
        sessions.append(session)
        session.vocabulary.set_all([ClassSpec("dog")])
        session.folders.add(folder)
        assert session.wait_until_idle(60)
        return session

    yield make
    for session in sessions:
        session.close()


def offers_of(session: LibrarySession, machine: Machine = LOTS, **more: Any) -> BackboneOffers:
    options: dict[str, Any] = {"idle": lambda: session.idle, "gentle": lambda: False} | more
    return BackboneOffers(
        session.catalogue,
        session._state,
        session.model,
        session._notifier.send,
        command=[sys.executable, str(SUPPORT / "fake_rate.py")],
        machine=machine,
        poll_seconds=0.05,
        **options,
    )


@pytest.fixture
def look() -> Iterator[Callable[..., list[BackboneOffer]]]:
    """Look for an offer; the list that it is put into, and the search, to see it end."""
    searches: list[BackboneOffers] = []

    def begin(session: LibrarySession, *machine: Machine, **more: Any) -> list[BackboneOffer]:
        made: list[BackboneOffer] = []

        def listen(notice: Notice) -> None:
            if isinstance(notice, BackboneOffered):
                made.append(notice.offer)

        session.subscribe(listen)
        bundled = more.pop("bundled", False)
        searches.append(offers_of(session, *machine, **more))
        searches[-1].look(bundled=bundled)
        return made

    yield begin
    for search in searches:
        search.close()


def ended(name: str = "backbone offer") -> bool:
    return not any(thread.name == name for thread in threading.enumerate())


def test_the_best_that_is_fast_enough_is_offered_with_what_was_measured(
    make_session: Callable[..., LibrarySession],
    look: Callable[..., list[BackboneOffer]],
    asked: Callable[..., Path],
    until: Until,
) -> None:
    file = asked(**{BETTER: 2.0, FASTER: 5.0})
    made = look(make_session())
    until(lambda: made)
    (offer,) = made
    assert offer.info.name == BETTER
    assert (offer.rate, offer.lite_rate) == pytest.approx((2.0, 8.0))
    assert (offer.photos, offer.measured, offer.device) == (COUNT, 10, "CPU")
    assert offer.seconds == pytest.approx(COUNT / 2.0)
    assert (offer.info.imagenet, offer.compared.imagenet) == (79.1, 68.3)
    assert "siglip2" in offer.info.source
    until(ended)
    assert file.read_text("utf-8").splitlines()[:2] == ["lite auto 10", f"{BETTER} auto 10"]


def test_where_the_best_is_too_slow_a_faster_one_is_offered(
    make_session: Callable[..., LibrarySession],
    look: Callable[..., list[BackboneOffer]],
    asked: Callable[..., Path],
    until: Until,
) -> None:
    asked(**{BETTER: COUNT / 4000, FASTER: COUNT / 3000, "pause": 0.0})
    made = look(make_session())
    until(lambda: made)
    assert made[0].info.name == FASTER


def test_nothing_is_offered_that_would_take_days(
    make_session: Callable[..., LibrarySession],
    look: Callable[..., list[BackboneOffer]],
    asked: Callable[..., Path],
    until: Until,
) -> None:
    file = asked(**{BETTER: COUNT / 1e6, FASTER: COUNT / 5e5, "pause": 0.0})
    made = look(make_session())
    until(lambda: file.exists() and ended())
    assert not made


def test_a_measurement_that_fails_offers_nothing(
    make_session: Callable[..., LibrarySession],
    look: Callable[..., list[BackboneOffer]],
    asked: Callable[..., Path],
    until: Until,
) -> None:
    file = asked()
    made = look(make_session())
    until(lambda: file.exists() and ended())
    assert not made


NO_NETWORK = Machine(lambda: False, LOTS.memory, LOTS.disk_free)
SMALL = Machine(lambda: True, lambda: 10**9, LOTS.disk_free)
SLOW = {BETTER: COUNT / 1e6, FASTER: COUNT / 5e5, "pause": 0.0}


@pytest.mark.parametrize(
    "case",
    [
        (NO_NETWORK, {}, "lite+"),
        (SMALL, {}, "lite+"),
        (LOTS, SLOW, "lite+"),
        (LOTS, {BETTER: 2.0}, BETTER),
        # Slow, but not for too long: a download is still the better offer.
        (LOTS, {BETTER: COUNT / 4000, FASTER: COUNT / 4000}, FASTER),
    ],
    ids=["no network", "little memory", "slow", "fast", "hours"],
)
def test_lite_plus_is_offered_only_where_nothing_better_can_be_had(
    make_session: Callable[..., LibrarySession],
    look: Callable[..., list[BackboneOffer]],
    asked: Callable[..., Path],
    until: Until,
    case: tuple[Machine, dict[str, float], str],
) -> None:
    machine, rates, expected = case
    asked(**rates, **{"lite+": 4.0})
    made = look(make_session(), machine, bundled=True)
    until(lambda: made)
    assert made[0].info.name == expected
    assert made[0].info.available is (expected == "lite+")


def test_without_a_network_a_download_is_waited_for_where_lite_plus_was_declined(
    make_session: Callable[..., LibrarySession],
    look: Callable[..., list[BackboneOffer]],
    asked: Callable[..., Path],
    until: Until,
) -> None:
    asked(**{BETTER: 2.0, "lite+": 4.0})
    looks: list[bool] = []

    def reachable() -> bool:
        looks.append(len(looks) > 2 * OFFLINE_LOOKS)
        return looks[-1]

    made = look(make_session(), Machine(reachable, LOTS.memory, LOTS.disk_free))
    until(lambda: made)
    assert made[0].info.name == BETTER


@pytest.mark.parametrize("lacks", ["photos", "network", "time", "power"])
def test_it_waits_until_there_is_what_it_needs(
    make_session: Callable[..., LibrarySession],
    look: Callable[..., list[BackboneOffer]],
    asked: Callable[..., Path],
    until: Until,
    lacks: str,
) -> None:
    file = asked(**{BETTER: 2.0})
    session = make_session(count=29 if lacks == "photos" else COUNT)
    there, asked_for = [False], []

    def has(thing: str) -> bool:
        asked_for.append(thing)
        return there[0] or lacks != thing

    machine = Machine(lambda: has("network"), LOTS.memory, LOTS.disk_free)
    idle, gentle = lambda: has("time"), lambda: not has("power")
    made = look(session, machine, idle=idle, gentle=gentle)
    if lacks == "photos":
        threading.Event().wait(0.5)
        assert not asked_for
    else:
        until(lambda: asked_for.count(lacks) > 3)
    assert not file.exists()
    there[0] = True
    if lacks == "photos":
        for number in range(2):
            path = Path(session.folders.all()[0].path) / f"dog_more_{number}.jpg"
            Image.new("RGB", (200 + number, 30)).save(path)
        session.folders.rescan(session.folders.all()[0].id)
    until(lambda: made)


@pytest.mark.parametrize(
    ("memory", "disk", "expected"),
    [(64, 500, [BETTER, FASTER]), (4, 500, []), (64, 2, [])],
    ids=["enough", "little memory", "little disk"],
)
def test_only_what_fits_this_computer_is_measured(
    memory: int, disk: int, expected: list[str]
) -> None:
    from lmpt_desktop.engine.backbone_offer import _candidates

    machine = Machine(lambda: True, lambda: memory * 10**9, lambda: disk * 10**9)
    assert _candidates("CPU", machine) == expected
    assert (LARGE in _candidates("NVIDIA H200", machine)) is bool(expected)


def test_only_licences_for_every_use_are_offered() -> None:
    offered = [item for item in SUGGESTED if item.offered]
    assert offered
    for item in offered:
        assert item.licence in ("Apache-2.0", "MIT")
        assert not item.research_only
        assert item.imagenet is not None and item.source


def test_who_uses_another_backbone_or_is_changing_is_not_asked(
    make_session: Callable[..., LibrarySession],
    asked: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = make_session(backbone="other")
    search = offers_of(session)
    search.look(bundled=True)
    assert ended()
    monkeypatch.setattr(session.model, "backbone", "lite")
    monkeypatch.setattr(session.model.change, "_name", "other")
    search.look(bundled=True)
    assert ended()


# ------------------------------------------------------------------------------- the network


@pytest.mark.parametrize(
    ("family", "address", "up", "expected"),
    [
        (socket.AF_INET, "192.168.1.7", True, True),
        (socket.AF_INET6, "2001:db8::7", True, True),
        (socket.AF_INET, "192.168.1.7", False, False),
        (socket.AF_INET, "127.0.0.1", True, False),
        (socket.AF_INET6, "::1", True, False),
        (socket.AF_INET, "169.254.3.4", True, False),
        (socket.AF_INET6, "fe80::1%eth0", True, False),
        (-1, "00:11:22:33:44:55", True, False),
        (socket.AF_INET, "", True, False),
    ],
)
def test_whether_there_is_a_network_is_known_without_using_it(
    monkeypatch: pytest.MonkeyPatch, family: int, address: str, up: bool, expected: bool
) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket.socket, "connect", lambda *_args: pytest.fail("connected"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args: pytest.fail("looked up"))
    found = [SimpleNamespace(family=family, address=address)]
    monkeypatch.setattr("psutil.net_if_addrs", lambda: {"eth0": found, "gone": found})
    monkeypatch.setattr("psutil.net_if_stats", lambda: {"eth0": SimpleNamespace(isup=up)})
    assert network.may_be_online() is expected
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not network.may_be_online()
