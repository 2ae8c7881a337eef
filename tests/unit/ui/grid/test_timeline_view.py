"""The strip of times above the grid."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from snapshots import make_snapshot

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import Dates, Period
from lmpt_desktop.inference.timeline import Unit
from lmpt_desktop.ui.grid.timeline_view import TimelineView

JUNE = Dates(date(2023, 6, 1), date(2023, 6, 30))
JUNE_TO_JULY = Dates(date(2023, 6, 1), date(2023, 7, 31))


def taken(*days: str) -> Snapshot:
    at = [int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) for day in days]
    return make_snapshot(np.full((len(at), 1), -1), taken=at)


@pytest.fixture
def strip(qtbot: Any) -> TimelineView:
    """Of photos of May 2021, June 2023 (two) and July 2023."""
    strip = TimelineView()
    qtbot.addWidget(strip)
    strip.resize(600, strip.sizeHint().height())
    with qtbot.waitActive(strip):
        strip.show()
        strip.activateWindow()
    strip.show_snapshot(taken("2021-05-05", "2023-06-01", "2023-06-30", "2023-07-04"))
    qtbot.waitUntil(lambda: bool(strip.timeline.periods))
    return strip


def heard_by(strip: TimelineView) -> list[Dates]:
    """What was chosen; as in the window, it is then what is shown."""
    heard: list[Dates] = []
    strip.chosen.connect(heard.append)
    strip.chosen.connect(strip.show_dates)
    return heard


def middle(strip: TimelineView, place: int) -> QPoint:
    return strip.bar(place).center().toPoint()


def test_a_click_chooses_a_time_and_another_one_all(strip: TimelineView) -> None:
    assert strip.timeline.unit is Unit.MONTH
    heard = heard_by(strip)
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=middle(strip, 1))
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=middle(strip, 1))
    assert heard == [JUNE, Dates()]


def test_a_drag_chooses_from_one_time_to_another(strip: TimelineView) -> None:
    heard = heard_by(strip)
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=middle(strip, 2))
    QTest.mouseMove(strip, middle(strip, 1))
    QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=middle(strip, 1))
    assert heard == [JUNE_TO_JULY]


def test_the_keyboard_does_all_of_it(strip: TimelineView, qtbot: Any) -> None:
    heard = heard_by(strip)
    strip.setFocus()
    assert strip.accessibleDescription() == "July 2023: 1 photo"
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert strip.accessibleDescription() == "June 2023: 2 photos"
    QTest.keyClick(strip, Qt.Key.Key_Return)
    QTest.keyClick(strip, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(strip, Qt.Key.Key_Space)
    QTest.keyClick(strip, Qt.Key.Key_Home)
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert strip.accessibleDescription() == "May 2021: 1 photo"
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert heard == [JUNE, JUNE_TO_JULY, Dates()]
    with qtbot.waitSignal(strip.left):
        QTest.keyClick(strip, Qt.Key.Key_Escape)


def test_the_keyboard_begins_at_what_is_chosen(qtbot: Any) -> None:
    strip = TimelineView()
    qtbot.addWidget(strip)
    strip.resize(600, strip.sizeHint().height())
    strip.show_dates(JUNE)
    with qtbot.waitActive(strip):
        strip.show()
        strip.activateWindow()
    strip.show_snapshot(taken("2021-05-05", "2023-06-01", "2023-06-30", "2023-07-04"))
    qtbot.waitUntil(lambda: bool(strip.timeline.periods))
    strip.setFocus()
    assert strip.accessibleDescription() == "June 2023: 2 photos"


def test_less_room_makes_longer_times(strip: TimelineView) -> None:
    strip.setFocus()
    strip.resize(30, strip.height())
    assert strip.timeline.unit is Unit.YEAR
    assert [period.count for period in strip.timeline.periods] == [1, 3]
    assert strip.accessibleDescription() == "2023: 3 photos"


def test_what_is_chosen_is_painted(strip: TimelineView) -> None:
    def grabbed() -> QImage:
        return strip.grab().toImage()

    plain = grabbed()
    strip.show_dates(JUNE)
    chosen = grabbed()
    assert chosen != plain
    strip.show_dates(Dates(period=Period.RECENT))
    assert grabbed() not in (plain, chosen)
    strip.show_dates(Dates())
    assert grabbed() == plain


def test_a_hidden_strip_counts_nothing(qtbot: Any) -> None:
    strip = TimelineView()
    qtbot.addWidget(strip)
    strip.show_snapshot(taken("2023-06-01"))
    assert not strip._counting.busy
    strip.show()
    qtbot.waitUntil(lambda: bool(strip.timeline.periods))


def test_keys_on_a_library_without_photos_do_nothing(qtbot: Any) -> None:
    strip = TimelineView()
    qtbot.addWidget(strip)
    strip.show()
    strip.setFocus()
    heard = heard_by(strip)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_Return):
        QTest.keyClick(strip, key)
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton)
    assert heard == []


def test_right_to_left_the_first_time_is_at_the_right(strip: TimelineView) -> None:
    strip.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert strip.bar(0).x() > strip.bar(2).x()
    heard = heard_by(strip)
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=middle(strip, 1))
    assert heard == [JUNE]
