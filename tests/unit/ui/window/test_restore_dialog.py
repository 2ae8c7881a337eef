"""The offer to repair a damaged library."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue import repairing, restoring
from lmpt_desktop.catalogue.errors import CatalogueDamaged, CatalogueDiskFull
from lmpt_desktop.catalogue.restoring import Copy
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.ui.window.restore_dialog import RestoreDialog

WAIT_MS = 30_000


def test_a_repaired_copy_is_listed_and_what_it_lacks_is_said(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "backups" / "repaired-20260101T000000000000-000001.sqlite"

    def repair(library: Path) -> tuple[Path, Soundness]:
        if copy.exists():
            raise CatalogueDamaged("The file cannot be repaired.")
        copy.parent.mkdir()
        copy.touch()
        return copy, Soundness(damaged_tables=("annotations", "feature_chunks"), lost=2)

    monkeypatch.setattr(repairing, "repair_into_copy", repair)
    dialog = RestoreDialog(tmp_path, damaged="why")
    qtbot.addWidget(dialog)
    dialog.strip.button.click()
    qtbot.waitUntil(lambda: bool(dialog.model.rows), timeout=WAIT_MS)
    assert [row.path for row in dialog.model.rows] == [copy]
    for words in ("2 annotations were made again", "encoded again", "Nothing else is lost"):
        assert words in dialog.strip.text
    dialog.repair()
    qtbot.waitUntil(lambda: "cannot be repaired" in dialog.strip.text, timeout=WAIT_MS)
    assert dialog.strip.button.isHidden(), "it would fail again"


def test_a_repair_that_was_hindered_can_be_tried_again(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repair(library: Path) -> tuple[Path, Soundness]:
        raise CatalogueDiskFull("The disk is full.")

    monkeypatch.setattr(repairing, "repair_into_copy", repair)
    dialog = RestoreDialog(tmp_path, damaged="why")
    qtbot.addWidget(dialog)
    dialog.strip.button.click()
    qtbot.waitUntil(lambda: "full" in dialog.strip.text, timeout=WAIT_MS)
    assert dialog.strip.button.isEnabled() and not dialog.strip.button.isHidden()


def test_what_was_read_of_a_copy_is_not_shown_in_the_row_of_another(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, repaired = tmp_path / "old.sqlite", tmp_path / "repaired.sqlite"
    begun, listed_anew = threading.Event(), threading.Event()

    def examine(path: Path) -> Copy:
        if not begun.is_set():
            begun.set()
            assert listed_anew.wait(30)
        return Copy(path, "", datetime.now(UTC), 0, None, path.name)

    monkeypatch.setattr(restoring, "find_copies", lambda _library: [old])
    monkeypatch.setattr(restoring, "examine", examine)
    dialog = RestoreDialog(tmp_path, damaged="why")
    qtbot.addWidget(dialog)
    qtbot.waitUntil(begun.is_set, timeout=WAIT_MS)
    monkeypatch.setattr(restoring, "find_copies", lambda _library: [repaired, old])
    dialog._repaired((repaired, Soundness()))
    qtbot.waitUntil(
        lambda: len(dialog.model.rows) == 2 and all(row.copy for row in dialog.model.rows),
        timeout=WAIT_MS,
    )
    rows = dialog.model.rows
    listed_anew.set()
    qtbot.wait(200)
    assert dialog.model.rows is rows
    assert [row.copy and row.copy.path for row in dialog.model.rows] == [repaired, old]
