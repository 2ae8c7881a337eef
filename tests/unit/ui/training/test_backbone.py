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
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.training.backbone import BackboneDialog, is_backbone_name

WAIT_MS = 20_000


@pytest.fixture
def backbone(session: LibrarySession, bridge: SessionBridge, qtbot: QtBot) -> BackboneDialog:
    dialog = BackboneDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_backbones_are_listed_with_their_size_and_the_one_in_use(backbone: BackboneDialog) -> None:
    first, second = (backbone.list.item(i).text() for i in range(2))
    assert first.startswith("Lite") and "in use" in first
    assert "CLIP ViT-B/16" in second and "in use" not in second
    assert "download: 599 MB" in second or "on this computer" in second
    assert backbone.now.text() == "In use: Lite"
    assert not backbone.use.isEnabled()


def test_choosing_another_backbone_warns_of_what_it_costs(
    backbone: BackboneDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    backbone.list.setCurrentRow(1)
    assert "12 photos of this library will be encoded again" in backbone.effect.text()
    qtbot.mouseClick(backbone.use, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "In use: ViT-B-16/openai" in backbone.now.text(), timeout=WAIT_MS)
    assert session.model.backbone == "ViT-B-16/openai"
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
    """Choose ViT-B/16 in a library whose encoder starts as asked (see ``fake_encoder.py``)."""
    bridges: list[SessionBridge] = []

    def choose(**encoder: object) -> BackboneDialog:
        monkeypatch.setenv("FAKE_ENCODER", json.dumps(encoder))
        session = open_session(library, encode=True, commands=commands)
        bridges.append(SessionBridge(session))
        dialog = BackboneDialog(session, bridges[-1])
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.list.setCurrentRow(1)
        qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
        return dialog

    yield choose
    for bridge in bridges:
        bridge.close()


def test_a_download_shows_progress_and_can_be_cancelled(
    loading: Callable[..., BackboneDialog], qtbot: QtBot
) -> None:
    dialog = loading(download=[3_000_000_000, 12_000_000_000], seconds_to_load=60)
    qtbot.waitUntil(dialog.bar.isVisible, timeout=WAIT_MS)
    assert dialog.bar.text() == "3.0 GB of 12 GB"
    assert dialog.bar.value() / dialog.bar.maximum() == pytest.approx(0.25, abs=0.01)
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "download was cancelled" in dialog.strip.text, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not dialog.bar.isVisible(), timeout=WAIT_MS)
    assert dialog.session.model.backbone == "lite"


def test_a_backbone_that_cannot_be_loaded_is_reported_and_the_old_one_stays(
    loading: Callable[..., BackboneDialog], qtbot: QtBot
) -> None:
    dialog = loading(fail={"ViT-B-16/openai": "no-network"})
    qtbot.waitUntil(lambda: "cannot be used here" in dialog.strip.text, timeout=WAIT_MS)
    assert "lite stays in use" in dialog.strip.text
    assert dialog.session.model.backbone == "lite"


def test_once_a_backbone_is_loaded_its_device_is_shown(
    loading: Callable[..., BackboneDialog], qtbot: QtBot
) -> None:
    dialog = loading()
    qtbot.waitUntil(lambda: "runs on CPU" in dialog.strip.text, timeout=WAIT_MS)
    assert dialog.now.text() == "In use: ViT-B-16/openai on CPU"


def test_the_device_is_set_at_once(
    backbone: BackboneDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    qtbot.waitUntil(backbone.device.isEnabled, timeout=WAIT_MS)
    backbone.device.setCurrentIndex(backbone.device.findData("cpu"))
    qtbot.waitUntil(lambda: session.catalogue.settings.get("device") == "cpu", timeout=WAIT_MS)
