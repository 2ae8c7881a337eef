"""Writing captions where that cannot be done: said in a sentence, with what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000


def test_without_a_captioner_one_sentence_says_what_to_do(  # noqa: PLR0917 - fixtures
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    window = launch(photos)
    settled(window)
    caplog.set_level(logging.INFO)
    window.commands.trigger("model.captions")
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    note = window.notifications.shown[0]
    assert note.title == "Captions could not be written"
    assert "is not on this computer" in note.message and "Model > Backbone" in note.message
    # An expected refusal: one line in the log, below what goes to stderr, and no stack trace.
    said = [item for item in caplog.records if "not on this computer" in item.getMessage()]
    assert [item.levelno for item in said] == [logging.INFO]
    assert not any(item.exc_info for item in caplog.records)
    (button,) = [item for item in note.findChildren(QPushButton) if "backbone" in item.text()]
    button.click()
    assert window.context.dialogs.find("backbone") is not None
