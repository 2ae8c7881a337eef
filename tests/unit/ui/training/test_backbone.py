"""Choosing a backbone, and what is shown while it loads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from ui_libraries import OpenSession

from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.settings import BACKBONE
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.training.backbone import BackboneDialog, is_backbone_name
from trainer.suggested import zero_shot_figures

WAIT_MS = 20_000


@pytest.fixture
def backbone(session: LibrarySession, bridge: SessionBridge, qtbot: QtBot) -> BackboneDialog:
    dialog = BackboneDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_backbones_are_listed_with_their_size_and_the_one_in_use(backbone: BackboneDialog) -> None:
    first, bundled, second = (backbone.list.item(i).text() for i in range(3))
    assert first.startswith("Lite ") and "in use" in first
    figures = zero_shot_figures()
    assert bundled.startswith("Lite+ ") and "(on this computer)" in bundled
    assert "in use" not in bundled and f"{figures['lite+'].voc20:.1f} % instead of" in bundled
    assert "CLIP ViT-B/32" in second and "in use" not in second
    assert "download: 605 MB" in second or "on this computer" in second
    assert "Licence: MIT · 72.8 % on ImageNet, zero-shot (published)" in second
    assert "open_clip" in backbone.list.item(2).toolTip()
    assert backbone.now.text() == "In use: Lite"
    assert not backbone.use.isEnabled()


def test_lite_plus_can_be_chosen(
    backbone: BackboneDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    backbone.list.setCurrentRow(1)
    qtbot.mouseClick(backbone.use, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: backbone.now.text() == "In use: Lite+", timeout=WAIT_MS)
    assert session.model.backbone == session.settings.get(BACKBONE) == "lite+"


def test_a_licence_for_research_only_is_named(backbone: BackboneDialog) -> None:
    texts = [backbone.list.item(i).text() for i in range(backbone.list.count())]
    (apples,) = [text for text in texts if "Apple" in text]
    assert "Apple ML Research Model, research only" in apples
    assert sum("research only" in text for text in texts) == 1


def test_choosing_another_backbone_warns_of_what_it_costs(
    backbone: BackboneDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    backbone.list.setCurrentRow(2)
    assert "12 photos of this library will be encoded again" in backbone.effect.text()
    assert "Until that is done, Lite predicts." in backbone.effect.text()
    qtbot.mouseClick(backbone.use, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: "In use: ViT-B-32-256/datacomp_s34b_b86k" in backbone.now.text(), timeout=WAIT_MS
    )
    assert session.model.backbone == "ViT-B-32-256/datacomp_s34b_b86k"
    qtbot.waitUntil(lambda: bool(np.isnan(session.snapshot().scores).all()), timeout=WAIT_MS)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("ViT-B-32/laion2b_s34b_b79k", True),
        ("RN50/~/weights/my model.pt", True),
        ("local-dir:/models/mine", True),
        ("ViT-B-16", False),
        ("ViT-B-16/", False),
        ("/home/me/weights.pt", False),
    ],
)
def test_custom_names_are_checked(backbone: BackboneDialog, text: str, valid: bool) -> None:
    assert is_backbone_name(text) is valid
    backbone.custom.setText(text)
    assert backbone.use.isEnabled() is valid
    assert ("MODEL/PRETRAINED" in backbone.effect.text()) is not valid


def test_a_weights_file_needs_the_model_it_belongs_to(
    backbone: BackboneDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_args, **_more: ("/data/w.safetensors", "")
    )
    backbone.browse.click()
    assert "Type the model's name first" in backbone.strip.text
    backbone.custom.setText("ViT-B-16")
    backbone.browse.click()
    assert backbone.chosen() == "ViT-B-16//data/w.safetensors"


@pytest.fixture
def loading(
    library: Path,
    open_session: OpenSession,
    commands: Commands,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., BackboneDialog]]:
    """Choose ViT-B/32 in a library whose encoder starts as asked (see ``fake_encoder.py``)."""
    bridges: list[SessionBridge] = []

    def choose(**encoder: object) -> BackboneDialog:
        monkeypatch.setenv("FAKE_ENCODER", json.dumps(encoder))
        session = open_session(library, encode=True, commands=commands)
        bridges.append(SessionBridge(session))
        dialog = BackboneDialog(session, bridges[-1])
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.list.setCurrentRow(2)
        qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
        return dialog

    yield choose
    for bridge in bridges:
        bridge.close()


def test_a_download_shows_progress_and_can_be_cancelled(
    loading: Callable[..., BackboneDialog], qtbot: QtBot
) -> None:
    dialog = loading(download=[3_000_000_000, 12_000_000_000], seconds_to_load=60)
    qtbot.waitUntil(lambda: dialog.bar.text() == "3.0 GB of 12 GB", timeout=WAIT_MS)
    assert dialog.bar.isVisible()
    assert dialog.bar.value() / dialog.bar.maximum() == pytest.approx(0.25, abs=0.01)
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Lite stays in use" in dialog.strip.text, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not dialog.bar.isVisible(), timeout=WAIT_MS)
    assert dialog.session.model.backbone == "lite"


def test_a_backbone_that_cannot_be_loaded_is_reported_and_the_old_one_stays(
    loading: Callable[..., BackboneDialog], qtbot: QtBot
) -> None:
    dialog = loading(fail={"ViT-B-32-256/datacomp_s34b_b86k": "no-network"})
    qtbot.waitUntil(lambda: "cannot be used here" in dialog.strip.text, timeout=WAIT_MS)
    assert "Lite stays in use" in dialog.strip.text
    assert dialog.session.model.backbone == "lite"


def test_once_a_backbone_is_loaded_its_device_is_shown(
    loading: Callable[..., BackboneDialog], qtbot: QtBot
) -> None:
    dialog = loading()
    qtbot.waitUntil(lambda: "runs on CPU" in dialog.strip.text, timeout=WAIT_MS)
    assert dialog.now.text() == "In use: ViT-B-32-256/datacomp_s34b_b86k on CPU"


def test_the_device_is_set_at_once(
    backbone: BackboneDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    qtbot.waitUntil(backbone.device.isEnabled, timeout=WAIT_MS)
    backbone.device.setCurrentIndex(backbone.device.findData("cpu"))
    qtbot.waitUntil(lambda: session.catalogue.settings.get("device") == "cpu", timeout=WAIT_MS)
