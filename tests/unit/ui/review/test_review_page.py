"""What the page shows and says, without catalogue or models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.inference.queues import QueueItem, QueueKind
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.review.page import ReviewPage

KITE, CUP = 13, 15


def ask(review: ReviewPage, qtbot: QtBot, *items: tuple[int, int | None]) -> None:
    """Begin with these questions and wait for the first photo."""
    session: Any = review._session
    if items:
        session.questions = tuple(
            QueueItem(image, class_, 1.0, "Because.") for image, class_ in items
        )
    review.ask(QueueKind.TAIL_FIRST)
    qtbot.waitUntil(lambda: not review.asker.busy)
    if review.asks:
        see(review, qtbot)


def see(review: ReviewPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: review.viewer.has_shown(review.current_id))


def verdict(session: Any, image_id: int, class_id: int) -> int:
    snapshot = session.snapshot()
    return int(snapshot.annotations[snapshot.row_of[image_id], snapshot.column_of[class_id]])


def test_it_explains_the_queue_and_the_question(review: ReviewPage, qtbot: QtBot) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    assert review.bar.explanation.text() == QueueKind.TAIL_FIRST.tip
    assert review.side.question.title.text() == "Is there “kite” in this photo?"
    assert review.side.question.reason.text() == "Because."
    assert review.bar.counter.text() == "1 of 2"
    assert all(chip.facts and chip.facts.class_id != KITE for chip in review.side.chips.shown)


def test_a_queue_about_one_class_begins_with_the_class_at_hand(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    kinds = review.bar.kind
    kinds.setCurrentIndex(kinds.findData(QueueKind.CLASS_SWEEP.value))
    kinds.activated.emit(kinds.currentIndex())
    assert review.request is not None and review.request.class_id == KITE
    assert review.bar.classes.currentData() == KITE


def test_a_verdict_is_committed_before_the_next_question(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    review.say(Verdict.PRESENT)
    assert verdict(session, 3, KITE) == 1
    assert review.current_id == 4


def test_a_verdict_that_could_not_be_saved_stays_a_question(
    review: ReviewPage, session: Any, desk: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    session.fails = OSError("The disk is full.")
    with qtbot.waitSignal(desk.failed):
        review.say(Verdict.PRESENT)
    assert review.current_id == 3 and review.line.tally().answered == 0
    session.fails = None
    review.say(Verdict.ABSENT)
    assert review.current_id == 4 and review.line.tally().absent == 1


def test_unknown_takes_back_without_going_on(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    session.annotations.annotate([3], [KITE], Verdict.PRESENT)
    review.say(Verdict.UNKNOWN)
    assert verdict(session, 3, KITE) == -1 and review.current_id == 3


def test_backspace_leaves_alone_what_was_said_elsewhere_since(
    review: ReviewPage, session: Any, desk: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    review.say(Verdict.PRESENT)
    desk.annotate([7], [CUP], Verdict.ABSENT, "cup")  # in the grid, say
    review.judge.back()
    assert review.current_id == 3
    assert verdict(session, 7, CUP) == 0 and verdict(session, 3, KITE) == 1


def test_keys_pressed_while_a_large_change_is_saved_are_not_lost(
    review: ReviewPage, session: Any, desk: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP), (5, KITE))
    desk._set_busy(True)
    review.say(Verdict.PRESENT)
    assert verdict(session, 3, KITE) == -1 and review.current_id == 3
    desk._set_busy(False)
    qtbot.waitUntil(lambda: verdict(session, 3, KITE) == 1)
    assert review.current_id == 4


def test_a_key_pressed_twice_while_saving_answers_one_question(
    review: ReviewPage, session: Any, desk: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP), (5, KITE))
    desk._set_busy(True)
    review.say(Verdict.PRESENT)
    review.say(Verdict.PRESENT)
    review.done()
    desk._set_busy(False)
    qtbot.waitUntil(lambda: bool(session.snapshot().reviewed[2]))
    assert review.current_id == 4  # which nobody has answered
    assert verdict(session, 4, CUP) == -1 and review.line.tally().answered == 1
    review.judge.back()
    assert review.current_id == 3 and not session.snapshot().reviewed[2]


def test_a_verdict_saved_after_another_queue_was_begun_is_no_answer_there(
    review: ReviewPage, session: Any, desk: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    desk._set_busy(True)
    review.say(Verdict.PRESENT)
    review.judge.skip()
    ask(review, qtbot, (6, CUP), (7, CUP))
    desk._set_busy(False)
    qtbot.waitUntil(lambda: verdict(session, 3, KITE) == 1)
    qtbot.waitUntil(lambda: not review.judge._waiting)
    assert review.current_id == 6 and review.line.tally().answered == 0
    review.judge.back()
    assert verdict(session, 3, KITE) == 1  # nothing was said in this queue


def test_a_question_is_answered_only_after_it_was_painted(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP), (4, KITE))
    qtbot.waitUntil(lambda: review.viewer.pool.get((4, "print-3")) is not None)
    review.say(Verdict.PRESENT)
    review.say(Verdict.PRESENT)  # the key was hit twice
    assert review.current_id == 4 and verdict(session, 4, CUP) == -1
    see(review, qtbot)
    review.say(Verdict.ABSENT)
    review.say(Verdict.ABSENT)  # the same photo, but nobody has read the question
    assert verdict(session, 4, CUP) == 0 and verdict(session, 4, KITE) == -1


def test_a_file_that_changes_while_it_is_looked_at_is_looked_at_again(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    Image.new("RGB", (64, 48), (250, 10, 10)).save(session.images.path(3))
    images = session.snapshot().images
    prints = [f"new {text}" if row == 2 else text for row, text in enumerate(images.fingerprints)]
    session.snapshot_ = replace(session.snapshot(), images=replace(images, fingerprints=prints))
    review.annotations_changed()  # a verdict from elsewhere, which is shown first
    review.images_changed()
    review.say(Verdict.PRESENT)
    assert verdict(session, 3, KITE) == -1  # nobody has seen the new one yet
    see(review, qtbot)
    seen = review.canvas.grab().toImage().pixelColor(review.canvas.rect().center())
    assert (seen.red() > 200, seen.green() < 60) == (True, True)
    review.say(Verdict.PRESENT)
    assert verdict(session, 3, KITE) == 1


def archive(session: Any, class_id: int) -> None:
    """Take a class out of the snapshot, as archiving and merging do."""
    old = session.snapshot()
    kept = [i for i, entry in enumerate(old.classes) if entry.id != class_id]
    session.snapshot_ = replace(
        old,
        classes=tuple(old.classes[i] for i in kept),
        scores=old.scores[:, kept],
        annotations=old.annotations[:, kept],
        thresholds=old.thresholds[kept],
        trained=old.trained[kept],
    )


def test_nothing_is_asked_or_said_about_a_class_that_was_archived_meanwhile(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, KITE), (5, CUP), (6, KITE), (7, None))
    archive(session, KITE)
    review.library_changed()
    assert review.current_id == 5
    see(review, qtbot)
    review.say(Verdict.PRESENT)
    assert review.current_id == 7 and review.line.tally().gained == {CUP}
    see(review, qtbot)
    marked = review.at_hand.marked
    assert marked is not None
    archive(session, marked)
    review.library_changed()
    assert review.subject not in (None, marked)


def test_a_number_key_that_is_held_down_says_one_thing(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, None))
    facts = review.side.chips.shown[0].facts
    assert facts is not None
    for repeated in (False, True, True):
        pressed = QKeyEvent(
            QEvent.Type.KeyPress,
            Qt.Key.Key_1,
            Qt.KeyboardModifier.NoModifier,
            "1",
            repeated,
        )
        review.keyPressEvent(pressed)
    assert verdict(session, 3, facts.class_id) == 1


def test_an_undo_that_could_not_be_saved_is_not_called_taken_back(
    review: ReviewPage, session: Any, desk: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    review.say(Verdict.PRESENT)
    session.fails = OSError("The disk is full.")
    with qtbot.waitSignal(review.judge.went_back, check_params_cb=lambda taken: not taken):
        review.judge.back()
    session.fails = None
    assert verdict(session, 3, KITE) == 1


def test_a_photo_that_is_not_on_screen_yet_cannot_be_judged(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    ask(review, qtbot, (3, KITE), (4, CUP))
    review.viewer.canvas.say("")
    with qtbot.waitSignal(review.said):
        review.say(Verdict.PRESENT)
    assert verdict(session, 3, KITE) == -1


def test_missing_photos_are_passed_over(review: ReviewPage, qtbot: QtBot) -> None:
    """Number 11 is missing and number 12 unreadable; they were decoded ahead."""
    ask(review, qtbot, (3, KITE), (11, KITE), (12, KITE), (4, KITE))
    keys = [(image, f"print-{image - 1}") for image in (11, 12)]
    qtbot.waitUntil(lambda: all(review.viewer.cannot_show(key) for key in keys))
    with qtbot.waitSignal(review.said, check_params_cb=lambda text: "2 photos" in text):
        review.judge.skip()
    assert review.current_id == 4
    review.judge.back()
    assert review.current_id == 3 or not review.canvas.showing


def test_the_end_says_what_was_done(review: ReviewPage, session: Any, qtbot: QtBot) -> None:
    # so that bands are counted, not estimated
    session.annotations.annotate([1], [10, 11, KITE], Verdict.PRESENT)
    ask(review, qtbot, (3, KITE), (4, CUP))
    review.say(Verdict.PRESENT)
    see(review, qtbot)
    review.say(Verdict.ABSENT)
    assert not review.asks
    sentence = "2 questions answered, 1 present; 1 tail class gained examples."
    assert review.end.sentence.text() == sentence
    review.judge.back()
    assert review.asks and review.current_id == 4


def test_nothing_to_ask_without_features(review: ReviewPage, session: Any, qtbot: QtBot) -> None:
    snapshot = session.snapshot_
    scores = np.full_like(snapshot.scores, np.nan)
    session.snapshot_ = replace(snapshot, scores=scores)
    ask(review, qtbot)
    assert not review.asks and "not looked at any photo yet" in review.end.sentence.text()
    session.snapshot_ = snapshot  # the model has looked
    review.library_changed()
    qtbot.waitUntil(lambda: review.asks)


def test_nothing_to_ask_without_classes(review: ReviewPage, session: Any, qtbot: QtBot) -> None:
    empty = session.snapshot_
    session.snapshot_ = replace(
        empty,
        classes=(),
        scores=empty.scores[:, :0],
        annotations=empty.annotations[:, :0],
        thresholds=empty.thresholds[:0],
        trained=empty.trained[:0],
    )
    ask(review, qtbot)
    with qtbot.waitSignal(review.vocabulary_wanted):
        review.end.buttons[0].click()


def test_whole_photos_are_walked_through_by_their_predictions(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    review.show_images([2, 5])
    see(review, qtbot)
    first = review.subject
    assert first is not None
    assert review.side.question.title.text() == "What is in this photo?"
    review.say(Verdict.ABSENT)
    assert verdict(session, 2, first) == 0 and review.current_id == 2
    review.done()
    assert review.current_id == 5 and bool(session.snapshot().reviewed[1])


def test_number_keys_keep_their_classes_while_scores_change(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    review.show_images([2])
    see(review, qtbot)
    before = [chip.facts.class_id for chip in review.side.chips.shown if chip.facts]
    snapshot = session.snapshot_
    session.snapshot_ = replace(snapshot, scores=snapshot.scores[:, ::-1].copy())
    review.annotations_changed()
    assert [chip.facts.class_id for chip in review.side.chips.shown if chip.facts] == before


def test_a_class_found_by_name_joins_the_chips(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    classes = tuple(ClassEntry(100 + i, f"thing {i}", position=i) for i in range(40))
    shape = (12, 40)
    session.snapshot_ = replace(
        session.snapshot_,
        classes=classes,
        scores=np.linspace(0.9, 0.1, 40, dtype=np.float32)[None].repeat(12, axis=0),
        annotations=np.full(shape, -1, np.int8),
        thresholds=np.full(40, 0.5, np.float32),
        trained=np.zeros(40, np.bool_),
    )
    review.show_images([2])
    see(review, qtbot)
    assert len(review.side.chips.shown) == 9
    review.side.finder.start()
    qtbot.keyClicks(review.side.finder.line, "thing 33")
    review.side.finder._choose(present=True)
    assert verdict(session, 2, 133) == 1
    chip = review.side.chips.shown[-1]
    assert chip.facts is not None and chip.facts.class_id == 133 and chip.number == 0


@pytest.mark.parametrize("name", ["x" * 300, "a very " * 40 + "long class name"])
def test_long_names_do_not_widen_the_page(
    review: ReviewPage, session: Any, qtbot: QtBot, name: str
) -> None:
    entries = list(session.snapshot_.classes)
    entries[3] = replace(entries[3], name=name)
    session.snapshot_ = replace(session.snapshot_, classes=tuple(entries))
    width = review.side.width()
    ask(review, qtbot, (3, KITE))
    assert review.side.width() == width
    assert name in review.side.question.title.toolTip()
    for label in review.side.question.findChildren(QLabel):
        assert label.minimumSizeHint().width() <= width


def test_everything_said_is_announced(review: ReviewPage, qtbot: QtBot) -> None:
    said: list[str] = []
    review.announcer.announced.connect(said.append)
    ask(review, qtbot, (3, KITE), (4, CUP))
    assert "1 of 2" in said[-1] and "kite" in said[-1]
    review.say(Verdict.PRESENT)
    assert said[-1].startswith("kite: present. 2 of 2. Is there “cup” in this photo?")
    see(review, qtbot)
    review.side.chips.press(1)
    assert said[-1].endswith("present")
    review.judge.back()
    assert said[-1].startswith("Taken back")


def test_no_line_of_the_facts_begins_with_a_dot(
    review: ReviewPage, session: Any, qtbot: QtBot
) -> None:
    session.annotations.annotate([3], [KITE], Verdict.PRESENT)
    ask(review, qtbot, (3, KITE))
    text = review.side.question.facts.text()
    assert "·" in text and " ·" not in text
