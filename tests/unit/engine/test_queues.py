"""Review queues of a real library, through the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.notices import VersionsChanged
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.inference.queues import QueueKind, QueueRequest

Until = Callable[[Callable[[], object]], None]
NAMES = ["dog_1.jpg", "cat_1.jpg", "dog+cat_1.jpg", "kite_1.jpg"]


@pytest.fixture
def session(
    tmp_path: Path, encoder_command: list[str], fit_command: list[str], until: Until
) -> Iterator[LibrarySession]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    made = LibrarySession.open(
        tmp_path / "library", commands=Commands(encoder_command, fit_command)
    )
    made.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat"), ClassSpec("kite")])
    made.folders.add(folder)
    assert made.wait_until_idle(60)
    yield made
    made.close()


def test_a_verdict_takes_its_question_out_of_every_queue(session: LibrarySession) -> None:
    for kind in (QueueKind.TAIL_FIRST, QueueKind.UNCERTAIN):
        before = session.queues.build(QueueRequest(kind))
        first = before.items[0]
        assert first.class_id is not None
        session.annotations.annotate([first.image_id], [first.class_id], Verdict.ABSENT)
        after = session.queues.build(QueueRequest(kind))
        assert after.possible == before.possible - 1
        asked = {(item.image_id, item.class_id) for item in after.items}
        assert (first.image_id, first.class_id) not in asked


def test_more_like_an_example_uses_the_features_of_the_library(session: LibrarySession) -> None:
    snapshot = session.snapshot()
    place = {name: int(i) for name, i in zip(snapshot.names, snapshot.image_ids, strict=True)}
    dog = snapshot.classes[0].id
    session.annotations.annotate([place["dog_1.jpg"]], [dog], Verdict.PRESENT)
    queue = session.queues.build(QueueRequest(QueueKind.MORE_LIKE, class_id=dog))
    assert queue.items[0].image_id == place["dog+cat_1.jpg"]


def test_images_held_out_from_training_are_left_to_the_random_sample(
    session: LibrarySession,
) -> None:
    held = int(session.snapshot().image_ids[0])
    session.catalogue.runs.add_held_out([held])
    learned_from = session.queues.build(QueueRequest(QueueKind.TAIL_FIRST))
    measured = session.queues.build(QueueRequest(QueueKind.RANDOM))
    assert held not in {item.image_id for item in learned_from.items}
    assert held in {item.image_id for item in measured.items}


def test_photos_that_are_answered_to_measure_are_held_out(
    session: LibrarySession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.MIN_SUPPORT", 1)
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.SPARE", 0.01)
    runs = session.catalogue.runs
    dog = session.snapshot().classes[0].id
    queue = session.queues.build(QueueRequest(QueueKind.MEASURABLE, class_id=dog))
    asked = {item.image_id for item in queue.items}
    assert asked and not runs.held_out()
    first = queue.items[0]
    assert first.class_id is not None
    session.annotations.annotate([first.image_id], [first.class_id], Verdict.PRESENT)
    until(lambda: runs.held_out() == {first.image_id})
    other = next(int(i) for i in session.snapshot().image_ids if int(i) not in asked)
    session.annotations.annotate([other], [first.class_id], Verdict.ABSENT)
    assert session.wait_until_idle(60)
    assert runs.held_out() == {first.image_id}


def test_a_photo_whose_only_answer_is_undone_is_no_longer_held_out(
    session: LibrarySession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.MIN_SUPPORT", 1)
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.SPARE", 0.01)
    runs, annotations = session.catalogue.runs, session.annotations
    dog, cat, _ = (entry.id for entry in session.snapshot().classes)
    image = session.queues.build(QueueRequest(QueueKind.MEASURABLE, class_id=dog)).items[0].image_id
    answer = annotations.annotate([image], [dog], Verdict.PRESENT)
    until(lambda: runs.held_out() == {image})
    undo = annotations.undo(answer.id)
    until(lambda: not runs.held_out())
    annotations.undo(undo.id)
    until(lambda: runs.held_out() == {image})
    annotations.annotate([image], [cat], Verdict.ABSENT)
    annotations.annotate([image], [dog], Verdict.UNKNOWN)
    assert session.wait_until_idle(60)
    assert runs.held_out() == {image}, "it has another annotation"


def test_a_photo_that_a_version_may_have_been_measured_with_stays_held_out(
    session: LibrarySession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.MIN_SUPPORT", 1)
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.SPARE", 0.01)
    runs, annotations = session.catalogue.runs, session.annotations
    dog = session.snapshot().classes[0].id
    image = session.queues.build(QueueRequest(QueueKind.MEASURABLE, class_id=dog)).items[0].image_id
    answer = annotations.annotate([image], [dog], Verdict.PRESENT)
    until(lambda: runs.held_out() == {image})
    session._notifier.send(VersionsChanged())
    annotations.undo(answer.id)
    assert session.wait_until_idle(60)
    assert runs.held_out() == {image}


def test_photos_that_a_version_was_trained_on_are_not_asked_about_to_measure(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.MIN_SUPPORT", 1)
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.SPARE", 0.01)
    everything = {int(i) for i in session.snapshot().image_ids}
    monkeypatch.setattr(session.queues, "_trained_images", lambda: everything)
    assert not session.queues.build(QueueRequest(QueueKind.MEASURABLE)).items
