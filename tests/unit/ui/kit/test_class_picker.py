from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.ui.kit.class_picker import ClassButton, ClassPicker

NAMES = ("heron", "grey heron", "person", "Egret")
HERON, GREY, PERSON, EGRET = range(1, 5)
CLASSES = tuple(ClassEntry(1 + i, name, position=i) for i, name in enumerate(NAMES))
COUNTS = np.array([4, 1, 250, 0], np.int64)


@pytest.fixture
def picker(qtbot: QtBot) -> ClassPicker:
    picker = ClassPicker()
    qtbot.addWidget(picker)
    picker.show_classes(CLASSES, COUNTS)
    picker.resize(280, 300)
    with qtbot.waitActive(picker):
        picker.show()
        picker.activateWindow()
    return picker


def listed(picker: ClassPicker) -> list[str]:
    return [row.name for row in picker.model.rows]


def test_classes_are_listed_by_name_with_their_numbers_of_photos(picker: ClassPicker) -> None:
    assert [(row.name, row.count) for row in picker.model.rows] == [
        ("Egret", 0),
        ("grey heron", 1),
        ("heron", 4),
        ("person", 250),
    ]


def test_a_search_lists_first_what_begins_with_it(picker: ClassPicker, qtbot: QtBot) -> None:
    qtbot.keyClicks(picker.search, "HER")
    assert listed(picker) == ["heron", "grey heron"]
    qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    assert picker.chosen() == (HERON,)
    picker.search.clear()
    qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    assert picker.chosen() == (HERON,), "Enter without a text picks nothing"


def test_rows_do_not_move_while_they_are_picked_but_are_first_the_next_time(
    picker: ClassPicker, qtbot: QtBot
) -> None:
    picker.list.setCurrentIndex(picker.model.index(3))
    qtbot.keyClick(picker.list, Qt.Key.Key_Space)
    assert listed(picker)[-1] == "person"
    picker.begin()
    assert listed(picker)[0] == "person"


def test_a_class_is_either_ticked_or_left_out(picker: ClassPicker, qtbot: QtBot) -> None:
    heard: list[int] = []
    picker.changed.connect(lambda: heard.append(1))
    place = picker.model.place_of(PERSON)
    picker.list.setCurrentIndex(picker.model.index(place))
    qtbot.keyClick(picker.list, Qt.Key.Key_Space)
    qtbot.keyClick(picker.list, Qt.Key.Key_Minus)
    assert (picker.chosen(), picker.left_out()) == ((), (PERSON,))
    qtbot.keyClick(picker.list, Qt.Key.Key_Space, Qt.KeyboardModifier.ShiftModifier)
    assert (picker.chosen(), picker.left_out()) == ((), ())
    assert len(heard) == 3


def test_a_click_ticks_and_a_click_on_not_leaves_out(picker: ClassPicker, qtbot: QtBot) -> None:
    area = picker.list.visualRect(picker.model.index(picker.model.place_of(HERON)))
    button, viewport = Qt.MouseButton.LeftButton, picker.list.viewport()
    qtbot.mouseClick(viewport, button, pos=area.center())
    assert picker.chosen() == (HERON,)
    qtbot.mouseClick(viewport, button, pos=QPoint(area.right() - 8, area.center().y()))
    assert (picker.chosen(), picker.left_out()) == ((), (HERON,))


def test_screen_readers_hear_name_number_and_what_is_picked(picker: ClassPicker) -> None:
    picker.choose((HERON,), (PERSON,))
    heard = [
        picker.model.data(picker.model.index(place), Qt.ItemDataRole.AccessibleTextRole)
        for place in range(4)
    ]
    assert heard == [
        "Egret, 0 photos",
        "grey heron, 1 photo",
        "heron, 4 photos, ticked",
        "person, 250 photos, left out",
    ]


def test_a_class_that_is_gone_stays_listed_while_it_is_picked(
    picker: ClassPicker, qtbot: QtBot
) -> None:
    picker.choose((HERON, 99), names={99: "stork"})
    assert listed(picker)[-1] == "stork (gone)"
    assert picker.name(99) == "stork (gone)"
    assert not picker.knows(99)
    picker.show_classes(CLASSES[1:])
    assert "heron (gone)" in listed(picker)
    picker.choose(())
    assert listed(picker) == ["Egret", "grey heron", "person"]


def test_new_numbers_keep_the_current_row(picker: ClassPicker) -> None:
    picker.list.setCurrentIndex(picker.model.index(2))
    picker.show_classes(CLASSES, COUNTS + 1)
    assert picker.list.currentIndex().row() == 2
    assert picker.model.rows[2].count == 5


def test_down_goes_to_the_list_and_up_back_to_the_search(picker: ClassPicker, qtbot: QtBot) -> None:
    picker.search.setFocus()
    qtbot.keyClick(picker.search, Qt.Key.Key_Down)
    assert picker.list.hasFocus()
    qtbot.keyClick(picker.list, Qt.Key.Key_Up)
    assert picker.search.hasFocus()


def test_one_class_is_chosen_with_a_button_and_its_list(qtbot: QtBot) -> None:
    button = ClassButton()
    qtbot.addWidget(button)
    button.show_classes(CLASSES)
    button.choose(PERSON)
    button.show()
    heard: list[int] = []
    button.chosen.connect(heard.append)
    button.click()
    qtbot.keyClicks(button.picker.search, "egr")
    qtbot.keyClick(button.picker.search, Qt.Key.Key_Return)
    assert heard == [EGRET]
    assert button.class_id == EGRET
    assert "Egret" in button.text()
    assert not button.picker.isVisible()
