"""The inspector as the user handles it."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from ui_libraries import CUP, DOG, DRIER, KITE, MISSING, PERSON, UNREADABLE, verdict_of

from lmpt_desktop.catalogue.store import Store
from lmpt_desktop.domain.class_order import card_columns
from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.notices import AnnotationsChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.confirmation import confirmation
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.inspector.class_delegate import BUTTONS
from lmpt_desktop.ui.inspector.class_model import ClassRow, Kind, Section
from lmpt_desktop.ui.inspector.panel import InspectorPanel
from lmpt_desktop.ui.inspector.photo_view import EDGE, read_reduced
from lmpt_desktop.ui.inspector.summary import Show, summarise
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.theme import ThemeChoice
from trainer.bands import Band

SPOKEN = Qt.ItemDataRole.AccessibleTextRole


@pytest.fixture
def panel(session: LibrarySession, qtbot: Any) -> InspectorPanel:
    """Commits what is wanted, and keeps the best suggestion in focus, as the window does."""
    panel = InspectorPanel(session)
    qtbot.addWidget(panel)
    panel.resize(340, 900)
    undo_stack = AnnotationUndoStack(session, panel)
    annotations = session.annotations
    panel.verdict_requested.connect(undo_stack.annotate)
    panel.confirm_requested.connect(
        lambda ids: annotations.confirm(confirmation(session.snapshot(), np.array(ids)))
    )
    panel.rest_absent_requested.connect(lambda ids: undo_stack.mark_reviewed(ids, True))
    panel.unreviewed_requested.connect(lambda ids: undo_stack.mark_reviewed(ids, False))
    panel.pin_requested.connect(panel.show_focus)
    refresh = panel.refresh
    session.subscribe(lambda notice: refresh() if isinstance(notice, AnnotationsChanged) else None)
    panel.show()
    return panel


def rows_in(panel: InspectorPanel, section: Section, kind: Kind = Kind.CLASS) -> list[int]:
    """The rows of one kind in a section."""
    items = panel.model.items
    return [row for row, item in enumerate(items) if item[:2] == (kind, section)]


def names(panel: InspectorPanel, section: Section, kind: Kind = Kind.CLASS) -> list[str]:
    return [named(panel, row).name for row in rows_in(panel, section, kind)]


def named(panel: InspectorPanel, row: int) -> ClassRow:
    found = panel.model.class_row(row)
    assert found is not None
    return found


def texts(panel: InspectorPanel) -> list[str]:
    """The headings, folds and notes, from top to bottom."""
    model = panel.model
    return [model.text(row) for row in range(model.rowCount()) if model.text(row)]


def spoken(panel: InspectorPanel, class_id: int) -> str:
    row = panel.model.row_of_class(class_id)
    assert row >= 0
    return panel.model.index(row).data(SPOKEN)


def test_suggestions_are_what_is_predicted_by_score(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    panel.show_images([1])
    snapshot = session.snapshot()
    expected = [
        snapshot.classes[column].name
        for column in np.argsort(-snapshot.scores[0], kind="stable")
        if snapshot.predicted[0, column]
    ]
    assert expected
    assert names(panel, Section.SUGGESTED) == expected
    numbers = [named(panel, row).number for row in rows_in(panel, Section.SUGGESTED)]
    assert numbers == list(range(1, len(expected) + 1))


def test_the_order_is_that_of_the_cards(panel: InspectorPanel, session: LibrarySession) -> None:
    session.annotations.annotate([1, 2, 3], [DRIER], Verdict.PRESENT)
    session.annotations.annotate([1, 2, 3], [CUP, KITE], Verdict.ABSENT)
    for image in (1, 2, 3):
        panel.show_images([image])
        snapshot = session.snapshot()
        row = snapshot.row_of[image]
        cells = (snapshot.annotations[row], snapshot.scores[row], snapshot.predicted[row])
        shown = [
            *names(panel, Section.TAGS, Kind.CHIP),
            *names(panel, Section.SUGGESTED),
        ]
        assert shown == [snapshot.classes[column].name for column in card_columns(*cells)]
        # And of a class that is pinned, as by a filter.
        panel.show_focus(PERSON, True)
        asked = card_columns(*cells, (snapshot.column_of[PERSON],))
        shown = [
            *names(panel, Section.TAGS, Kind.CHIP),
            *names(panel, Section.SUGGESTED),
        ]
        assert shown == [snapshot.classes[column].name for column in asked]
        panel.show_focus(None, False)


def test_only_rows_that_look_different_are_announced(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    panel.show_images([1])
    panel.model.set_show(Show.ALL)
    summary = panel.model.summary
    assert summary is not None
    heard: list[int] = []
    panel.model.dataChanged.connect(
        lambda first, last: heard.extend(range(first.row(), last.row() + 1))
    )
    scores = summary.scores.copy()
    column = int(np.nanargmax(scores))
    scores[column] += 1e-4  # stays the first
    panel.model.set_summary(replace(summary, scores=scores))
    items = panel.model.items
    listed = {row for row, item in enumerate(items) if item.column == column}
    assert listed
    assert listed == {row for row in heard if items[row].column >= 0}
    heard.clear()
    panel.model.set_summary(replace(summary, images=2))
    assert heard == list(range(len(items)))


def test_all_classes_are_listed_only_when_asked_for(panel: InspectorPanel, qtbot: Any) -> None:
    panel.show_images([1])
    assert rows_in(panel, Section.ALL) == []
    [heading] = rows_in(panel, Section.ALL, Kind.HEADING)
    place = panel.view.visualRect(panel.model.index(heading)).center()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    listed = [named(panel, row).score or 0 for row in rows_in(panel, Section.ALL)]
    assert len(listed) == 6
    assert listed == sorted(listed, reverse=True)
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert rows_in(panel, Section.ALL) == []


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        (Qt.Key.Key_P, Verdict.PRESENT),
        (Qt.Key.Key_A, Verdict.ABSENT),
        (Qt.Key.Key_U, Verdict.UNKNOWN),
    ],
)
def test_a_key_gives_the_class_in_focus_its_verdict(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any, key: Qt.Key, verdict: Verdict
) -> None:
    panel.show_images([1])
    assert panel.focus_class(KITE)
    row = panel.focused_class()
    assert row is not None and row.class_id == KITE
    session.annotations.annotate([1], [KITE], Verdict.PRESENT)
    qtbot.keyClick(panel.view, key)
    assert verdict_of(session, 1, KITE) == verdict


def test_the_class_in_focus_is_named_below_only_while_its_row_is_out_of_sight(
    panel: InspectorPanel, qtbot: Any
) -> None:
    panel.show_images([1])
    first = panel.suggested_classes()[0]
    panel.show_focus(first, True)
    assert not panel.note.isVisible(), "its row is marked"
    bar = panel.view.verticalScrollBar()
    marked = panel.view.visualRect(panel.model.index(panel.model.row_of_class(first)))
    while bar.maximum() <= marked.top():  # until it can be scrolled out of sight
        panel.resize(panel.width(), panel.height() - 10)
        QApplication.processEvents()
        assert panel.height() > panel.minimumSizeHint().height()
    assert not panel.note.isVisible()
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: panel.note.isVisible() and panel.pin.isVisible())
    bar.setValue(0)
    qtbot.waitUntil(lambda: not panel.note.isVisible())
    panel.show_focus(None, False)
    bar.setValue(bar.maximum())
    QApplication.processEvents()
    assert not panel.note.isVisible()


def test_the_keyboard_goes_on_with_the_next_suggestion(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    ids = list(range(1, 9))
    panel.show_images(ids)
    before = panel.suggested_classes()
    panel.activateWindow()
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    panel.show_focus(before[1], False)
    qtbot.keyClick(panel.view, Qt.Key.Key_P)
    assert verdict_of(session, 2, before[1]) == Verdict.PRESENT
    # Numbers mean what was on the screen, so that 1 and 2 can be typed at once.
    assert panel.suggested_classes()[: len(before)] == before
    listed = [
        row.class_id
        for place in range(panel.model.rowCount())
        if (row := panel.model.class_row(place)) is not None and row.number
    ]
    assert before[1] not in listed and set(before) - {before[1]} <= set(listed)
    row = panel.focused_class()
    assert row is not None and row.class_id == before[2]


def test_numbers_follow_the_order_until_one_is_answered(panel: InspectorPanel) -> None:
    panel.show_images([1])
    summary = panel.model.summary
    assert summary is not None
    first, second = panel.suggested_classes()[:2]
    scores = summary.scores.copy()
    column_of = summary.snapshot.column_of
    scores[column_of[second]] = scores[column_of[first]] + 1e-4
    panel.model.set_summary(replace(summary, scores=scores))
    assert panel.suggested_classes()[:2] == (second, first)
    rows = [named(panel, row) for row in rows_in(panel, Section.SUGGESTED)]
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


def test_the_class_the_user_goes_to_is_announced_and_marked(
    panel: InspectorPanel, qtbot: Any
) -> None:
    panel.show_images([2])
    first, second = panel.suggested_classes()[:2]
    panel.show_focus(first, False)
    announced: list[int] = []
    panel.class_focused.connect(announced.append)
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert announced == [second]
    assert "class in focus" in spoken(panel, second)
    assert "class in focus" not in spoken(panel, first)
    panel.show_focus(first, False)
    assert announced == [second]  # being told is not announced
    row = panel.view.focused_class()
    assert row is not None and row.class_id == first


def test_a_pinned_class_is_shown_wherever_it_is_and_named(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    [absent_from_both] = [
        entry.id
        for column, entry in enumerate(session.snapshot().classes)
        if entry.id == DRIER and not session.snapshot().predicted[0, column]
    ]
    panel.show_focus(absent_from_both, True)
    assert DRIER in panel.suggested_classes()
    assert "pinned" in spoken(panel, DRIER)
    assert panel.note.text().endswith("hair drier")
    wanted: list[tuple[int, bool]] = []
    panel.pin_requested.connect(lambda *what: wanted.append(what))
    panel.pin.click()
    assert wanted == [(DRIER, False)]
    menu = panel.view.menu_of(named(panel, panel.model.row_of_class(DRIER)))
    [pin] = [action for action in menu.actions() if "focus" in action.text()]
    pin.trigger()
    assert wanted[1:] == [(DRIER, True)]
    swept: list[int] = []
    panel.sweep_requested.connect(swept.append)
    menu.actions()[-1].trigger()
    assert swept == [DRIER]


def test_the_class_in_focus_is_not_suggested_in_the_next_photo(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    other = next(
        entry.id
        for column, entry in enumerate(session.snapshot().classes)
        if not session.snapshot().predicted[1, column]
    )
    panel.show_focus(other, False)
    assert other in panel.suggested_classes()  # never out of sight
    panel.activateWindow()
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    announced: list[int] = []
    panel.class_focused.connect(announced.append)
    panel.show_images([2])
    assert other not in panel.suggested_classes()
    assert announced == []
    panel.show_focus(other, True)
    panel.show_images([1])
    assert panel.suggested_classes()[0] == other


def test_another_photo_opens_at_the_top(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    session.vocabulary.set_all([ClassSpec(f"class {i:04}") for i in range(200)])
    panel.show_images([1])
    panel.set_show(Show.ALL)
    bar = panel.view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 2000)
    bar.setValue(1500)
    panel.refresh()
    assert bar.value() == 1500  # the same photo stays where it is
    panel.show_images([2])
    assert bar.value() == 0
    # The class in focus is scrolled to only if it is out of sight.
    seen = named(panel, rows_in(panel, Section.ALL)[0]).class_id
    panel.show_focus(seen, False)
    assert bar.value() == 0
    panel.show_focus(named(panel, rows_in(panel, Section.ALL)[150]).class_id, False)
    assert bar.value() > 1000


def test_a_click_on_a_button_gives_its_verdict_and_the_next_takes_it_back(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    panel.set_show(Show.ALL)
    row = rows_in(panel, Section.ALL)[1]
    class_id = named(panel, row).class_id
    for clicked, expected in (
        (Verdict.ABSENT, Verdict.ABSENT),
        (Verdict.PRESENT, Verdict.PRESENT),
        (Verdict.PRESENT, Verdict.UNKNOWN),
    ):
        listed = rows_in(panel, Section.ALL)
        row = next(row for row in listed if named(panel, row).class_id == class_id)
        place = button(panel, row, clicked)
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert verdict_of(session, 1, class_id) == expected


def test_a_click_beside_the_buttons_only_moves_there(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([2])
    row = rows_in(panel, Section.SUGGESTED)[1]
    place = panel.view.visualRect(panel.model.index(row)).topLeft() + QPoint(40, 10)
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    focused = panel.focused_class()
    assert focused is not None and focused.class_id == panel.suggested_classes()[1]
    assert not (session.snapshot().annotations >= 0).any()


def button(panel: InspectorPanel, row: int, verdict: Verdict) -> QPoint:
    """Where a verdict button is in the list."""
    geometry = panel.view.delegate.geometry(panel.view.option_of(row), named(panel, row))
    area = geometry.buttons[BUTTONS.index(verdict)]
    assert area.width() >= 24 and area.height() >= 24
    return area.center().toPoint()


def test_a_tag_is_taken_back_by_mouse_and_by_keyboard(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    session.annotations.annotate([1], [DOG, KITE], Verdict.PRESENT)
    session.annotations.annotate([1], [CUP], Verdict.ABSENT)
    panel.show_images([1])
    assert names(panel, Section.TAGS, Kind.CHIP) == ["dog", "kite"]
    assert names(panel, Section.ABSENT, Kind.CHIP) == ["cup"]
    area = panel.view.visualRect(panel.model.index(panel.model.row_of_class(DOG)))
    remove = QPoint(area.right() - 10, area.center().y())
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=remove)
    assert verdict_of(session, 1, DOG) == Verdict.UNKNOWN
    assert verdict_of(session, 1, KITE) == Verdict.PRESENT
    qtbot.keyClick(panel.view, Qt.Key.Key_Home)
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    assert panel.focused_class() is not None
    qtbot.keyClick(panel.view, Qt.Key.Key_Delete)
    assert verdict_of(session, 1, CUP) == Verdict.UNKNOWN


def test_many_absent_classes_are_folded(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    session.annotations.mark_reviewed([1])
    panel.show_images([1])
    assert "6 absent" in texts(panel)
    assert names(panel, Section.ABSENT, Kind.CHIP) == []
    panel.view.setFocus()
    qtbot.keyClick(panel.view, Qt.Key.Key_Home)
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    assert len(names(panel, Section.ABSENT, Kind.CHIP)) == 6


def test_digits_are_left_to_the_page_which_knows_the_numbers(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    panel.show_images([2])
    shown = [named(panel, row) for row in rows_in(panel, Section.SUGGESTED)]
    by_number = {row.number: row.class_id for row in shown}
    assert [by_number[number] for number in sorted(by_number)] == list(panel.suggested_classes())
    nothing = Qt.KeyboardModifier.NoModifier
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_2, nothing, "2")
    panel.view.keyPressEvent(event)
    assert not event.isAccepted()
    assert not (session.snapshot().annotations >= 0).any()


def test_the_buttons_are_reached_and_pressed_by_keyboard(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([2])
    first = panel.suggested_classes()[0]
    panel.show_focus(first, False)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        qtbot.keyClick(panel.view, key)
    assert verdict_of(session, 2, first) == Verdict.ABSENT


def test_a_verdict_applies_to_every_selected_photo(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1, 2, 3])
    session.annotations.annotate([1], [DOG], Verdict.PRESENT)
    assert panel.focus_class(DOG)
    row = panel.focused_class()
    assert row is not None and row.verdict is None
    assert row.count_text == "1 of 3"
    assert "mixed: 1 present, 2 unknown" in spoken(panel, DOG)
    qtbot.keyClick(panel.view, Qt.Key.Key_A)
    assert [verdict_of(session, image, DOG) for image in (1, 2, 3, 4)] == [0, 0, 0, -1]
    assert "3 photos selected" in panel.facts.name.text()


def test_of_several_photos_what_most_of_them_have_is_suggested_first(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    ids = list(range(1, 9))
    panel.show_images(ids)
    predicted = session.snapshot().predicted[:8].sum(axis=0)
    counts = [named(panel, row).open for row in rows_in(panel, Section.SUGGESTED)]
    assert counts == sorted((int(count) for count in predicted if count), reverse=True)


def test_the_search_box_finds_any_class_and_hands_over_to_the_list(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    panel.find_class()
    qtbot.keyClicks(panel.search, "hair")
    assert names(panel, Section.ALL) == ["hair drier"]
    qtbot.keyClick(panel.search, Qt.Key.Key_Down)
    qtbot.keyClick(panel.view, Qt.Key.Key_P)
    assert verdict_of(session, 1, DRIER) == Verdict.PRESENT
    qtbot.keyClick(panel.search, Qt.Key.Key_Escape)
    assert "hair drier" in names(panel, Section.TAGS, Kind.CHIP)


def test_typing_in_the_search_box_gives_no_verdict(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    panel.search.setFocus()
    qtbot.keyClicks(panel.search, "pau1/")
    assert panel.search.text() == "pau1/"
    assert not (session.snapshot().annotations >= 0).any()


def empty_text(panel: InspectorPanel) -> str:
    """What stands where no class is listed."""
    label = panel.findChild(QLabel, "inspector-empty")
    assert label is not None
    return label.text()


def test_that_no_class_was_found_is_shown(panel: InspectorPanel, qtbot: Any) -> None:
    panel.show_images([1])
    qtbot.keyClicks(panel.search, "zebra")
    assert "No class matches “zebra”." in texts(panel)


def test_a_class_that_leaves_the_list_leaves_the_next_one_in_focus(
    panel: InspectorPanel, qtbot: Any
) -> None:
    panel.show_images([1])
    panel.set_show(Show.UNKNOWN)
    panel.activateWindow()
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    qtbot.keyClick(panel.view, Qt.Key.Key_End)
    qtbot.keyClick(panel.view, Qt.Key.Key_Up)
    before = names(panel, Section.ALL)
    row = panel.focused_class()
    assert row is not None and row.name == before[-2]
    qtbot.keyClick(panel.view, Qt.Key.Key_P)
    assert names(panel, Section.ALL) == [*before[:-2], before[-1]]
    row = panel.focused_class()
    assert row is not None and row.name == before[-1]


@pytest.mark.parametrize("ids", [[1], [1, 2, 3], [1, MISSING]])
def test_what_the_button_says_is_what_is_committed(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any, ids: list[int]
) -> None:
    session.annotations.annotate([1], [DRIER], Verdict.PRESENT)
    session.annotations.annotate([1], [DOG], Verdict.ABSENT)
    panel.show_images(ids)
    before = session.snapshot()
    confirm = panel.confirm.confirm
    present, absent = map(int, re.findall(r"(\d+) (?:present|absent)", confirm.accessibleName()))
    assert present and absent
    qtbot.mouseClick(confirm, Qt.MouseButton.LeftButton)
    after = session.snapshot()
    for verdict, count in ((Verdict.PRESENT, present), (Verdict.ABSENT, absent)):
        changed = (before.annotations != verdict) & (after.annotations == verdict)
        assert np.count_nonzero(changed) == count
    assert verdict_of(session, 1, DRIER) == Verdict.PRESENT
    assert verdict_of(session, 1, DOG) == Verdict.ABSENT
    assert after.reviewed[after.rows(ids)].tolist() == [image != MISSING for image in ids]


def test_a_reviewed_photo_says_so_and_can_be_made_not_reviewed(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1, 2])
    qtbot.mouseClick(panel.confirm.confirm, Qt.MouseButton.LeftButton)
    assert "Reviewed" in panel.confirm.confirm.text()
    assert not panel.confirm.confirm.isEnabled()
    annotations = session.snapshot().annotations.copy()
    qtbot.mouseClick(panel.confirm.undo_review, Qt.MouseButton.LeftButton)
    assert not session.snapshot().reviewed.any()
    assert np.array_equal(session.snapshot().annotations, annotations)
    panel.show_images([1])
    panel.confirm.show_keys("R", "Shift+Return", "Shift+R")
    assert "0 present, 0 absent" in panel.confirm.confirm.accessibleName()


def test_a_class_whose_name_is_not_encoded_yet_is_not_confirmed(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = session.snapshot()
    scores = snapshot.scores.copy()
    scores[:, -1] = np.nan
    monkeypatch.setattr(session, "snapshot", lambda: replace(session_snapshot(), scores=scores))
    session_snapshot = type(session).snapshot.__get__(session)
    panel.show_images([1])
    qtbot.mouseClick(panel.confirm.confirm, Qt.MouseButton.LeftButton)
    assert session.snapshot().annotations[0, -1] == Verdict.UNKNOWN
    assert (session.snapshot().annotations[0, :-1] != Verdict.UNKNOWN).all()
    panel.refresh()
    assert "Reviewed" in panel.confirm.confirm.text()
    assert "no prediction yet" in panel.confirm.confirm.toolTip()


def test_the_rest_can_be_made_absent_from_the_menu(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    session.annotations.annotate([1], [DOG], Verdict.PRESENT)
    panel.show_images([1])
    assert "(5)" in panel.confirm.rest_absent.text()
    assert not panel.confirm.unreviewed.isEnabled()
    panel.confirm.rest_absent.trigger()
    assert session.snapshot().annotations[0].tolist() == [1, 0, 0, 0, 0, 0]
    assert session.snapshot().reviewed[0]


def test_a_photo_that_is_not_encoded_cannot_be_confirmed(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    panel.show_images([MISSING])
    assert not panel.confirm.confirm.isEnabled()
    assert "no predictions" in panel.confirm.confirm.text()
    assert panel.confirm.rest_absent.isEnabled()
    summary = replace(summarise(session.snapshot(), [MISSING]), not_ok=0)
    panel.confirm.show_summary(summary)
    assert "encoded" in panel.confirm.confirm.text()


@pytest.mark.parametrize("width", [120, 180, 240, 300, 420])
def test_the_button_never_cuts_a_count(panel: InspectorPanel, width: int) -> None:
    panel.show_images([1, 2, 3])
    panel.confirm.show_keys("R", "", "")
    button_ = panel.confirm.confirm
    button_.setFixedWidth(width)
    text, whole = button_.text(), button_.accessibleName()
    assert button_.fontMetrics().horizontalAdvance(text) <= width
    counts = re.findall(r"\d+", text)
    assert counts in (re.findall(r"\d+", whole), ["3"], [])


def test_states_are_named_beside_the_file_name(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    assert panel.facts.badges.texts == []
    session.annotations.mark_reviewed([1])
    assert panel.facts.badges.texts == ["Reviewed"]
    session.catalogue.runs.add_held_out([1])
    panel.refresh()
    qtbot.waitUntil(lambda: panel.facts.badges.texts == ["Reviewed", "Held out"])
    panel.show_images([MISSING])
    assert panel.facts.badges.texts == ["Missing"]
    panel.show_images([UNREADABLE])
    assert panel.facts.badges.texts == ["Unreadable"]


def test_a_correction_is_named_in_words(panel: InspectorPanel, session: LibrarySession) -> None:
    panel.show_images([1])
    best = panel.suggested_classes()[0]
    session.annotations.annotate([1], [best], Verdict.ABSENT)
    row = panel.model.row_of_class(best)
    assert "corrected" in spoken(panel, best)
    assert "contradict" in panel.model.index(row).data(Qt.ItemDataRole.ToolTipRole)


def test_a_photo_without_prediction_is_marked(panel: InspectorPanel) -> None:
    panel.show_images([MISSING])
    assert "Only photos whose file can be read get predictions." in texts(panel)
    panel.set_show(Show.ALL)
    assert "no score yet" in spoken(panel, DOG)
    assert "rare" not in spoken(panel, DOG)


def test_missing_and_unreadable_photos_show_what_is_wrong(
    panel: InspectorPanel, qtbot: Any
) -> None:
    panel.show_images([MISSING])
    assert "no longer there" in panel.photo.message
    panel.show_images([UNREADABLE])
    qtbot.waitUntil(lambda: "cut short" in panel.photo.message)
    assert "cut short" in panel.facts.problem.text()


def test_the_photo_appears_without_blocking(panel: InspectorPanel, qtbot: Any) -> None:
    panel.show_images([1])
    qtbot.waitUntil(lambda: panel.photo.pixmap is not None, timeout=20_000)
    pixmap = panel.photo.pixmap
    assert pixmap is not None and (pixmap.width(), pixmap.height()) == (320, 240)
    assert "photo 0.jpg" in panel.photo.accessibleName()


def test_a_photo_passed_over_quickly_is_not_shown_later(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    for image in range(1, 9):
        panel.show_images([image])
    qtbot.waitUntil(lambda: panel.photo.pixmap is not None, timeout=20_000)
    QTest.qWait(50)
    shown, expected = panel.photo.pixmap, read_reduced(session.images.path(8))
    assert shown is not None
    assert shown.toImage().convertToFormat(QImage.Format.Format_RGB888) == expected


def test_photos_are_read_upright_and_reduced(tmp_path: Path) -> None:
    path = tmp_path / "sideways.jpg"
    image = Image.new("RGB", (3000, 2000), "navy")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    read = read_reduced(path)
    assert read.height() == EDGE
    assert read.width() == pytest.approx(EDGE * 2 / 3, abs=1)


def test_a_caption_is_committed_once_by_enter_or_by_leaving(
    panel: InspectorPanel, qtbot: Any
) -> None:
    wanted: list[tuple[int, str]] = []
    panel.caption_requested.connect(lambda image, text: wanted.append((image, text)))
    panel.show_images([1])
    qtbot.keyClicks(panel.facts.caption, "A dog  on a beach")
    qtbot.keyClick(panel.facts.caption, Qt.Key.Key_Return)
    panel.facts.caption.flush()
    assert wanted == [(1, "A dog on a beach")]
    qtbot.keyClicks(panel.facts.caption, "!")
    panel.show_images([2])
    assert wanted[1] == (1, "A dog  on a beach!".replace("  ", " "))
    assert len(wanted) == 2


def test_escape_takes_a_caption_back(panel: InspectorPanel, qtbot: Any) -> None:
    wanted: list[Any] = []
    panel.caption_requested.connect(lambda *what: wanted.append(what))
    panel.show_images([1])
    qtbot.keyClicks(panel.facts.caption, "oops")
    qtbot.keyClick(panel.facts.caption, Qt.Key.Key_Escape)
    panel.show_images([2])
    assert wanted == []


def test_no_selection_and_no_classes_are_explained(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([])
    assert "Select a photo" in panel.photo.message
    assert not panel.confirm.isVisible()
    session.vocabulary.set_all([])
    panel.show_images([1])
    assert "no classes" in empty_text(panel)
    [button] = [item for item in panel.findChildren(QPushButton) if "vocabulary" in item.text()]
    with qtbot.waitSignal(panel.vocabulary_requested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_photo_that_left_the_library_is_let_go(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    panel.show_images([999])
    assert panel.image_ids == []
    assert "Select a photo" in panel.photo.message


def test_a_thousand_classes_stay_one_widget(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    count = 1000
    session.vocabulary.set_all([ClassSpec(f"class {i:04}") for i in range(count)])
    panel.show_images([1])
    before = len(panel.view.findChildren(QObject))
    panel.set_show(Show.ALL)
    assert len(rows_in(panel, Section.ALL)) == count
    panel.grab()
    assert len(panel.view.findChildren(QObject)) - before < 20
    qtbot.keyClicks(panel.search, "0777")
    assert names(panel, Section.ALL) == ["class 0777"]


def test_large_selections_are_added_up_elsewhere(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.show_images([1])
    assert panel.suggested_classes()
    monkeypatch.setattr("lmpt_desktop.ui.inspector.panel.INLINE_CELLS", 10)
    panel.show_images([1, 2, 3, 4])
    # Nothing is confirmed before it is known what that changes, and no digit means a suggestion
    # for the photos before.
    assert not panel.confirm.confirm.isEnabled()
    assert not panel.suggested_classes()
    qtbot.waitUntil(
        lambda: panel.model.summary is not None and panel.model.summary.images == 4,
        timeout=20_000,
    )
    assert panel.suggested_classes()
    assert panel.confirm.confirm.isEnabled()


@pytest.mark.parametrize("choice", [ThemeChoice.LIGHT, ThemeChoice.DARK])
def test_only_rare_classes_have_the_mark_and_bars_are_neutral(
    panel: InspectorPanel, choice: ThemeChoice
) -> None:
    theme.manager().apply(choice)
    panel.show_images([1])
    panel.set_show(Show.ALL)
    image = panel.view.viewport().grab().toImage()
    tail, medium = theme.current().tail, theme.current().medium
    seen: set[bool] = set()
    for row in rows_in(panel, Section.ALL):
        area = panel.view.visualRect(panel.model.index(row))
        if not panel.view.viewport().rect().contains(area):
            continue
        colours = {
            image.pixelColor(x, y).name()
            for x in range(area.left(), area.right() - 90)
            for y in range(area.top(), area.bottom())
        }
        rare = named(panel, row).band is Band.TAIL
        assert (tail in colours) is rare
        assert medium not in colours
        seen.add(rare)
    assert seen == {True, False}
    theme.manager().apply(ThemeChoice.SYSTEM)


# ------------------------------------------------------------------- what is read off-thread


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """The threads that have read the catalogue."""
    threads: set[threading.Thread] = set()
    read = Store.read

    def noted(store: Store) -> object:
        threads.add(threading.current_thread())
        return read(store)

    monkeypatch.setattr(Store, "read", noted)
    return threads


def test_a_selection_reads_the_catalogue_on_another_thread_only(
    panel: InspectorPanel, readers: set[threading.Thread], qtbot: Any
) -> None:
    panel.show_images([1])
    qtbot.waitUntil(lambda: panel.photo.pixmap is not None)
    assert readers and threading.main_thread() not in readers


def test_the_name_is_shown_at_once_and_the_whole_path_follows(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    assert panel.facts.name.text() == "photo 0.jpg"
    assert panel.facts.facts.text().startswith("320 × 240")
    path = str(session.images.path(1))
    qtbot.waitUntil(lambda: panel.facts.name.toolTip() == path)


def test_the_reason_of_an_unreadable_file_follows(panel: InspectorPanel, qtbot: Any) -> None:
    panel.show_images([UNREADABLE])
    assert panel.facts.problem.text() == "The file cannot be read."
    qtbot.waitUntil(lambda: "cut short" in panel.facts.problem.text())
    assert "cut short" in panel.photo.message


def test_a_caption_appears_when_it_is_read_and_only_for_its_own_photo(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    session.images.set_caption(1, "a dog on a beach")
    panel.show_images([1])
    qtbot.waitUntil(lambda: panel.facts.caption.toPlainText() == "a dog on a beach")
    panel.show_images([2])
    assert panel.facts.caption.toPlainText() == ""
    panel.show_images([1])
    panel.show_images([2])
    path = str(session.images.path(2))
    qtbot.waitUntil(lambda: panel.facts.name.toolTip() == path)
    assert panel.facts.caption.toPlainText() == ""


def test_what_is_typed_before_the_caption_is_read_is_kept(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    session.images.set_caption(1, "a dog on a beach")
    panel.activateWindow()
    panel.show_images([1])
    panel.facts.caption.setFocus()
    qtbot.waitUntil(panel.facts.caption.hasFocus)
    panel.facts.caption.expect_caption()
    qtbot.keyClicks(panel.facts.caption, "two dogs")
    panel.facts.caption.set_caption("a dog on a beach")
    assert panel.facts.caption.toPlainText() == "two dogs"
    with qtbot.waitSignal(panel.caption_requested) as wanted:
        panel.facts.caption.flush()
    assert wanted.args == [1, "two dogs"]
