"""The offer to repair a damaged library."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue import repairing
from lmpt_desktop.catalogue.errors import CatalogueDamaged
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
    assert dialog.strip.button.isEnabled()
