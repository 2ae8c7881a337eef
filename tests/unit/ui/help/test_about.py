"""What the app is made of."""

from __future__ import annotations

import re
import sys

from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.help.about import AboutDialog


def test_about_names_versions_without_importing_torch(qtbot: QtBot) -> None:
    before = "torch" in sys.modules  # other tests of this process may need it
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    assert re.search(r"PyTorch: \d", dialog.versions.text())
    assert re.search(r"Qt: 6\.\d", dialog.versions.text())
    dialog.copy_versions()
    assert QGuiApplication.clipboard().text() == dialog.versions.text()
    assert ("torch" in sys.modules) is before
