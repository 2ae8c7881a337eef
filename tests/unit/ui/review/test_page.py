"""What the page shows and says, on a real session without a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fake_encoder import text_vector
from paper_library import fill
from photo_bytes import exif_block
from PIL import Image
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from ui_libraries import (
    CLASS_NAMES,
    CUP,
    DOG,
    FACTS,
    KITE,
    PERSON,
    Locked,
    OpenSession,
    add_features,
    add_version,
    another_writer,
    leave_unanswered,
    make_library,
    sample_scores,
    settle,
    verdict_of,
)

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.annotations import Annotations
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.notices import PredictionsChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.queues import QueueKind
from lmpt_desktop.settings import SHOW_REGIONS
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.shell.context import ShellContext
from trainer.box import Box

if TYPE_CHECKING:
    from .conftest import MakeReview


def ask(review: ReviewPage, session: LibrarySession, qtbot: QtBot, *items: tuple[int, int]) -> None:
    """Leave only these questions to be asked, begin the queue that asks them by rising image and
    class, and wait for the first photo."""
    if items:
        leave_unanswered(session, *items)
    begin(review, qtbot)


def begin(
    review: ReviewPage, qtbot: QtBot, kind: QueueKind = QueueKind.UNCERTAIN, *args: int
) -> None:
    """Begin a queue and wait for its first photo."""
    review.ask(kind, *args)
    qtbot.waitUntil(lambda: not review.queue_request.busy)
    if review.is_asking:
        see(review, qtbot)


def see(review: ReviewPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: review.viewer.has_shown(review.current_id))


def fingerprint_of(session: LibrarySession, image_id: int) -> str:
    snapshot = session.snapshot()
    return snapshot.images.fingerprints[snapshot.row_of[image_id]]


def test_it_explains_the_queue_and_the_question(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    assert review.bar.explanation.text() == QueueKind.UNCERTAIN.tip
    assert review.side.question.title.text() == "Is there “kite” in this photo?"
    assert review.side.question.reason.text().startswith("The model says ")
    assert review.bar.counter.text() == "1 of 2"
    assert all(chip.facts and chip.facts.class_id != KITE for chip in review.side.chips.shown)


def test_a_queue_about_one_class_begins_with_the_current_class(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    kinds = review.bar.kind
    kinds.setCurrentIndex(kinds.findData(QueueKind.CLASS_SWEEP.value))
    kinds.activated.emit(kinds.currentIndex())
    assert review.request is not None and review.request.class_id == KITE
    assert review.bar.classes.class_id == KITE


def test_a_verdict_is_committed_before_the_next_question(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    review.set_verdict(Verdict.PRESENT)
    assert verdict_of(session, 3, KITE) == 1
    assert review.current_id == 4


def test_a_verdict_that_could_not_be_saved_stays_a_question(
    review: ReviewPage,
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    locked: Locked,
    qtbot: QtBot,
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    with locked(), qtbot.waitSignal(undo_stack.failed):
        review.set_verdict(Verdict.PRESENT)
    assert review.current_id == 3 and review.questions.tally().answered == 0
    review.set_verdict(Verdict.ABSENT)
    assert review.current_id == 4 and review.questions.tally().absent == 1


def test_unknown_removes_the_verdict_and_stays_on_the_photo(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    session.annotations.annotate([3], [KITE], Verdict.PRESENT)
    review.set_verdict(Verdict.UNKNOWN)
    assert verdict_of(session, 3, KITE) == -1 and review.current_id == 3


def test_backspace_does_not_undo_a_later_verdict_given_elsewhere(
    review: ReviewPage, session: LibrarySession, undo_stack: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    review.set_verdict(Verdict.PRESENT)
    undo_stack.annotate([7], [CUP], Verdict.PRESENT, "cup")  # in the grid, say
    review.verdicts.back()
    assert review.current_id == 3
    assert verdict_of(session, 7, CUP) == 1 and verdict_of(session, 3, KITE) == 1


def test_keys_pressed_while_a_change_is_saved_are_not_lost(
    review: ReviewPage, session: LibrarySession, undo_stack: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP), (5, KITE))
    with another_writer(session.library_folder):
        undo_stack.annotate([9], [DOG], Verdict.PRESENT)  # in the grid, say
        assert undo_stack.busy
        review.set_verdict(Verdict.PRESENT)
        assert verdict_of(session, 3, KITE) == -1 and review.current_id == 3
    qtbot.waitUntil(lambda: verdict_of(session, 3, KITE) == 1)
    assert review.current_id == 4


def test_a_key_pressed_twice_while_saving_answers_one_question(
    review: ReviewPage, session: LibrarySession, undo_stack: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP), (5, KITE))
    with another_writer(session.library_folder):
        undo_stack.annotate([9], [DOG], Verdict.PRESENT)
        review.set_verdict(Verdict.PRESENT)
        review.set_verdict(Verdict.PRESENT)
        review.mark_reviewed(True)
    qtbot.waitUntil(lambda: bool(session.snapshot().reviewed[2]))
    assert review.current_id == 4  # which nobody has answered
    assert verdict_of(session, 4, CUP) == -1 and review.questions.tally().answered == 1
    review.verdicts.back()
    assert review.current_id == 3 and not session.snapshot().reviewed[2]


def test_a_verdict_saved_after_another_queue_was_begun_does_not_answer_its_questions(
    review: ReviewPage, session: LibrarySession, undo_stack: AnnotationUndoStack, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (6, CUP), (7, CUP))
    with another_writer(session.library_folder):
        undo_stack.annotate([9], [DOG], Verdict.PRESENT)
        review.set_verdict(Verdict.PRESENT)
        review.verdicts.skip()
        begin(review, qtbot, QueueKind.CLASS_SWEEP, CUP)
        assert review.current_id == 7, "the likeliest first"
    qtbot.waitUntil(lambda: verdict_of(session, 3, KITE) == 1)
    assert review.current_id == 7 and review.questions.tally().answered == 0
    review.verdicts.back()
    assert verdict_of(session, 3, KITE) == 1  # no verdict was given in this queue


def test_a_question_is_answered_only_after_it_was_painted(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, KITE), (4, CUP))
    key = (4, fingerprint_of(session, 4))
    qtbot.waitUntil(lambda: review.viewer.pool.get(key) is not None)
    review.set_verdict(Verdict.PRESENT)
    review.set_verdict(Verdict.PRESENT)  # the key was hit twice
    assert review.current_id == 4 and verdict_of(session, 4, KITE) == -1
    see(review, qtbot)
    review.set_verdict(Verdict.ABSENT)
    review.set_verdict(Verdict.ABSENT)  # the same photo, but nobody has read the question
    assert verdict_of(session, 4, KITE) == 0 and verdict_of(session, 4, CUP) == -1


def test_a_file_that_changes_while_it_is_shown_is_loaded_again(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    path = session.images.path(3)
    turned = b"Exif\0\0" + exif_block(orientation=6)
    segment = b"\xff\xe1" + (len(turned) + 2).to_bytes(2, "big") + turned
    data = path.read_bytes()
    path.write_bytes(data[:2] + segment + data[2:])
    before = fingerprint_of(session, 3)
    session.folders.rescan()
    qtbot.waitUntil(lambda: fingerprint_of(session, 3) != before)
    review.annotations_changed()  # a verdict from elsewhere, which is shown first
    review.images_changed()
    review.set_verdict(Verdict.PRESENT)
    assert verdict_of(session, 3, KITE) == -1  # nobody has seen the new one yet
    see(review, qtbot)
    seen = review.canvas.grab().toImage()
    photo = seen.pixelColor(review.canvas.rect().center())
    edge = seen.pixelColor(int(review.canvas.width() * 0.2), review.canvas.height() // 2)
    assert edge != photo  # it is upright now, and narrower
    review.set_verdict(Verdict.PRESENT)
    assert verdict_of(session, 3, KITE) == 1


def test_another_picture_in_the_place_of_a_photo_is_not_asked_about(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    """A verdict on it would be kept as one on the photo that was scanned."""
    Image.new("RGB", (64, 48), (250, 10, 10)).save(session.images.path(4))
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    key = (4, fingerprint_of(session, 4))
    qtbot.waitUntil(lambda: review.viewer.cannot_show(key))


def test_questions_about_a_class_that_was_archived_meanwhile_are_dropped(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, KITE), (5, CUP), (6, KITE), (7, CUP))
    session.vocabulary.archive([KITE])
    review.library_changed()
    assert review.current_id == 5
    see(review, qtbot)
    review.set_verdict(Verdict.PRESENT)
    assert review.current_id == 7 and review.questions.tally().gained == {CUP}


def test_the_marked_class_of_a_whole_photo_is_another_one_once_it_is_archived(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    review.show_images([7])
    see(review, qtbot)
    marked = review.subject
    assert marked is not None
    session.vocabulary.archive([marked])
    review.library_changed()
    assert review.subject not in (None, marked)


def test_a_number_key_that_is_held_down_gives_one_verdict(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    review.show_images([3])
    see(review, qtbot)
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
    assert verdict_of(session, 3, facts.class_id) == 1


def test_an_undo_that_could_not_be_saved_is_not_announced_as_done(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OSError("The disk is full.")

    ask(review, session, qtbot, (3, KITE), (4, CUP))
    review.set_verdict(Verdict.PRESENT)
    monkeypatch.setattr(Annotations, Annotations.toggle_undo.__name__, fail)
    with qtbot.waitSignal(review.verdicts.stepped_back, check_params_cb=lambda taken: not taken):
        review.verdicts.back()
    assert verdict_of(session, 3, KITE) == 1


def test_an_undo_that_another_program_kept_from_being_saved_is_not_announced(
    review: ReviewPage,
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    locked: Locked,
    qtbot: QtBot,
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    review.set_verdict(Verdict.PRESENT)
    announced: list[str] = []
    review.announcer.announced.connect(announced.append)
    with locked(), qtbot.waitSignal(undo_stack.failed):
        review.verdicts.back()
    assert verdict_of(session, 3, KITE) == 1
    assert not any("Undone" in text for text in announced)


def test_a_photo_that_is_not_on_screen_yet_cannot_be_judged(
    review: ReviewPage, session: LibrarySession, context: ShellContext, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    review.viewer.canvas.show_text("")
    review.set_verdict(Verdict.PRESENT)
    assert context.status.currentMessage() == "The photo is still loading."
    assert verdict_of(session, 3, KITE) == -1


def test_photos_whose_files_are_gone_are_skipped(
    review: ReviewPage, session: LibrarySession, context: ShellContext, qtbot: QtBot
) -> None:
    for image_id in (4, 5):
        session.images.path(image_id).unlink()
    ask(review, session, qtbot, (3, KITE), (4, KITE), (5, KITE), (6, KITE))
    keys = [(image_id, fingerprint_of(session, image_id)) for image_id in (4, 5)]
    qtbot.waitUntil(lambda: all(review.viewer.cannot_show(key) for key in keys))
    review.verdicts.skip()
    assert context.status.currentMessage() == "Skipped 2 photos that cannot be shown"
    assert review.current_id == 6
    review.verdicts.back()
    assert review.current_id == 3 or not review.canvas.showing


def test_the_end_sums_up_what_was_done(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    session.annotations.annotate([1], [DOG, PERSON, KITE], Verdict.PRESENT)
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    review.set_verdict(Verdict.PRESENT)
    see(review, qtbot)
    review.set_verdict(Verdict.ABSENT)
    assert not review.is_asking
    sentence = "2 questions answered, 1 present; 1 rare class gained examples."
    assert review.end.sentence.text() == sentence
    review.verdicts.back()
    assert review.is_asking and review.current_id == 4


def test_questions_come_by_themselves_once_there_are_predictions(
    library: Path, open_session: OpenSession, make_review: MakeReview, qtbot: QtBot
) -> None:
    session = open_session(library, begin=False)
    bridge = SessionBridge(session)
    review = make_review(session)
    bridge.on(PredictionsChanged, lambda _notice: review.library_changed())
    begin(review, qtbot)
    assert not review.is_asking and "No photo has been encoded yet" in review.end.sentence.text()
    session.begin()
    qtbot.waitUntil(lambda: review.is_asking)
    bridge.close()


def test_one_photo_without_scores_does_not_hide_that_the_others_have_them(
    tmp_path: Path, open_session: OpenSession, make_review: MakeReview, qtbot: QtBot
) -> None:
    scores = sample_scores(100)
    scores[0] = np.nan
    with Catalogue.open(tmp_path / "library") as catalogue:
        fill(catalogue, tmp_path / "photos", 100, CLASS_NAMES)
        add_features(catalogue, CLASS_NAMES, scores)
    session = open_session(tmp_path / "library")
    assert np.isnan(session.snapshot().scores).any(axis=1).sum() == 1
    review = make_review(session)
    begin(review, qtbot, QueueKind.DISAGREEMENTS)
    sentence = review.end.sentence.text()
    assert sentence == "The model firmly contradicts none of the annotations."


def test_without_classes_a_vocabulary_can_be_chosen(
    review: ReviewPage, session: LibrarySession, context: ShellContext, qtbot: QtBot
) -> None:
    session.vocabulary.set_all([])
    begin(review, qtbot)
    context.refresh_commands()
    review.end.buttons[0].click()
    assert context.dialogs.find("vocabulary") is not None


def test_whole_photos_are_walked_through_by_their_predictions(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    review.show_images([2, 5])
    see(review, qtbot)
    first = review.subject
    assert first is not None
    assert review.side.question.title.text() == "What is in this photo?"
    review.set_verdict(Verdict.ABSENT)
    assert verdict_of(session, 2, first) == 0 and review.current_id == 2
    review.mark_reviewed(True)
    assert review.current_id == 5 and bool(session.snapshot().reviewed[1])


def test_number_keys_keep_their_classes_while_scores_change(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    review.show_images([2])
    see(review, qtbot)
    before = [chip.facts.class_id for chip in review.side.chips.shown if chip.facts]
    scores = session.snapshot().scores[1]
    session.versions.promote(add_version(session, shift=(3, 2, 1, 0, -1, -2)))
    qtbot.waitUntil(lambda: bool((session.snapshot().scores[1] != scores).any()))
    assert np.argsort(session.snapshot().scores[1]).tolist() == np.argsort(-scores).tolist()
    review.annotations_changed()
    assert [chip.facts.class_id for chip in review.side.chips.shown if chip.facts] == before


def test_a_class_found_by_name_joins_the_chips(
    tmp_path: Path, open_session: OpenSession, make_review: MakeReview, qtbot: QtBot
) -> None:
    names = [f"thing {i}" for i in range(40)]
    scores = np.linspace(0.9, 0.1, 40, dtype=np.float32)[None].repeat(12, axis=0)
    make_library(tmp_path / "many", tmp_path / "photos", class_names=names, scores=scores)
    session = open_session(tmp_path / "many")
    review = make_review(session)
    review.show_images([2])
    see(review, qtbot)
    assert len(review.side.chips.shown) == 9
    review.side.finder.start()
    qtbot.keyClicks(review.side.finder.line, "thing 33")
    qtbot.keyClick(review.side.finder.line, Qt.Key.Key_Return)
    assert verdict_of(session, 2, 34) == 1
    chip = review.side.chips.shown[-1]
    assert chip.facts is not None and chip.facts.class_id == 34 and chip.number == 0


@pytest.mark.parametrize("name", ["x" * 300, "a very " * 40 + "long class name"])
def test_long_names_do_not_widen_the_page(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot, name: str
) -> None:
    texts = {name: text_vector("kite")}
    session.catalogue.features.put_texts(session.model.backbone, texts, FACTS.variant)
    session.vocabulary.rename(KITE, name)
    settle(session)
    width = review.side.width()
    ask(review, session, qtbot, (3, KITE))
    assert review.side.width() == width
    assert name in review.side.question.title.toolTip()
    for label in review.side.question.findChildren(QLabel):
        assert label.minimumSizeHint().width() <= width


def test_questions_and_verdicts_are_announced(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    announced: list[str] = []
    review.announcer.announced.connect(announced.append)
    ask(review, session, qtbot, (3, KITE), (4, CUP))
    assert "1 of 2" in announced[-1] and "kite" in announced[-1]
    review.set_verdict(Verdict.PRESENT)
    assert announced[-1].startswith("kite: present. 2 of 2. Is there “cup” in this photo?")
    see(review, qtbot)
    review.side.chips.press(1)
    assert announced[-1].endswith("unknown")
    review.verdicts.back()
    assert announced[-1].startswith("Undone")


def test_no_line_of_the_facts_begins_with_a_dot(
    review: ReviewPage, session: LibrarySession, qtbot: QtBot
) -> None:
    ask(review, session, qtbot, (3, KITE))
    session.annotations.annotate([3], [KITE], Verdict.PRESENT)
    review.annotations_changed()
    text = review.side.question.facts.text()
    assert "·" in text and " ·" not in text


def test_where_the_asked_class_is_seen_is_shown_once_that_is_switched_on(
    review: ReviewPage,
    session: LibrarySession,
    context: ShellContext,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, int, bool]] = []
    region = Box(0.25, 0.25, 0.5, 0.5)

    def find(
        image_id: int, class_id: int, answer: Callable[[Box | None], None], *, load: bool
    ) -> None:
        asked.append((image_id, class_id, load))
        answer(region)

    monkeypatch.setattr(session.regions, "ask", find)
    ask(review, session, qtbot, (1, DOG), (2, DOG))
    assert review.canvas.region.box is None
    context.settings.set(SHOW_REGIONS, True)
    qtbot.waitUntil(lambda: review.canvas.region.box == region)
    assert asked == [(1, DOG, True)]
    review.set_verdict(Verdict.PRESENT)
    qtbot.waitUntil(lambda: review.current_id == 2)
    assert review.canvas.region.box is None  # that was another photo
    qtbot.waitUntil(lambda: review.canvas.region.box == region)
    assert asked[-1] == (2, DOG, False)  # going on does not load the model
    context.settings.set(SHOW_REGIONS, False)
    assert review.canvas.region.box is None
