from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from ui_libraries import LIGHT, sample_snapshot

from lmpt_desktop.domain.records import ClassSpec, ImageState, Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import Filter, Sort, SortKey, Status
from lmpt_desktop.ui.grid.filter_bar import FilterBar
from trainer.bands import Band


@pytest.fixture
def bar(qtbot: QtBot, session: LibrarySession) -> FilterBar:
    bar = FilterBar()
    qtbot.addWidget(bar)
    bar.show_classes(session.snapshot())
    return bar


def test_at_first_everything_passes_in_the_order_added(bar: FilterBar) -> None:
    assert bar.filter() == Filter()
    assert bar.sort() == Sort()
    assert not bar.active


def test_each_control_sets_its_part_of_the_filter(bar: FilterBar) -> None:
    bar.set_class(LIGHT)
    bar.bands.setCurrentIndex(bar.bands.findData(Band.TAIL))
    bar.status.setCurrentIndex(bar.status.findData(Status.CORRECTED))
    bar.unreviewed.setChecked(True)
    bar.problems.setChecked(True)
    bar.text.setText("  beach ")
    bar.set_folder(1, Path("beach"))
    bar.order.setCurrentIndex(bar.order.findData(SortKey.UNCERTAINTY))
    bar.direction.setChecked(True)
    assert bar.filter() == Filter(
        class_id=LIGHT,
        band=Band.TAIL,
        status=Status.CORRECTED,
        unreviewed=True,
        state=ImageState.UNREADABLE,
        folder_id=1,
        below=Path("beach"),
        text="beach",
    )
    assert bar.sort() == Sort(SortKey.UNCERTAINTY, LIGHT, descending=True)


def test_clearing_keeps_the_folder_and_the_order_and_announces_once(
    bar: FilterBar, qtbot: QtBot
) -> None:
    bar.set_class(LIGHT)
    bar.set_folder(1, None)
    bar.order.setCurrentIndex(bar.order.findData(SortKey.NAME))
    heard: list[int] = []
    bar.changed.connect(lambda: heard.append(1))
    bar.clear()
    assert heard == [1]
    assert bar.filter() == Filter(folder_id=1)
    assert bar.sort().key is SortKey.NAME


def test_typing_is_announced_after_a_pause_not_per_letter(bar: FilterBar, qtbot: QtBot) -> None:
    heard: list[int] = []
    bar.changed.connect(lambda: heard.append(1))
    qtbot.keyClicks(bar.text, "beach")
    assert heard == []
    qtbot.waitUntil(lambda: heard == [1])


def test_the_chosen_class_survives_a_new_list_and_a_vanished_one_is_let_go(
    bar: FilterBar, session: LibrarySession
) -> None:
    bar.set_class(LIGHT)
    session.annotations.annotate([1], [LIGHT], Verdict.PRESENT)
    bar.show_classes(session.snapshot())
    assert bar.filter().class_id == LIGHT
    session.vocabulary.set_all([ClassSpec("dog"), ClassSpec("person")])
    bar.show_classes(session.snapshot())
    assert bar.filter().class_id is None


def test_tail_classes_are_named_as_such_in_the_list(
    bar: FilterBar, session: LibrarySession
) -> None:
    snapshot = session.snapshot()
    for column, entry in enumerate(snapshot.classes):
        text = bar.classes.itemText(bar.classes.findData(entry.id))
        assert ("tail" in text) == (snapshot.bands.bands[column] is Band.TAIL)


def test_the_count_shows_how_many_of_how_many(bar: FilterBar) -> None:
    bar.show_count(12, 12)
    assert bar.count.text() == "12 photos"
    bar.show_count(3, 12000)
    assert bar.count.text() == "3 of 12,000 photos"
    bar.show_count(1, 1)
    assert bar.count.text() == "1 photo"


def test_before_any_prediction_no_class_is_called_tail(qtbot: QtBot) -> None:
    snapshot = sample_snapshot(12)
    snapshot.scores[:] = float("nan")
    bar = FilterBar()
    qtbot.addWidget(bar)
    bar.show_classes(snapshot)
    assert [bar.classes.itemText(i) for i in range(1, 3)] == ["dog", "person"]


def test_the_name_field_keeps_its_width_when_it_can_be_cleared(bar: FilterBar) -> None:
    bar.show()
    empty = bar.text.width()
    bar.text.setText("beach")
    bar.layout().activate()  # pyright: ignore[reportOptionalMemberAccess]
    assert bar.text.width() == empty


def test_edited_photos_are_offered_while_there_are_any_or_the_filter_is_set(
    bar: FilterBar,
) -> None:
    assert bar.edited.isHidden()
    bar.show_edited(True)
    assert not bar.edited.isHidden()
    bar.edited.setChecked(True)
    assert bar.filter() == Filter(edited=True)
    assert bar.active
    bar.show_edited(False)
    assert not bar.edited.isHidden(), "else it could not be taken back"
    bar.clear()
    assert bar.filter() == Filter()
    assert bar.edited.isHidden()
