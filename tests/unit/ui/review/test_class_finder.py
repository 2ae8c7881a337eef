"""Finding a class by a part of its name."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.ui.review.class_finder import ClassFinder, matching

NAMES = ("traffic light", "street light", "light bulb", "kite", "lighthouse")


@pytest.fixture
def finder(qtbot: QtBot) -> ClassFinder:
    made = ClassFinder()
    qtbot.addWidget(made)
    made.set_classes(tuple(ClassEntry(i, name) for i, name in enumerate(NAMES, 10)))
    made.show()
    qtbot.waitExposed(made)
    return made


def test_names_that_begin_with_the_text_come_first() -> None:
    assert [NAMES[i] for i in matching("light", NAMES)] == [
        "light bulb", "lighthouse", "street light", "traffic light",
    ]  # fmt: skip
    assert [NAMES[i] for i in matching("li tr", NAMES)] == ["street light", "traffic light"]
    assert matching("zebra", NAMES) == []


def test_the_list_narrows_and_down_chooses(finder: ClassFinder, qtbot: QtBot) -> None:
    chosen: list[tuple[int, bool]] = []
    finder.chosen.connect(lambda class_id, present: chosen.append((class_id, present)))
    finder.start()
    assert not finder.list.isVisible()
    qtbot.keyClicks(finder.line, "light")
    assert finder.list.count() == 4
    qtbot.keyClick(finder.line, Qt.Key.Key_Down)
    qtbot.keyClick(finder.line, Qt.Key.Key_Return)
    assert chosen == [(14, True)]
    assert not finder.line.text() and not finder.list.isVisible()


def test_enter_without_a_match_gives_no_verdict(finder: ClassFinder, qtbot: QtBot) -> None:
    chosen: list[int] = []
    finder.chosen.connect(lambda class_id, _present: chosen.append(class_id))
    finder.start()
    qtbot.keyClick(finder.line, Qt.Key.Key_Return)
    qtbot.keyClicks(finder.line, "zebra")
    qtbot.keyClick(finder.line, Qt.Key.Key_Return)
    assert chosen == []


def test_matches_are_announced(finder: ClassFinder, qtbot: QtBot) -> None:
    with qtbot.waitSignal(finder.found) as announced:
        finder.line.setText("kit")
    assert announced.args == ["1 class: kite"]
