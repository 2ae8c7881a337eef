"""The chips of a photo's classes: what marks a rare class."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.inspector.image_facts import ClassFacts
from lmpt_desktop.ui.kit.texts import band_name
from lmpt_desktop.ui.review.chips import Chip
from trainer.bands import Band


def painted(qtbot: QtBot, band: Band | None) -> tuple[Chip, QImage]:
    chip = Chip(1)
    qtbot.addWidget(chip)
    chip.resize(260, 32)
    chip.show_class(ClassFacts(1, "dog", 0.5, True, Verdict.UNKNOWN, band, 0.2), marked=False)
    return chip, chip.grab().toImage()


@pytest.mark.parametrize("band", [Band.HEAD, Band.MEDIUM])
def test_only_a_rare_class_has_a_mark(qtbot: QtBot, band: Band) -> None:
    _, plain = painted(qtbot, None)
    chip, common = painted(qtbot, band)
    assert common == plain
    assert painted(qtbot, Band.TAIL)[1] != plain
    assert chip.accessibleName().endswith(band_name(band))
