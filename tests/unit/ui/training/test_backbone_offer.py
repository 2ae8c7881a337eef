"""The quiet offer of a better backbone: what it says, and what its buttons do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from shells import BareLibrary

from lmpt_desktop.engine.backbone_offer import BackboneOffer, BackboneOffered
from lmpt_desktop.engine.encoding.backbones import offered_backbones
from lmpt_desktop.engine.notices import Activity, ActivityChanged, ActivityKind, ActivityState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.settings import BACKBONE_OFFER_ANSWERED, LITE_PLUS_OFFER_ANSWERED
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.training import backbone_offer
from lmpt_desktop.ui.training.backbone_offer import OfferedBackbone, details_text, offer_text
from trainer.suggested import zero_shot_figures

WAIT_MS = 20_000
NAME = "ViT-B-16-SigLIP2-256/webli"
KNOWN = {info.name: info for info in offered_backbones("lite")}
OFFER = BackboneOffer(
    replace(KNOWN[NAME], available=False), 1200, 10, 2.0, 15.8, "CPU", KNOWN["ViT-B-16/openai"]
)


@pytest.fixture(autouse=True)
def unmetered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone_offer, "metered", lambda: False)


ask_system = backbone_offer.metered


@pytest.fixture
def looked(session: LibrarySession, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whether an offer was looked for."""
    calls: list[str] = []
    monkeypatch.setattr(session.offers, "look", lambda **_more: calls.append("look"))
    return calls


@pytest.fixture
def offered(
    opened: BareLibrary, context: ShellContext, looked: list[str], qtbot: QtBot
) -> OfferedBackbone:
    """The offer, on screen."""
    part = OfferedBackbone(context, opened)
    opened.session._notifier.send(BackboneOffered(OFFER))
    qtbot.waitUntil(lambda: part.note is not None, timeout=WAIT_MS)
    assert part.note in context.notifications.shown
    return part


def button(part: OfferedBackbone, text: str) -> QPushButton:
    assert part.note is not None
    return next(item for item in part.note.findChildren(QPushButton) if item.text() == text)


def test_it_says_what_is_gained_and_what_it_costs_here() -> None:
    text, details = offer_text(OFFER), details_text(OFFER)
    assert "SigLIP 2 B/16 (Google)" in text
    assert "1.5 GB to download, Apache-2.0 licence" in text
    plain = text.replace("\u00a0", " ")
    assert "names 79.1 % of ImageNet's photos" in plain
    assert "ViT-B/16 (OpenAI) names 68.3 %." in plain
    assert "Measured here on 10 photos: 2.0 a second, Lite 15.8." in text
    assert "Your 1,200 photos would take about 10 minutes" in text
    assert "random weights" in details and "estimated" in details
    assert "README_siglip2.md" in details and "openclip_results.csv" in details


def test_what_is_on_the_computer_already_is_not_downloaded() -> None:
    here = replace(OFFER, info=replace(OFFER.info, available=True))
    assert "download" not in offer_text(here)
    assert "(Apache-2.0 licence)" in offer_text(here)


def test_it_is_looked_for_and_takes_no_focus(
    looked: list[str], offered: OfferedBackbone, context: ShellContext
) -> None:
    assert looked == ["look"]
    assert offered.note is not None
    texts = [item.text() for item in offered.note.findChildren(QPushButton)]
    assert sorted(texts) == ["Details", "Not now", "Use it"]
    assert offered.note.first_button() is button(offered, "Use it")
    focus = QApplication.focusWidget()
    assert focus is None or not context.notifications.isAncestorOf(focus)
    assert not context.settings.get(BACKBONE_OFFER_ANSWERED)


def test_use_it_begins_the_change(
    offered: OfferedBackbone, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    qtbot.mouseClick(button(offered, "Use it"), Qt.MouseButton.LeftButton)
    # This session starts no encoder, so that there is nothing to wait for.
    qtbot.waitUntil(lambda: session.model.backbone == NAME, timeout=WAIT_MS)
    assert not context.notifications.shown
    assert context.settings.get(BACKBONE_OFFER_ANSWERED)


def test_lite_plus_says_what_was_measured_and_leaves_a_later_offer_open(
    opened: BareLibrary,
    context: ShellContext,
    looked: list[str],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plus = replace(OFFER, info=KNOWN["lite+"])
    text, details = offer_text(plus), details_text(plus)
    figures = zero_shot_figures()
    assert "Lite+ is Lite on larger pictures" in text
    assert f"{figures['lite+'].coco80:.1f} % instead of {figures['lite'].coco80:.1f} %" in text
    assert "ImageNet" not in text + details and "random weights" not in details
    monkeypatch.setattr(backbone_offer, "metered", lambda: True)  # nothing is downloaded
    part = OfferedBackbone(context, opened)
    opened.session._notifier.send(BackboneOffered(plus))
    qtbot.waitUntil(lambda: part.note is not None, timeout=WAIT_MS)
    qtbot.mouseClick(button(part, "Not now"), Qt.MouseButton.LeftButton)
    assert context.settings.get(LITE_PLUS_OFFER_ANSWERED)
    assert not context.settings.get(BACKBONE_OFFER_ANSWERED)


@pytest.mark.parametrize("how", ["button", "cross", "elsewhere"])
def test_answered_it_never_comes_again_on_this_computer(
    offered: OfferedBackbone, opened: BareLibrary, looked: list[str], qtbot: QtBot, how: str
) -> None:
    session, context = opened.session, offered._context
    note = offered.note
    assert note is not None
    if how == "elsewhere":
        running = Activity(ActivityKind.CHANGE, ActivityState.RUNNING)
        session._notifier.send(ActivityChanged(running))
    else:
        pressed = button(offered, "Not now") if how == "button" else note.close_button
        qtbot.mouseClick(pressed, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not context.notifications.shown, timeout=WAIT_MS)
    assert session.model.backbone == "lite"
    assert context.settings.get(BACKBONE_OFFER_ANSWERED)
    looked.clear()
    again = OfferedBackbone(context, opened)
    session._notifier.send(BackboneOffered(OFFER))
    qtbot.wait(50)
    assert looked == [] and again.note is None and not context.notifications.shown


def test_on_a_metered_network_nothing_is_said_and_nothing_remembered(
    opened: BareLibrary, context: ShellContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone_offer, "metered", lambda: True)
    part = OfferedBackbone(context, opened)
    heard: list[object] = []
    opened.bridge.on(BackboneOffered, heard.append)
    opened.session._notifier.send(BackboneOffered(OFFER))
    qtbot.waitUntil(lambda: bool(heard), timeout=WAIT_MS)
    assert part.note is None and not context.notifications.shown
    assert not context.settings.get(BACKBONE_OFFER_ANSWERED)


def test_the_system_is_asked_whether_bytes_cost(qapp: QApplication) -> None:
    assert ask_system() in (True, False)
