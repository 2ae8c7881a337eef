"""Backbone, preferences, about, and how numbers are written."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from ui_libraries import OpenSession

from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.settings import Pace
from lmpt_desktop.ui.help.about import AboutDialog
from lmpt_desktop.ui.kit import texts as formats
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.preferences.dialog import PreferencesDialog
from lmpt_desktop.ui.training.backbone import BackboneDialog, is_backbone_name
from trainer.bands import BandLimits

WAIT_MS = 20_000


@pytest.fixture
def backbone(session: LibrarySession, bridge: SessionBridge, qtbot: Any) -> BackboneDialog:
    dialog = BackboneDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_backbones_say_size_and_what_is_in_use(backbone: BackboneDialog) -> None:
    first, second = (backbone.list.item(i).text() for i in range(2))
    assert first.startswith("Lite") and "in use" in first
    assert "CLIP ViT-B/16" in second and "in use" not in second
    assert "download: 599 MB" in second or "on this computer" in second
    assert backbone.now.text() == "In use: Lite"
    assert not backbone.use.isEnabled()


def test_choosing_another_backbone_says_what_it_costs(
    backbone: BackboneDialog, session: LibrarySession, qtbot: Any
) -> None:
    backbone.list.setCurrentRow(1)
    assert "12 photos of this library will be looked at again" in backbone.effect.text()
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
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., BackboneDialog]]:
    """Choose ViT-B/16 in a library whose encoder starts as told (see ``fake_encoder.py``)."""
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
    loading: Callable[..., BackboneDialog], qtbot: Any
) -> None:
    dialog = loading(download=[3_000_000_000, 12_000_000_000], seconds_to_load=60)
    qtbot.waitUntil(dialog.bar.isVisible, timeout=WAIT_MS)
    assert dialog.bar.text() == "3.0 GB of 12 GB"
    assert dialog.bar.value() / dialog.bar.maximum() == pytest.approx(0.25, abs=0.01)
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "download was cancelled" in dialog.strip.text, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not dialog.bar.isVisible(), timeout=WAIT_MS)
    assert dialog.session.model.backbone == "lite"


def test_a_backbone_that_cannot_be_had_is_told_and_the_old_one_stays(
    loading: Callable[..., BackboneDialog], qtbot: Any
) -> None:
    dialog = loading(fail={"ViT-B-16/openai": "no-network"})
    qtbot.waitUntil(lambda: "cannot be used here" in dialog.strip.text, timeout=WAIT_MS)
    assert "lite stays in use" in dialog.strip.text
    assert dialog.session.model.backbone == "lite"


def test_a_backbone_that_loads_says_what_it_runs_on(
    loading: Callable[..., BackboneDialog], qtbot: Any
) -> None:
    dialog = loading()
    qtbot.waitUntil(lambda: "runs on CPU" in dialog.strip.text, timeout=WAIT_MS)
    assert dialog.now.text() == "In use: ViT-B-16/openai on CPU"


def test_the_device_is_set_at_once(
    backbone: BackboneDialog, session: LibrarySession, qtbot: Any
) -> None:
    qtbot.waitUntil(backbone.device.isEnabled, timeout=WAIT_MS)
    backbone.device.setCurrentIndex(backbone.device.findData("cpu"))
    qtbot.waitUntil(lambda: session.catalogue.settings.get("device") == "cpu", timeout=WAIT_MS)


@pytest.fixture
def preferences(qtbot: Any) -> PreferencesDialog:
    dialog = PreferencesDialog(ThemeChoice.DARK, BandLimits(20, 100), "cpu")
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_preferences_show_what_holds(preferences: PreferencesDialog) -> None:
    assert preferences.theme_box.currentText() == "Dark"
    assert (preferences.medium.value(), preferences.head.value()) == (20, 100)
    assert preferences.device_box.currentData() == "cpu"


def test_a_theme_and_a_device_are_said_at_once(preferences: PreferencesDialog, qtbot: Any) -> None:
    with qtbot.waitSignal(preferences.theme_chosen) as signal:
        preferences.theme_box.setCurrentIndex(1)
    assert signal.args == [ThemeChoice.LIGHT]
    with qtbot.waitSignal(preferences.device_chosen) as signal:
        preferences.device_box.setCurrentIndex(0)
    assert signal.args == ["auto"]
    assert preferences.pace_box.currentData() == Pace.AUTOMATIC
    with qtbot.waitSignal(preferences.pace_chosen) as signal:
        preferences.pace_box.setCurrentIndex(1)
    assert signal.args == [Pace.GENTLE]


def test_band_limits_cannot_cross(preferences: PreferencesDialog, qtbot: Any) -> None:
    chosen: list[BandLimits] = []
    preferences.limits_chosen.connect(chosen.append)
    preferences.medium.setValue(500)
    assert preferences.medium.value() == 99
    preferences.medium.setValue(3)
    preferences.medium.editingFinished.emit()
    preferences.head.setValue(1)
    assert preferences.head.value() == 4
    preferences.head.editingFinished.emit()
    preferences.head.editingFinished.emit()
    assert chosen == [BandLimits(3, 100), BandLimits(3, 4)]


def test_without_a_library_only_the_theme_can_be_set(qtbot: Any) -> None:
    dialog = PreferencesDialog(ThemeChoice.SYSTEM)
    qtbot.addWidget(dialog)
    assert dialog.theme_box.isEnabled()
    assert not dialog.medium.isEnabled() and not dialog.device_box.isEnabled()


def test_about_names_versions_without_importing_torch(qtbot: Any) -> None:
    before = "torch" in sys.modules  # other tests of this process may need it
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    assert re.search(r"PyTorch: \d", dialog.versions.text())
    assert re.search(r"Qt: 6\.\d", dialog.versions.text())
    dialog.copy_versions()
    assert QGuiApplication.clipboard().text() == dialog.versions.text()
    assert ("torch" in sys.modules) is before


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "unknown"),
        (3, "a few seconds"),
        (42, "about 40 seconds"),
        (150, "about 2 minutes"),
        (5400, "about 1.5 hours"),
    ],
)
def test_durations_are_rounded_to_what_is_known(seconds: float | None, words: str) -> None:
    assert formats.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "unknown size"),
        (800, "800 bytes"),
        (1_500, "1.5 kB"),
        (598_600_000, "599 MB"),
        (2_400_000_000, "2.4 GB"),
    ],
)
def test_sizes_use_powers_of_ten(count: int, words: str) -> None:
    assert formats.file_size(count) == words


def test_changes_carry_a_sign_and_dates_are_local() -> None:
    assert formats.change(0.428, 0.512) == "+8.4"
    assert formats.change(0.5, 0.4) == "−10.0"
    assert formats.change(0.5, 0.50001) == "±0.0"
    assert formats.change(None, 0.4) == "–"
    assert re.fullmatch(r"2026-11-2\d \d\d:30", formats.local_time("2026-11-23T09:30:00+00:00"))
    assert formats.local_time("no date") == "no date"


def test_preferences_follow_a_theme_chosen_in_the_menu(preferences: PreferencesDialog) -> None:
    theme.manager().apply(ThemeChoice.LIGHT)
    assert preferences.theme_box.currentIndex() == list(ThemeChoice).index(ThemeChoice.LIGHT)
