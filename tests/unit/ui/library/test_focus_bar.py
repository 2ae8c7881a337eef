"""The line that names the class of the verdict keys."""

from __future__ import annotations

from dataclasses import asdict

from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.style_sheet import style_sheet
from lmpt_desktop.ui.library.focus_bar import FocusBar


def test_it_is_as_large_as_the_count_beside_it(qtbot: QtBot) -> None:
    font = QFont("Sans", 20)
    foot, count, bar = QWidget(), QLabel("3 selected"), FocusBar()
    qtbot.addWidget(foot)
    count.setProperty("role", "muted")
    row = QHBoxLayout(foot)
    row.addWidget(count)
    row.addWidget(bar)
    foot.setFont(font)
    foot.setStyleSheet(style_sheet(asdict(theme.LIGHT), font))
    bar.show_keys("P, A, U")
    bar.show_class("dog", pinned=False)
    foot.show()
    qtbot.waitExposed(foot)
    assert bar.text.text() == "P, A, U: dog" and bar.text.isVisible()
    assert bar.text.fontInfo().pixelSize() == count.fontInfo().pixelSize()
    assert bar.text.fontMetrics().height() == count.fontMetrics().height()
