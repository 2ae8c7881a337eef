"""Bursts and look-alikes in the real window: one card, opened and closed, a verdict for all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from dated_photos import save_dated
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.inference.filters import Sort, SortKey
from lmpt_desktop.inference.queues import QueueKind
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Key = Qt.Key
BURSTS = {
    "boat_8.jpg": 301, "cup_4.jpg": 100, "dog_1.jpg": 1, "dog_2.jpg": 2, "dog_3.jpg": 4,
    "kite_5.jpg": 200, "kite_6.jpg": 201, "person_7.jpg": 300,
}  # fmt: skip
"""Names, and seconds after noon: a stack of three dogs and one of two kites."""
CLOSED = ["boat_8", "cup_4", "dog_1", "kite_5", "person_7"]
DOGS = ["dog_1", "dog_2", "dog_3"]


@pytest.fixture
def bursts(tmp_path: Path) -> Path:
    folder = tmp_path / "bursts"
    folder.mkdir()
    for name, second in BURSTS.items():
        save_dated(folder / name, second)
    return folder


@pytest.fixture
def page(
    launch: Callable[..., MainWindow], settled: Settled, bursts: Path, qtbot: QtBot
) -> LibraryPage:
    """A library of bursts that shows stacks."""
    page = settled(launch(bursts))
    page.grid.setFocus()
    run(page, "view.stacks")
    qtbot.waitUntil(lambda: cards(page) == CLOSED)
    return page


def run(page: LibraryPage, command: str) -> None:
    window = page.window()
    assert isinstance(window, MainWindow)
    window.commands.trigger(command)


def enabled(page: LibraryPage, command: str) -> bool:
    window = page.window()
    assert isinstance(window, MainWindow)
    return window.commands.action(command).isEnabled()


def cards(page: LibraryPage) -> list[str]:
    """The photos that have a card, without the ending of their names."""
    model = page.panel.model
    return [model.cell(place).name.removesuffix(".jpg") for place in range(model.rowCount())]


def selected(page: LibraryPage) -> list[str]:
    names = cards(page)
    return [names[place] for place in page.grid.selected_positions().tolist()]


def choose(page: LibraryPage, *names: str) -> None:
    shown = cards(page)
    ids = [page.panel.model.image_id(shown.index(name)) for name in names]
    page.grid.select_ids(ids, ids[0])
    page.grid.settle_selection()


def verdicts(page: LibraryPage, class_name: str) -> dict[str, Verdict]:
    snapshot = page.session.snapshot()
    column = [entry.name for entry in snapshot.classes].index(class_name)
    given = snapshot.annotations[:, column]
    return {
        name.removesuffix(".jpg"): Verdict(int(value))
        for name, value in zip(snapshot.names, given, strict=True)
        if value != Verdict.UNKNOWN
    }


def focus(page: LibraryPage, name: str) -> None:
    page.pin_class(
        next(entry.id for entry in page.session.snapshot().classes if entry.name == name), True
    )


def test_stacks_open_and_close_by_key_click_and_menu_and_keep_their_place(
    page: LibraryPage, qtbot: QtBot
) -> None:
    opened = [*CLOSED[:2], *DOGS, *CLOSED[3:]]
    choose(page, "dog_1")
    qtbot.keyClick(page.grid, Key.Key_G)
    qtbot.waitUntil(lambda: cards(page) == opened)
    parts = [page.panel.model.cell(place).stack for place in range(2, 6)]
    assert [(part.first, part.last) for part in parts[:3] if part] == [
        (True, False), (False, False), (False, True),
    ]  # fmt: skip
    assert parts[3] is not None and not parts[3].open
    choose(page, "dog_2")
    qtbot.keyClick(page.grid, Key.Key_G)
    qtbot.waitUntil(lambda: cards(page) == CLOSED)
    assert selected(page) == ["dog_1"]
    assert parts[0] is not None
    sign = page.grid._delegate.stack_sign(page.grid._rect(2), parts[0])
    for expected in (opened, CLOSED):
        qtbot.mouseClick(page.grid.viewport(), Qt.MouseButton.LeftButton, pos=sign.center())
        qtbot.waitUntil(lambda expected=expected: cards(page) == expected)
    run(page, "view.stacks-toggle")
    qtbot.waitUntil(lambda: len(cards(page)) == len(BURSTS))
    run(page, "view.stacks-toggle")
    qtbot.waitUntil(lambda: cards(page) == CLOSED)
    run(page, "view.stacks")
    qtbot.waitUntil(lambda: len(cards(page)) == len(BURSTS))
    assert not enabled(page, "image.stack-toggle")


def test_a_verdict_is_of_the_photo_shown_and_one_for_the_whole_stack_is_shown_first(
    page: LibraryPage, qtbot: QtBot
) -> None:
    focus(page, "cup")
    choose(page, "dog_1")
    qtbot.keyClick(page.grid, Key.Key_A)
    assert verdicts(page, "cup") == {"dog_1": Verdict.ABSENT}
    qtbot.keyClick(page.grid, Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    bar = page.preview_bar
    assert bar.ready
    assert bar.sentence.text() == "Whole stack: cup present in 3 photos; 1 now marked absent"
    qtbot.keyClick(bar, Key.Key_Escape)
    assert verdicts(page, "cup") == {"dog_1": Verdict.ABSENT}
    qtbot.keyClick(page.grid, Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(bar, Key.Key_Return)
    assert verdicts(page, "cup") == dict.fromkeys(DOGS, Verdict.PRESENT)
    page.undo_stack.undo()
    assert verdicts(page, "cup") == {"dog_1": Verdict.ABSENT}


def test_a_photo_in_no_stack_has_no_stack_to_give_a_verdict(
    page: LibraryPage, qtbot: QtBot
) -> None:
    focus(page, "cup")
    choose(page, "cup_4")
    assert not enabled(page, "image.stack-present")
    qtbot.keyClick(page.grid, Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    assert verdicts(page, "cup") == {}


def test_only_what_matches_a_filter_is_counted_shown_and_given_the_verdict(
    page: LibraryPage, qtbot: QtBot
) -> None:
    ids = page.panel.model.matching_ids
    some = ids[1:6]  # the cup, the dogs and one kite
    page.panel.bar.set_images(np.delete(some, 2).tolist())
    qtbot.waitUntil(lambda: cards(page) == ["cup_4", "dog_1", "kite_5"])
    part = page.panel.model.cell(1).stack
    assert part is not None and part.size == 2
    assert page.panel.model.cell(2).stack is None
    assert page.shown_ids().tolist() == np.delete(some, 2).tolist()
    assert page.panel.bar.count.toolTip().startswith("4")
    focus(page, "boat")
    choose(page, "dog_1")
    qtbot.keyClick(page.grid, Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(page.preview_bar, Key.Key_Return)
    assert set(verdicts(page, "boat")) == {"dog_1", "dog_3"}


def test_the_photos_of_a_stack_are_selected_together_and_counted(
    page: LibraryPage, qtbot: QtBot
) -> None:
    choose(page, "dog_1")
    assert page.panel.selected.text() == "1 selected, 3 with its stack"
    choose(page, "dog_1", "cup_4")
    assert page.panel.selected.text() == "2 selected, 4 with their stacks"
    qtbot.keyClick(page.grid, Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: selected(page) == ["cup_4", *DOGS])
    page.grid.settle_selection()
    assert page.panel.selected.text() == "4 selected"


def test_new_verdicts_change_neither_order_nor_what_is_open(
    page: LibraryPage, qtbot: QtBot
) -> None:
    choose(page, "kite_5")
    qtbot.keyClick(page.grid, Key.Key_G)
    qtbot.waitUntil(lambda: len(cards(page)) == 6)
    focus(page, "dog")
    choose(page, "kite_6")
    qtbot.keyClick(page.grid, Key.Key_P)
    before = cards(page)
    place = before.index("kite_6")
    qtbot.waitUntil(lambda: page.panel.model.cell(place).focus is Verdict.PRESENT)
    assert cards(page) == before
    page.panel.bar.set_sort(Sort(SortKey.DATE, descending=True))
    page.panel.ask()
    by_date = ["boat_8", "person_7", "kite_6", "kite_5", "cup_4", "dog_3"]
    qtbot.waitUntil(lambda: cards(page) == by_date)


def test_whether_the_grid_stacks_is_remembered_in_the_library(
    page: LibraryPage, launch: Callable[..., MainWindow], settled: Settled, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: not page.panel.kept.saving)
    folder = Path(page.session.folders.all()[0].path)
    window = page.window()
    window.close()
    QApplication.processEvents()
    again = settled(launch(folder))
    qtbot.waitUntil(lambda: len(cards(again)) == 5)


def test_a_double_click_on_the_sign_opens_no_photo(page: LibraryPage, qtbot: QtBot) -> None:
    part = page.panel.model.cell(2).stack
    assert part is not None
    sign = page.grid._delegate.stack_sign(page.grid._rect(2), part).center()
    opened: list[int] = []
    page.on_photo_activated(opened.append)
    qtbot.mouseDClick(page.grid.viewport(), Qt.MouseButton.LeftButton, pos=sign)
    assert not opened
    beside = QPoint(sign.x(), sign.y() + 60)
    qtbot.mouseDClick(page.grid.viewport(), Qt.MouseButton.LeftButton, pos=beside)
    assert len(opened) == 1


def test_the_way_back_from_a_photo_in_a_closed_stack_leads_to_its_card(page: LibraryPage) -> None:
    hidden = int(np.setdiff1d(page.shown_ids(), page.card_ids())[0])
    page.go_to_image(hidden)
    assert selected(page) == ["dog_1"]


# ------------------------------------------------------------------------------- review


def review_of(page: LibraryPage, name: str, qtbot: QtBot) -> ReviewPage:
    """The review page, on the photo of this card."""
    choose(page, name)
    page.grid.activated_image.emit(page.grid.current_id())
    review = page.pages.currentWidget()
    assert isinstance(review, ReviewPage)
    qtbot.waitUntil(lambda: review.canvas.image_id == review.current_id, timeout=WAIT_MS)
    qtbot.waitUntil(review.can_annotate, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not review.queue_request.busy, timeout=WAIT_MS)
    return review


def test_review_goes_from_card_to_card_and_shows_the_stack_beside_its_photo(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = review_of(page, "dog_1", qtbot)
    assert len(review.questions) == len(CLOSED)
    assert review.strip.isVisible()
    assert review.strip.heading.text() == "Stack: photo 1 of 3"
    shown = review.strip.photos.placed()
    assert [photo.name for photo, _place in shown] == [f"{name}.jpg" for name in DOGS]
    qtbot.waitUntil(lambda: not review.strip.photos._loader.busy, timeout=WAIT_MS)
    review.verdicts.skip()
    review.verdicts.skip()
    assert not review.strip.isVisible()
    assert not enabled(page, "image.stack-present")


def test_in_review_a_verdict_for_the_stack_is_shown_first_and_undone_as_one(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = review_of(page, "dog_1", qtbot)
    subject = page.class_name(review.subject or 0)
    qtbot.keyClick(review.canvas, Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    assert review.preview_bar.sentence.text() == f"Whole stack: {subject} absent in 3 photos"
    qtbot.keyClick(review.preview_bar, Key.Key_Escape)
    assert verdicts(page, subject) == {}
    qtbot.keyClick(review.canvas, Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(review.preview_bar, Key.Key_Return)
    assert verdicts(page, subject) == dict.fromkeys(DOGS, Verdict.ABSENT)
    signs = [photo.verdict for photo, _place in review.strip.photos.placed()]
    assert signs == [Verdict.ABSENT] * 3
    run(page, "review.back")
    qtbot.waitUntil(lambda: verdicts(page, subject) == {})


def test_an_answer_for_the_whole_stack_answers_the_questions_about_its_other_photos(
    page: LibraryPage, qtbot: QtBot
) -> None:
    dog = next(entry.id for entry in page.session.snapshot().classes if entry.name == "dog")
    run(page, "view.review")
    review = page.pages.currentWidget()
    assert isinstance(review, ReviewPage)
    review.ask(QueueKind.CLASS_SWEEP, dog)
    qtbot.waitUntil(lambda: review.is_asking, timeout=WAIT_MS)
    stack = set(ids_of(page, *DOGS))
    asked = [question.image_id for question in review.questions.around(0, 20)]
    assert len(asked) == len(BURSTS)
    assert not any(one in stack and other in stack for one, other in pairwise(asked[:-1]))
    qtbot.waitUntil(review.can_annotate, timeout=WAIT_MS)
    assert review.current_id in stack
    run(page, "image.stack-present")
    qtbot.keyClick(review.preview_bar, Key.Key_Return)
    assert verdicts(page, "dog") == dict.fromkeys(DOGS, Verdict.PRESENT)
    seen: list[int] = []
    while review.is_asking:
        seen.append(review.current_id)
        review.verdicts.skip()
    assert not stack & set(seen)
    assert len(seen) == len(BURSTS) - len(DOGS)
    assert review.questions.tally().present == len(DOGS)


def ids_of(page: LibraryPage, *names: str) -> list[int]:
    snapshot = page.session.snapshot()
    return [int(snapshot.image_ids[snapshot.names.index(f"{name}.jpg")]) for name in names]
