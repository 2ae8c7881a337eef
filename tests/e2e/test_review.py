"""The review page of the real window, used by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.notices import VersionsChanged
from lmpt_desktop.inference.queues import QueueKind
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.commands import NAME, review_page
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.shell.page_stack import GRID
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Key = Qt.Key


@pytest.fixture
def window(launch: Callable[..., MainWindow], photos: Path) -> MainWindow:
    return launch(photos)


@pytest.fixture
def page(window: MainWindow, settled: Settled) -> LibraryPage:
    return settled(window)


def review_in_front(page: LibraryPage) -> ReviewPage:
    """The review page, which the user must be looking at."""
    assert page.pages.current == NAME
    review = review_page(page)
    assert review is not None
    return review


def image_of(page: LibraryPage, name: str) -> int:
    snapshot = page.session.snapshot()
    row = next(i for i, path in enumerate(snapshot.names) if path.endswith(name))
    return int(snapshot.image_ids[row])


def class_of(page: LibraryPage, name: str) -> int:
    return next(entry.id for entry in page.session.snapshot().classes if entry.name == name)


def stored(page: LibraryPage, image_id: int, class_id: int) -> int:
    """The verdict as it is on disk."""
    return int(page.session.catalogue.annotations.matrix([image_id], [class_id])[0, 0])


def seen(review: ReviewPage, qtbot: QtBot) -> int:
    """Wait until the photo in question is on screen; its id."""

    def shown() -> bool:
        question = review.questions.current
        return question is not None and review.viewer.has_shown(question.image_id)

    qtbot.waitUntil(shown, timeout=WAIT_MS)
    return review.current_id


def press(qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    """Press a key where the keyboard is, as a user does."""
    where = QApplication.focusWidget()
    assert where is not None
    qtbot.keyClick(where, key, modifier or Qt.KeyboardModifier.NoModifier)


def open_queue(
    page: LibraryPage, qtbot: QtBot, kind: QueueKind = QueueKind.TAIL_FIRST, name: str = ""
) -> ReviewPage:
    if kind is QueueKind.TAIL_FIRST:
        press(qtbot, Key.Key_F3)
    else:
        press(qtbot, Key.Key_F3)
        review_in_front(page).ask(kind, class_of(page, name) if name else None)
    review = review_in_front(page)
    qtbot.waitUntil(lambda: review.is_asking, timeout=WAIT_MS)
    seen(review, qtbot)
    return review


def enter(page: LibraryPage, qtbot: QtBot, name: str) -> ReviewPage:
    """Press Enter on a photo of the grid."""
    image = image_of(page, name)
    page.grid.select_ids([image], image)
    page.grid.setFocus()
    press(qtbot, Key.Key_Return)
    return review_in_front(page)


def open_from_grid(page: LibraryPage, qtbot: QtBot, name: str) -> ReviewPage:
    review = enter(page, qtbot, name)
    assert seen(review, qtbot) == image_of(page, name)
    return review


def test_enter_reviews_the_photo_and_escape_returns_to_the_last_one_seen(
    page: LibraryPage, qtbot: QtBot
) -> None:
    ids = page.panel.model.ids.tolist()
    review = open_from_grid(page, qtbot, "dog_1.jpg")
    start = ids.index(image_of(page, "dog_1.jpg"))
    press(qtbot, Key.Key_Right)
    press(qtbot, Key.Key_S)
    assert seen(review, qtbot) == ids[start + 2]
    press(qtbot, Key.Key_Left)
    assert seen(review, qtbot) == ids[start + 1]
    press(qtbot, Key.Key_Escape)
    assert page.pages.current == GRID
    assert page.grid.current_id() == ids[start + 1]
    assert page.grid.selected_array().tolist() == [ids[start + 1]]
    assert QApplication.focusWidget() is page.grid
    assert not (page.session.snapshot().annotations >= 0).any(), "looking changes nothing"


def test_a_photo_opens_at_its_place_among_those_of_the_grid(
    page: LibraryPage, qtbot: QtBot
) -> None:
    ids = page.panel.model.ids.tolist()
    second = ids[1]
    page.grid.select_ids([second], second)
    place = page.grid.visualRect(page.panel.model.index(1)).center()
    qtbot.mouseDClick(page.grid.viewport(), Qt.MouseButton.LeftButton, pos=place)
    review = review_in_front(page)
    assert seen(review, qtbot) == second
    assert review.bar.counter.text() == f"2 of {len(ids)}"
    press(qtbot, Key.Key_Left)
    assert seen(review, qtbot) == ids[0]
    for expected in ids[1:4]:
        press(qtbot, Key.Key_Right)
        assert seen(review, qtbot) == expected


def test_f3_asks_questions_again_after_photos_of_the_grid(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_from_grid(page, qtbot, "cup_5.jpg")
    press(qtbot, Key.Key_Escape)
    press(qtbot, Key.Key_F3)
    qtbot.waitUntil(lambda: review.is_asking and review.request is not None, timeout=WAIT_MS)
    assert review.request is not None and review.request.kind is QueueKind.TAIL_FIRST
    assert review.questions.current is not None and review.questions.current.class_id is not None


def test_f3_goes_on_with_the_queue_that_was_left_half_way(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_queue(page, qtbot, QueueKind.UNCERTAIN)
    press(qtbot, Key.Key_S)
    seen(review, qtbot)
    left, position = review.questions, review.questions.position
    press(qtbot, Key.Key_Escape)
    open_from_grid(page, qtbot, "cup_5.jpg")
    press(qtbot, Key.Key_Escape)
    press(qtbot, Key.Key_F3)
    assert review.questions is left and review.questions.position == position
    assert review.bar.kind.currentData() == QueueKind.UNCERTAIN.value


def test_questions_are_answered_by_keys_and_saved_at_once(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_queue(page, qtbot)
    assert review.bar.explanation.text()
    answers = []
    for key, verdict in (
        (Key.Key_P, Verdict.PRESENT),
        (Key.Key_A, Verdict.ABSENT),
        (Key.Key_A, Verdict.ABSENT),
    ):
        question = review.questions.current
        assert question is not None and question.class_id is not None and question.reason
        assert question.reason in review.side.question.reason.text().replace("\u00a0", " ")
        seen(review, qtbot)
        press(qtbot, key)
        answers.append((question, verdict))
        assert stored(page, question.image_id, question.class_id) == verdict
    assert review.questions.position == 3
    assert review.bar.counter.text().startswith("4 of ")
    for question, verdict in answers:
        assert stored(page, question.image_id, question.class_id or 0) == verdict


def test_backspace_undoes_the_answer_and_shows_its_question_again(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = open_queue(page, qtbot)
    first = review.questions.current
    assert first is not None and first.class_id is not None
    press(qtbot, Key.Key_P)
    seen(review, qtbot)
    press(qtbot, Key.Key_S)
    seen(review, qtbot)
    press(qtbot, Key.Key_Backspace)
    assert review.questions.position == 1
    assert stored(page, first.image_id, first.class_id) == Verdict.PRESENT, "a skip is undone"
    press(qtbot, Key.Key_Backspace)
    assert review.questions.current == first
    assert stored(page, first.image_id, first.class_id) == Verdict.UNKNOWN
    press(qtbot, Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert stored(page, first.image_id, first.class_id) == Verdict.PRESENT, "redo has it again"


def test_ctrl_z_undoes_the_last_answer_and_goes_to_its_question(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = open_queue(page, qtbot)
    first = review.questions.current
    assert first is not None and first.class_id is not None
    press(qtbot, Key.Key_A)
    seen(review, qtbot)
    press(qtbot, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert review.questions.current == first
    assert stored(page, first.image_id, first.class_id) == Verdict.UNKNOWN
    assert review.questions.tally().answered == 0


def test_number_keys_cycle_the_verdicts_of_the_top_predictions(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = open_from_grid(page, qtbot, "dog+person_3.jpg")
    image = review.current_id
    chips = review.side.chips
    first, second = chips.chip(0), chips.chip(1)
    assert first is not None and first.facts is not None
    assert second is not None and second.facts is not None
    assert {first.facts.name, second.facts.name} == {"dog", "person"}
    top = first.facts.class_id
    for verdict in (Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN):
        press(qtbot, Key.Key_1)
        assert stored(page, image, top) == verdict
        assert first.facts.class_id == top and first.facts.verdict == verdict
    press(qtbot, Key.Key_2)
    assert stored(page, image, second.facts.class_id) == Verdict.PRESENT
    assert review.current_id == image, "a number key does not go on"
    press(qtbot, Key.Key_Backspace)
    assert stored(page, image, second.facts.class_id) == Verdict.UNKNOWN


def test_p_and_a_go_through_the_predicted_classes_of_a_photo(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = open_from_grid(page, qtbot, "dog+person_3.jpg")
    image = review.current_id
    names = [chip.facts.class_id for chip in review.side.chips.shown[:2] if chip.facts]
    assert review.subject == names[0]
    press(qtbot, Key.Key_P)
    assert review.subject == names[1], "the keys are about the next one now"
    press(qtbot, Key.Key_A)
    assert [stored(page, image, class_id) for class_id in names] == [1, 0]
    press(qtbot, Key.Key_U)
    assert review.current_id == image


def test_any_class_can_be_found_by_part_of_its_name(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_from_grid(page, qtbot, "dog_1.jpg")
    image = review.current_id
    press(qtbot, Key.Key_Slash)
    assert QApplication.focusWidget() is review.side.finder.line
    qtbot.keyClicks(review.side.finder.line, "ap")  # letters that would be answers elsewhere
    assert review.side.finder.list.item(0).text() == "No class has this name."
    assert not (page.session.snapshot().annotations >= 0).any()
    review.side.finder.line.clear()
    qtbot.keyClicks(review.side.finder.line, "it")
    assert [review.side.finder.list.item(i).text() for i in range(1)] == ["kite"]
    press(qtbot, Key.Key_Return)
    assert stored(page, image, class_of(page, "kite")) == Verdict.PRESENT
    assert review.current_id == image
    assert QApplication.focusWidget() is review.canvas
    press(qtbot, Key.Key_Slash)
    qtbot.keyClicks(review.side.finder.line, "boat")
    press(qtbot, Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert stored(page, image, class_of(page, "boat")) == Verdict.ABSENT
    press(qtbot, Key.Key_Slash)
    press(qtbot, Key.Key_Escape)
    assert review_in_front(page) is review, "Escape leaves the field, not the page"


def test_enter_marks_the_photo_reviewed_and_shows_the_next(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_from_grid(page, qtbot, "dog_1.jpg")
    image = review.current_id
    press(qtbot, Key.Key_1)
    press(qtbot, Key.Key_Return)
    assert image in page.session.catalogue.annotations.reviewed()
    verdicts = [stored(page, image, entry.id) for entry in page.session.snapshot().classes]
    assert sorted(verdicts) == [0, 0, 0, 0, 1]
    assert seen(review, qtbot) != image
    press(qtbot, Key.Key_Backspace)
    assert review.current_id == image
    assert image not in page.session.catalogue.annotations.reviewed()


def test_predictions_that_have_just_changed_are_not_confirmed_unseen(
    page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = open_from_grid(page, qtbot, "dog_1.jpg")
    image, session = review.current_id, page.session
    dog, snapshot = class_of(page, "dog"), session.snapshot
    never = np.full(len(snapshot().classes), 1.1, np.float32)
    monkeypatch.setattr(session, "snapshot", lambda: replace(snapshot(), thresholds=never))
    press(qtbot, Key.Key_Return)
    assert image not in session.catalogue.annotations.reviewed()
    assert review.current_id == image
    press(qtbot, Key.Key_Return)
    assert image in session.catalogue.annotations.reviewed()
    assert stored(page, image, dog) == Verdict.ABSENT


def test_the_end_of_a_queue_sums_up_and_offers_another(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_queue(page, qtbot, QueueKind.CLASS_SWEEP, "dog")
    count = len(review.questions)
    assert count == 11
    press(qtbot, Key.Key_P)
    for _ in range(count - 1):
        seen(review, qtbot)
        press(qtbot, Key.Key_A)
    assert review.questions.at_end and not review.is_asking
    assert review.end.sentence.text().startswith("11 questions answered, 1 present")
    names = [button.objectName() for button in review.end.buttons]
    assert "choice-tail-first" in names and "choice-retrain" in names
    assert QApplication.focusWidget() is review.end.buttons[0]
    press(qtbot, Key.Key_Backspace)
    assert review.questions.position == count - 1 and review.is_asking
    seen(review, qtbot)
    press(qtbot, Key.Key_A)
    press(qtbot, Key.Key_Return)  # the button that has the keyboard: tail first
    qtbot.waitUntil(lambda: review.is_asking, timeout=WAIT_MS)
    assert review.request is not None and review.request.kind is QueueKind.TAIL_FIRST


def test_an_empty_queue_says_that_nothing_is_left_to_ask(page: LibraryPage, qtbot: QtBot) -> None:
    press(qtbot, Key.Key_F3)
    review = review_in_front(page)
    review.ask(QueueKind.DISAGREEMENTS)
    qtbot.waitUntil(lambda: not review.queue_request.busy, timeout=WAIT_MS)
    assert not review.is_asking
    assert review.end.heading.text() == "Nothing left to ask"
    assert review.end.sentence.text()
    press(qtbot, Key.Key_Escape)
    assert page.pages.current == GRID


def test_a_missing_photo_is_skipped_with_a_message(
    window: MainWindow, page: LibraryPage, photos: Path, qtbot: QtBot
) -> None:
    (photos / "dog_2.jpg").rename(photos.parent / "elsewhere.jpg")
    gone = image_of(page, "dog_2.jpg")
    sentences: list[str] = []
    window.status.messageChanged.connect(sentences.append)
    review = open_queue(page, qtbot, QueueKind.CLASS_SWEEP, "dog")
    visited = []
    while not review.questions.at_end:
        visited.append(seen(review, qtbot) if review.current_id != gone else gone)
        press(qtbot, Key.Key_S)
        QApplication.processEvents()
    assert gone not in visited[1:]
    assert gone in visited or any("cannot be shown" in sentence for sentence in sentences)


def test_a_photo_that_cannot_be_shown_says_why_and_cannot_be_annotated(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = enter(page, qtbot, "empty_12.jpg")
    qtbot.waitUntil(lambda: bool(review.canvas.message), timeout=WAIT_MS)
    press(qtbot, Key.Key_P)
    press(qtbot, Key.Key_Return)
    assert not (page.session.snapshot().annotations >= 0).any()
    assert not review.canvas.showing


def test_new_prompts_replace_the_coming_questions_and_keep_the_current_one(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = open_queue(page, qtbot, QueueKind.CLASS_SWEEP, "dog")
    press(qtbot, Key.Key_P)
    seen(review, qtbot)
    current = review.questions.current
    announced: list[str] = []
    review.announcer.announced.connect(announced.append)
    page.bridge.receive(VersionsChanged())
    qtbot.waitUntil(lambda: any("chosen again" in text for text in announced), timeout=WAIT_MS)
    assert review.questions.current == current and review.questions.position == 1
    asked = [question.key for question in review.questions.around(20, 20)]
    assert len(asked) == len(set(asked)), "no question twice"


def test_answers_are_announced_and_every_widget_has_an_accessible_name(
    page: LibraryPage, qtbot: QtBot
) -> None:
    review = open_queue(page, qtbot)
    announced: list[str] = []
    review.announcer.announced.connect(announced.append)
    question = review.questions.current
    assert question is not None
    press(qtbot, Key.Key_P)
    assert "present" in announced[-1] and "2 of " in announced[-1]
    assert "in this photo" in announced[-1]
    for widget in review.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
            name = widget.accessibleName() or getattr(widget, "text", str)()
            assert name, widget.objectName()


def test_tab_reaches_chips_search_field_and_buttons(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_queue(page, qtbot)
    assert QApplication.focusWidget() is review.canvas
    visited: list[str] = []
    for _ in range(40):
        press(qtbot, Key.Key_Tab)
        where = QApplication.focusWidget()
        assert where is not None
        visited.append(where.objectName())
    for name in ("chip-1", "review-find-line", "review-done", "queue-kind"):
        assert name in visited
    assert visited.index("chip-1") < visited.index("review-find-line")


def test_a_key_that_is_held_down_answers_once(window: MainWindow) -> None:
    for command_id in ("image.present", "image.absent", "review.done"):
        assert not window.commands.action(command_id).autoRepeat()


def test_the_photo_is_zoomed_by_keys_and_double_click(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_from_grid(page, qtbot, "dog_1.jpg")
    canvas = review.canvas
    assert canvas.is_fitted
    press(qtbot, Key.Key_Plus)
    assert not canvas.is_fitted
    larger = canvas.scale
    press(qtbot, Key.Key_Plus)
    assert canvas.scale > larger
    press(qtbot, Key.Key_Minus)
    assert canvas.scale == pytest.approx(larger)
    press(qtbot, Key.Key_0)
    assert canvas.is_fitted
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert not canvas.is_fitted
    press(qtbot, Key.Key_S)
    seen(review, qtbot)
    assert canvas.is_fitted, "the next photo is seen as a whole"


def test_verdicts_given_in_review_are_painted_in_the_grid(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_from_grid(page, qtbot, "cup_5.jpg")
    image = review.current_id
    press(qtbot, Key.Key_1)
    press(qtbot, Key.Key_F2)

    def painted() -> bool:
        snapshot = page.panel.model.snapshot
        return snapshot is not None and bool(np.any(snapshot.annotations == 1))

    qtbot.waitUntil(painted, timeout=WAIT_MS)
    assert page.grid.current_id() == image
    qtbot.waitUntil(
        lambda: any(
            row is not None and row.verdict is Verdict.PRESENT
            for row in map(page.inspector.model.class_row, range(page.inspector.model.rowCount()))
        ),
        timeout=WAIT_MS,
    )


def test_returning_to_the_grid_from_another_page_keeps_its_selection(
    page: LibraryPage, qtbot: QtBot
) -> None:
    open_from_grid(page, qtbot, "dog_1.jpg")
    page.pages.offer("elsewhere", QWidget)
    page.pages.show_page("elsewhere")
    other = image_of(page, "cup_5.jpg")
    page.grid.select_ids([other], other)
    page.show_grid()
    assert page.grid.selected_array().tolist() == [other]


def test_photo_commands_act_on_the_photo_under_review(page: LibraryPage, qtbot: QtBot) -> None:
    review = open_from_grid(page, qtbot, "dog_1.jpg")
    press(qtbot, Key.Key_S)
    image = seen(review, qtbot)
    assert page.view is not None
    assert page.view.chosen_ids().tolist() == [image] == [page.view.current_id]
    press(qtbot, Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    path = str(page.session.images.path(image))
    qtbot.waitUntil(lambda: QApplication.clipboard().text() == path, timeout=WAIT_MS)
